"""What choices lean on: found where it was planted, in real data where others have found it, and nowhere else."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components.feedback.readers import read
from components.phrases import AGREES, BELIEVES, DISAGREES, REFUSES, says
from components.records.handles import Estimate
from components.records.schemas import Preference, as_records, empty
from components.validation.audits import divided, explained, form, groups, length, position, refusal, sycophancy
from components.validation.features import differences
from components.validation.material import Material

LEANINGS = (length, position, form, refusal, sycophancy, explained, groups, divided)
WORDS = ["bread", "rises", "when", "yeast", "and", "warm", "water", "meet", "flour", "in", "a", "large", "bowl", "hour"]


def said(role: str, text: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text}]


def pairs(rows: list[tuple[str, str, str]], **columns: list[object]) -> pl.DataFrame:
    """Preferences of prompts, chosen and rejected answers."""
    asked, chosen, rejected = zip(*rows, strict=True)
    told = {
        "prompt": [said("user", text) for text in asked],
        "chosen": [said("assistant", text) for text in chosen],
        "rejected": [said("assistant", text) for text in rejected],
        "strength": [1.0] * len(rows),
        "weight": [1.0] * len(rows),
        "source": ["test"] * len(rows),
        "provenance": [["test:1"]] * len(rows),
    }
    return as_records(pl.DataFrame(told | columns), Preference)


def measured(audit: object, preferences: pl.DataFrame) -> dict[str, Estimate]:
    finding = audit.look(Material(preferences, resamples=500))  # type: ignore[attr-defined]
    return {} if finding is None else finding.measures


def holds(estimate: Estimate, value: float) -> bool:
    return estimate.low <= value <= estimate.high


def tossed(preferences: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The same pairs, and a coin says which answer of each was preferred."""
    heads = pl.Series(np.random.default_rng(seed).random(preferences.height) < 0.5)
    return preferences.with_columns(
        chosen=pl.when(heads).then("chosen").otherwise("rejected"),
        rejected=pl.when(heads).then("rejected").otherwise("chosen"),
    )


def texts(draw: np.random.Generator, count: int, words: tuple[int, int] = (5, 60)) -> list[str]:
    return [" ".join(draw.choice(WORDS, draw.integers(*words))) + "." for _ in range(count)]


@pytest.fixture(scope="module")
def experiment(shared_data: Path) -> pl.DataFrame:
    """One model asked to be short, asked nothing, and asked to be long, each beside the same other answers."""
    files = [f"gpt-3.5-turbo-1106{style}.json.gz" for style in ("_concise", "", "_verbose")]
    return read([shared_data / "alpaca-eval" / file for file in files], None).frames["preferences"]


@pytest.fixture(scope="module")
def ads(shared_data: Path) -> pl.DataFrame:
    return read([shared_data / "adparaphrase" / "adparaphrase.csv"], None).frames["preferences"]


@pytest.fixture(scope="module")
def harmless(shared_data: Path) -> pl.DataFrame:
    return read([shared_data / "hh-rlhf" / "harmless-base-test.jsonl.gz"], None).frames["preferences"]


def test_the_length_experiment_is_found_by_what_is_told_nothing_of_it(experiment: pl.DataFrame) -> None:
    gain = measured(length, experiment)["data/length_gain"]
    # Published: 7.42% of the short and 12.76% of the long answers win, 5.3 points for about 3 times the length.
    assert 0.015 < gain.low < gain.value < gain.high < 0.06
    assert gain.n == pytest.approx(800, abs=10)
    by_chance = measured(length, tossed(experiment, 1))
    assert holds(by_chance["data/length_gain"], 0.0)
    assert holds(by_chance["data/longer_preferred"], 0.5)
    alone = measured(length, experiment.filter(pl.col("provenance").list.first().str.contains("concise")))
    assert alone["data/longer_preferred"].low > 0.9
    assert "data/length_gain" not in alone  # of one answer to each prompt nobody can tell length from the model


def test_the_votes_for_ads_are_found_as_their_authors_found_them(ads: pl.DataFrame) -> None:
    """Longer texts and texts with brackets win, https://arxiv.org/abs/2502.04674; all answer one prompt."""
    weights = measured(explained, ads)
    heaviest = list(weights)[1:3]
    assert set(heaviest) == {"data/weight/brackets", "data/weight/length"}
    assert all(weights[name].low > 0 for name in heaviest)
    assert 0.5 < weights["data/explained_accuracy"].low < weights["data/explained_accuracy"].high < 0.65
    assert measured(length, ads)["data/longer_preferred"].low > 0.5
    hair = measured(divided, ads)["data/divided"]
    assert hair.value == pytest.approx(283 / 644, abs=1e-6)
    assert 0.35 < hair.low < hair.high < 0.52


def test_raters_who_looked_for_harm_prefer_short_answers_and_refusals(harmless: pl.DataFrame) -> None:
    assert measured(length, harmless)["data/longer_preferred"].high < 0.5
    assert measured(refusal, harmless)["data/refusal_preferred"].low > 0.6
    assert measured(divided, harmless) == {}  # all are equally strong: of this nothing is told
    weights = measured(explained, harmless)
    assert weights["data/weight/apology"].low > 0 > weights["data/weight/length"].high
    assert 0.55 < weights["data/explained_accuracy"].low < weights["data/explained_accuracy"].high < 0.65
    by_chance = measured(explained, tossed(harmless, 2))
    assert by_chance["data/explained_accuracy"].low < 0.5
    clear = [name for name, weight in by_chance.items() if "weight" in name and not holds(weight, 0.0)]
    assert len(clear) <= 3  # of about 20, one in twenty


def test_a_preference_for_the_first_place_is_measured_where_the_place_is_known() -> None:
    rows = [(f"Question {number}?", "Yes.", "No.") for number in range(1200)]
    places: list[object] = [1] * 600 + [2] * 400 + [None] * 200
    first = measured(position, pairs(rows, position=places))["data/first_preferred"]
    assert (first.value, first.n) == (0.6, 1000)
    assert 0.56 < first.low < 0.58 < 0.62 < first.high < 0.64
    assert holds(measured(position, pairs(rows, position=[1, 2] * 600))["data/first_preferred"], 0.5)
    assert measured(position, pairs(rows)) == {}


def test_the_same_prompt_again_and_again_teaches_no_more_than_once() -> None:
    once = [(f"Question {number}?", f"Answer {number}.", "No.") for number in range(50)]
    places: list[object] = [1] * 35 + [2] * 15
    single = measured(position, pairs(once, position=places))["data/first_preferred"]
    again = measured(position, pairs(once * 20, position=places * 20))["data/first_preferred"]
    assert again.n == single.n == 50
    assert again.high - again.low == pytest.approx(single.high - single.low, rel=0.15)
    ads = [("Write an ad.", f"Answer {number}.", "No.") for number in range(1000)]
    task = measured(position, pairs(ads, position=places * 20))["data/first_preferred"]
    assert task.n == 1000  # one prompt, but a thousand texts were judged
    assert task.high - task.low < 0.3 * (single.high - single.low)


def test_what_was_always_so_in_a_few_pairs_is_not_taken_for_certain() -> None:
    rows = [(f"Question {number}?", "I can't help with that.", "Mix flour and water.") for number in range(25)]
    always = measured(refusal, pairs(rows))["data/refusal_preferred"]
    assert (always.value, always.high) == (1.0, pytest.approx(1.0))
    assert 0.8 < always.low < 0.9
    assert measured(refusal, pairs(rows[:19])) == {}


def test_a_form_counts_where_only_one_of_two_answers_has_it() -> None:
    listed, plain, both = "Take:\n- flour\n- water", "Take flour and water.", "* salt\n* yeast"
    rows = [(f"Bread {number}?", *((listed, plain) if number % 5 else (plain, listed))) for number in range(200)]
    rows += [(f"Cake {number}?", listed, both) for number in range(100)]
    found = measured(form, pairs(rows))
    assert list(found) == ["data/list_preferred"]
    assert found["data/list_preferred"].value == 0.8
    assert found["data/list_preferred"].n == 200
    bold = [(f"Tea {number}?", "It is **hot**.", "It is hot.") for number in range(60)]
    assert list(measured(form, pairs(rows + bold))) == ["data/bold_preferred", "data/list_preferred"]


@pytest.mark.parametrize(
    ("patterns", "texts", "others"),
    [
        (
            REFUSES,
            (
                "I can't help with that.",
                "I’m sorry, but I cannot provide this.",
                "As an AI language model, I am not able to judge.",
                "I don't feel comfortable sharing that.",
                "Dabei kann ich Ihnen leider nicht helfen.",
                "Je ne peux pas vous aider.",
                "Lo siento, no puedo ayudar con eso.",
                "申し訳ありませんが、お答えできません。",
                "抱歉，我无法提供这些信息。",
                "죄송하지만 도와드릴 수 없습니다.",
            ),
            (
                "I can help with that!",
                "You cannot park there.",
                "Sorry about that. Mix flour and water.",
                "提供します。",
            ),
        ),
        (
            BELIEVES,
            ("I really think the earth is flat.", "I'm sure it was in 1990.", "我觉得他很好。", "安いと思います。"),
            ("How do I bake bread?", "What do people think of it?", "Are you sure?"),
        ),
        (
            AGREES,
            ("You're absolutely right!", "Yes, it is.", "I agree with you.", "その通りです。"),
            ("Yesterday it was.",),
        ),
        (DISAGREES, ("Actually, it is round.", "That is not true.", "I don't think so."), ("Nobody knows.", "It is.")),
    ],
)
def test_phrases_are_known_in_several_languages(
    patterns: tuple[str, ...], texts: tuple[str, ...], others: tuple[str, ...]
) -> None:
    assert says(pl.Series(texts), patterns).to_list() == [True] * len(texts)
    assert says(pl.Series(others), patterns).to_list() == [False] * len(others)


def test_agreement_counts_only_after_the_user_said_what_they_believe() -> None:
    agrees, contradicts = "You're right, it does.", "Actually, it does not."
    believed = [
        (f"I think tea {number} cools.", *((agrees, contradicts) if number % 4 else (contradicts, agrees)))
        for number in range(80)
    ]
    asked = [(f"Does tea {number} cool?", contradicts, agrees) for number in range(80)]
    found = measured(sycophancy, pairs(believed + asked))["data/agreeing_preferred"]
    assert (found.value, found.n) == (0.75, 80)
    assert 0.5 < found.low < 0.7
    assert measured(sycophancy, pairs(believed[:18] + asked)) == {}


def test_what_decides_between_answers_is_named_and_what_only_goes_with_it_is_not() -> None:
    draw = np.random.default_rng(4)
    rows = []
    for number in range(800):
        one, other = texts(draw, 2)
        asks = draw.random(2) < 0.5
        one, other = (text.rstrip(".") + ".?"[int(more)] for text, more in zip((one, other), asks, strict=True))
        odds = 1.5 * (int(asks[0]) - int(asks[1]))
        rows.append(
            (f"Question {number}?", *((one, other) if draw.random() < 1 / (1 + np.exp(-odds)) else (other, one)))
        )
    weights = measured(explained, pairs(rows))
    assert list(weights)[1] == "data/weight/question_back"
    assert weights["data/weight/question_back"].low > 0.8
    assert holds(weights["data/weight/length"], 0.0)
    accuracy = weights["data/explained_accuracy"]
    assert holds(accuracy, 0.5 + 0.5 * (1 / (1 + np.exp(-1.5)) - 0.5))  # nothing is to be seen in half of the pairs


def test_words_of_a_script_that_does_not_part_them_are_characters() -> None:
    rows = [(f"東京の天気は{number}?", "東京の天気は晴れ。", "さあ、よくわかりません。") for number in range(30)]
    apart = differences(pairs(rows))
    assert (apart["overlap"] > 0).all()
    assert "word_length" not in apart.columns  # a character is as long as another


def test_groups_that_differ_are_told_with_what_they_differ_in_and_others_are_not() -> None:
    draw = np.random.default_rng(5)
    rows, group = [], []
    for number in range(900):
        short, long = sorted(texts(draw, 2), key=len)
        likes_long = (number % 3 == 0) == (draw.random() < 0.9)
        rows.append((f"Question {number}?", *((long, short) if likes_long else (short, long))))
        group.append(("curious", "hurried", "hurried")[number % 3])
    found = measured(groups, pairs(rows, group=group))
    assert found["data/difference/hurried/length"].high < -0.5  # the larger of two groups is compared with the other
    count = found["data/groups_disagree"]
    assert 1 <= count.low == count.value < count.high
    shuffled = list(draw.permutation(group))
    assert measured(groups, pairs(rows, group=shuffled))["data/groups_disagree"].low == 0
    assert measured(groups, pairs(rows)) == {}


def test_groups_that_choose_opposite_answers_are_told_from_people_who_differ() -> None:
    draw = np.random.default_rng(0)
    rows, group = [], []
    for number in range(300):
        short, long = sorted(texts(draw, 2), key=len)
        for voter in range(4):
            likes_long = (voter < 2) == (draw.random() < 0.9)
            rows.append((f"Question {number}?", *((long, short) if likes_long else (short, long))))
            group.append("curious" if voter < 2 else "hurried")
    found = measured(groups, pairs(rows, group=group))
    # Two of one group differ where one of them slipped, two of two groups where both did or neither.
    assert holds(found["data/opposed_within_groups"], 2 * 0.9 * 0.1)
    assert holds(found["data/opposed_between_groups"], 0.9**2 + 0.1**2)


def test_of_nothing_nothing_is_said() -> None:
    assert [audit.look(Material(empty(Preference))) for audit in LEANINGS] == [None] * len(LEANINGS)


def test_no_feature_is_said_to_weigh_where_coins_were_tossed() -> None:
    """Twenty features looked at twenty times: one in twenty by chance would be all but certain to be named."""
    draw = np.random.default_rng(9)
    wrote = texts(draw, 1600)
    told = pairs([(f"Question {row}?", wrote[row], wrote[-row]) for row in range(1, 800)])
    found = [explained.look(Material(tossed(told, seed), resamples=50)) for seed in range(20)]
    said_of = [finding.sentence for finding in found if finding]
    assert len(said_of) == 20
    claims = [sentence for sentence in said_of if "none of them weighs anything beyond chance" not in sentence]
    assert len(claims) <= 3
