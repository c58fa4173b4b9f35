"""Sides of the split: a prompt and its near duplicates are on one of them, and stay there whatever lands later."""

from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.config import Settings
from components.config.settings import Split
from components.feedback.readers import read
from components.feedback.signals import appoint, detect
from components.preferences import sharing
from components.preferences.building import build
from components.preferences.sharing import prompt_groups
from components.preferences.splitting import Sides, split
from components.records.schemas import Preference, as_records
from components.simulation.population import scripted, talk

SHARES = Split(test=0.2, validation=0.1)
BEGINNING = datetime(2026, 3, 1, tzinfo=UTC)


def preferences(prompts: list[list[dict[str, str]]], **columns: object) -> pl.DataFrame:
    """One preference a prompt, in the order they landed; each has an id of its own."""
    said = [[{"role": "assistant", "content": "Yes."}]] * len(prompts)
    no = [[{"role": "assistant", "content": "No."}]] * len(prompts)
    frame = pl.DataFrame({"prompt": prompts, "chosen": said, "rejected": no, "source": "test"})
    given = {name: pl.Series(values) for name, values in columns.items()}
    frame = frame.with_columns(strength=1.0, weight=1.0, rater=pl.int_range(pl.len()).cast(pl.String), **given)
    return as_records(frame, Preference)


def asking(*texts: str) -> list[list[dict[str, str]]]:
    return [[{"role": "user", "content": text}] for text in texts]


def sides_of(sides: Sides) -> dict[str, str]:
    frames = {**sides.named, "withheld": sides.withheld}
    return {id: name for name, frame in frames.items() for id in frame["id"]}


def likeness(one: str, other: str) -> float:
    """The Jaccard index of the sets of 3-word shingles."""
    a, b = ({tuple(text.split()[at : at + 3]) for at in range(len(text.split()) - 2)} for text in (one, other))
    return len(a & b) / len(a | b)


def test_shares_come_out_right_on_5000_prompts_and_every_preference_is_on_one_side() -> None:
    frame = preferences(asking(*(f"question {number}" for number in range(5000))))
    sides = split(frame, SHARES)
    # Three standard deviations of a fair draw.
    assert sides.test.height == pytest.approx(1000, abs=85)
    assert sides.validation.height == pytest.approx(500, abs=64)
    assert len(sides_of(sides)) == sum(side.height for side in sides.named.values()) == 5000
    assert sides.withheld.is_empty()
    assert sides.seen.height == 5000 - sides.test.height


def test_other_shares_move_little_more_than_they_have_to() -> None:
    frame = preferences(asking(*(f"question {number}" for number in range(1000))))
    small, large = split(frame, Split(test=0.1, validation=0.1)), split(frame, Split(test=0.3, validation=0.1))
    assert large.test.height == pytest.approx(300, abs=20)
    assert len(set(small.test["id"]) & set(large.test["id"])) > 60  # of 100; 30 by chance


VARIANTS = [
    "How do I bake bread?",
    "how do i bake bread",
    "  HOW do I\tbake\n bread?!  ",
    "How... do I «bake» bread?",
    "Ｈｏｗ do I bake bread?",  # full-width letters
]


def test_prompts_that_differ_by_case_spacing_or_punctuation_share_a_side() -> None:
    groups = prompt_groups(preferences(asking(*VARIANTS, "How do I bake a bread?", "How do I bake bread 2?")))
    assert groups[: len(VARIANTS)].n_unique() == 1
    assert groups.n_unique() == 3


def test_letters_of_any_script_count_and_accents_written_either_way_are_one() -> None:
    said = ["как испечь хлеб", "Как испечь хлеб?", "как испечь торт", "怎么烤面包", "caf\u00e9", "cafe\u0301", "cafe"]
    groups = prompt_groups(preferences(asking(*said))).to_list()
    assert groups[0] == groups[1]
    assert groups[4] == groups[5]
    assert len({groups[0], groups[2], groups[3], groups[4], groups[6]}) == 5


def test_prompts_of_nothing_but_signs_are_told_apart() -> None:
    frame = preferences(asking("👍", "👎", "?!", "👍"))
    groups = prompt_groups(frame)
    assert groups.n_unique() == 3
    assert groups[0] == groups[3]
    assert len(sides_of(split(frame, SHARES))) == 4


def test_it_is_what_users_say_that_makes_the_group_not_what_they_are_told() -> None:
    def talk(system: str, first: str, reply: str, last: str) -> list[dict[str, str]]:
        said = zip(("system", "user", "assistant", "user"), (system, first, reply, last), strict=True)
        return [{"role": role, "content": content} for role, content in said]

    groups = prompt_groups(
        preferences(
            [
                talk("Be brief.", "Hello!", "Hi.", "Bread?"),
                talk("Be kind.", "hello", "Good day, what is it?", "bread"),
                talk("Be brief.", "Hello!", "Hi.", "Soup?"),
                talk("Be brief.", "Bread?", "Hi.", "Hello!"),
            ]
        )
    )
    assert groups[0] == groups[1]
    assert groups.n_unique() == 3
    alone = [[{"role": "system", "content": text}] for text in ("Greet.", "greet", "Leave.")]
    assert prompt_groups(preferences(alone)).n_unique() == 2


def edited(text: str, draw: np.random.Generator) -> str:
    """The text with one word in another's place, left out or added."""
    words = text.split()
    at = int(draw.integers(len(words)))
    new = f"w{draw.integers(400)}"
    kind = draw.integers(3)
    return " ".join(words[:at] + ([new] if kind == 0 else [] if kind == 1 else [words[at], new]) + words[at + 1 :])


def prompts_with_copies(count: int, seed: int) -> list[str]:
    """Prompts of 8 to 30 words, half of them an earlier one with one word changed, so that chains grow."""
    draw = np.random.default_rng(seed)
    texts: list[str] = []
    for _ in range(count):
        if texts and draw.random() < 0.5:
            texts.append(edited(texts[draw.integers(len(texts))], draw))
        else:
            texts.append(" ".join(f"w{word}" for word in draw.integers(400, size=draw.integers(8, 30))))
    return texts


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6), cuts=st.lists(st.integers(1, 119), min_size=1, max_size=2))
def test_nothing_changes_sides_as_data_grows_and_no_near_duplicates_are_on_two(seed: int, cuts: list[int]) -> None:
    texts = prompts_with_copies(120, seed)
    everything = preferences(asking(*texts))
    after = sides_of(split(everything, SHARES))
    for cut in cuts:
        assert sides_of(split(everything[:cut], SHARES)).items() <= after.items()
    place = [after[id] for id in everything["id"]]
    pairs = [(a, b) for a, b in combinations(range(120), 2) if likeness(texts[a], texts[b]) >= 0.7]
    assert len(pairs) > 10
    assert all(place[a] == place[b] or "withheld" in (place[a], place[b]) for a, b in pairs)


def test_a_prompt_that_would_tie_two_sides_together_is_kept_off_both_and_moves_nothing() -> None:
    words = [f"w{number}" for number in range(44)]
    ends = [" ".join(words[:40]), " ".join(words[4:])]
    bridge = " ".join(words[2:42])
    assert likeness(*ends) == pytest.approx(34 / 42)  # alike themselves, so …
    far = [" ".join(words[:36]), " ".join(words[8:])]  # … these are not, and both are like the bridge
    assert likeness(*far) < 0.7 < min(likeness(end, bridge) for end in far)
    apart = 0
    for seed in range(12):
        lone = [f"{text} s{seed}" for text in far]
        frame = preferences(asking(*lone, bridge))
        before, after = sides_of(split(frame[:2], SHARES)), sides_of(split(frame, SHARES))
        assert before.items() <= after.items()
        first, second, third = (after[id] for id in frame["id"])
        assert third == (first if first == second else "withheld")
        apart += first != second
    assert 1 < apart < 11


def test_unlike_prompts_are_groups_of_their_own() -> None:
    texts = ["tell me how to bake bread at home today", "tell me how to bake bread at home tomorrow"]
    assert likeness(*texts) == pytest.approx(6 / 8)
    sides = split(preferences(asking(*texts, "tell me how to paint a room at home today")), SHARES)
    assert sides.groups["group"].to_list() == [0, 0, 2]


def test_every_source_and_group_keeps_to_the_shares_from_50_prompts_on() -> None:
    draw = np.random.default_rng(5)
    sizes = {("a", "x"): 2000, ("a", "y"): 300, ("b", "x"): 51, ("b", None): 50, ("c", "x"): 3}
    strata = [stratum for stratum, size in sizes.items() for _ in range(size)]
    strata = [strata[at] for at in draw.permutation(len(strata))]
    texts = (f"question {number}" for number in range(len(strata)))
    frame = preferences(asking(*texts), source=[s for s, _ in strata], group=[g for _, g in strata])
    where = sides_of(split(frame, SHARES))
    told = frame.with_columns(side=pl.col("id").replace_strict(where))
    for (source, group), size in sizes.items():
        held = told.filter(pl.col("source") == source, pl.col("group").eq_missing(group))["side"]
        if size >= 50:
            assert (held == "test").mean() == pytest.approx(0.2, abs=0.035)
            assert (held == "validation").mean() == pytest.approx(0.1, abs=0.035)


def test_forgetting_somebody_moves_few_prompts_and_not_all_that_came_after() -> None:
    frame = preferences(asking(*(f"question {number}" for number in range(3000))))
    before = sides_of(split(frame, SHARES))
    moved = []
    for gone in (0, 20, 100, 300, 1000, 2000):
        after = sides_of(split(frame.filter(pl.int_range(pl.len()) != gone), SHARES))
        moved.append(sum(before[id] != side for id, side in after.items()))
    assert np.mean(moved) < 60  # of 3000; where turns decided it would be hundreds
    assert max(moved[-2:]) < 5


def dated(count: int, begin: datetime, name: str, hours: list[int] | None = None) -> pl.DataFrame:
    times = [begin + timedelta(hours=hour) for hour in (hours or range(count))]
    return preferences(asking(*(f"{name} {number}" for number in range(count))), created_at=times)


def test_the_newest_of_what_would_train_is_held_out_until_it_is_older() -> None:
    frame = dated(3000, BEGINNING, "question")
    sides = split(frame, SHARES)
    assert 0.05 * 0.6 < sides.newest.height / 3000 < 0.08 * 0.75
    latest = sides.train["created_at"].max()
    assert sides.newest["created_at"].min() > latest
    without = split(frame, Split(test=0.2, validation=0.1, newest=0))
    assert set(without.train["id"]) == set(sides.train["id"]) | set(sides.newest["id"])
    assert without.newest.is_empty()
    assert without.test["id"].equals(sides.test["id"])


def test_what_was_trained_on_is_never_held_out_as_the_newest_even_when_old_data_lands_late() -> None:
    draw = np.random.default_rng(3)
    landings = [
        dated(2000, BEGINNING, "first", draw.permutation(2000).tolist()),
        dated(3000, BEGINNING - timedelta(days=400), "archive"),
        dated(1000, BEGINNING + timedelta(days=90), "later"),
    ]
    frame = pl.concat(landings).with_columns(id=pl.format("{}", pl.int_range(pl.len())))
    trained: set[str] = set()
    held: list[int] = []
    for rows in (1500, 2000, 2400, 3500, 5000, 5100, 6000):
        sides = split(frame[:rows], SHARES)
        assert not trained & set(sides.newest["id"])
        assert not set(sides.test["id"]) & trained
        trained |= set(sides.train["id"])
        held.append(sides.newest.height)
    assert held[1] > 40
    assert held[-1] > 100


def test_newest_holds_no_prompt_of_training_and_nothing_without_a_time() -> None:
    old = dated(1500, BEGINNING, "question")
    texts = [*(f"question {number}" for number in range(1000)), *(f"fresh {number}" for number in range(80))]
    times = [BEGINNING + timedelta(days=100, minutes=at) for at in range(len(texts))]
    new = preferences(asking(*texts), created_at=[time if at % 4 else None for at, time in enumerate(times)])
    frame = pl.concat([old, new]).with_columns(id=pl.format("{}", pl.int_range(pl.len())))
    sides = split(frame, SHARES)
    assert 10 < sides.newest.height < 60
    assert sides.newest["created_at"].null_count() == 0
    assert not set(sides.groups_of(sides.newest)) & set(sides.groups_of(sides.train))


def test_too_few_preferences_to_measure_anything_on_are_not_held_out() -> None:
    assert split(dated(900, BEGINNING, "question"), SHARES).newest.is_empty()


def test_what_is_known_to_be_in_an_evaluation_set_shapes_no_model() -> None:
    frame = preferences(asking(*(f"question {number}" for number in range(200))))
    sides = split(frame, SHARES)
    found = frame.select("id", reason=pl.lit("known")).gather_every(2)
    kept = sides.without(found)
    assert kept.sizes["withheld"] == kept.reasons.height == 100 - kept.test["id"].is_in(found["id"].implode()).sum()
    assert not set(kept.seen["id"]) & set(frame["id"].gather_every(2))
    assert kept.test["id"].equals(sides.test["id"])
    assert len(sides_of(kept)) == 200


def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read and compare a few at a time, as it has to be where they are larger than memory."""
    monkeypatch.setattr("components.preferences.said.BLOCK", 30)
    monkeypatch.setattr(sharing, "PIECE", 40)
    monkeypatch.setattr("components.preferences.likeness.PIECE", 40)


@pytest.mark.parametrize("a_few_at_a_time", [False, True])
def test_what_is_remembered_changes_nothing_and_is_left_out_where_it_no_longer_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, a_few_at_a_time: bool
) -> None:
    if a_few_at_a_time:
        in_pieces(monkeypatch)
    frame = preferences(asking(*prompts_with_copies(400, 11)))
    fewer = frame.filter(pl.int_range(pl.len()) != 207)
    for landed in (frame[:150], frame[:151], frame, frame[:300], fewer, fewer):
        remembered, fresh = split(landed, SHARES, tmp_path), split(landed, SHARES)
        assert sides_of(remembered) == sides_of(fresh)
        assert remembered.groups.equals(fresh.groups)
    held = pl.concat(pl.read_parquet(file, columns=["prompt"]) for file in tmp_path.glob("rows*.parquet"))
    assert held.height == 399  # who is forgotten is not remembered here


def test_sides_stay_where_near_duplicates_come_to_be_looked_up_by_other_signatures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = preferences(asking(*prompts_with_copies(400, 11)))
    before = sides_of(split(frame[:300], SHARES, tmp_path))
    monkeypatch.setattr("components.preferences.likeness.BANDS", 2)  # finds half of the pairs
    monkeypatch.setattr(sharing, "BANDS", 2)
    monkeypatch.setattr(sharing, "SIGNATURE", "other")
    assert sides_of(split(frame[:300], SHARES)) != before
    after = sides_of(split(frame, SHARES, tmp_path))
    assert before.items() <= after.items()
    assert len(after) == 400


def test_what_is_read_from_files_a_piece_at_a_time_is_shared_out_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = preferences(asking(*prompts_with_copies(400, 11)))
    at_once = split(frame, SHARES)
    for name, part in (("1", frame[:37]), ("2", frame[37:38]), ("3", frame[38:])):
        part.write_parquet(tmp_path / f"{name}.parquet")
    in_pieces(monkeypatch)
    shared = sharing.share_out([pl.scan_parquet(file) for file in sorted(tmp_path.iterdir())], SHARES)
    assert dict(zip(frame["id"], shared["side"], strict=True)) == sides_of(at_once)
    assert shared["group"].equals(at_once.groups["group"])
    assert sharing.share_out([], SHARES).is_empty()


@pytest.fixture(scope="module")
def simulated() -> pl.DataFrame:
    said = talk(scripted(1), "m", 600, 1)
    signals = detect(said.feedback, said.interactions, appoint(["explicit", "rubrics"], None))
    return build(said.feedback, said.interactions, signals, Settings().preferences).preferences


def test_prompts_written_from_a_few_templates_do_not_fall_into_a_handful_of_groups(simulated: pl.DataFrame) -> None:
    sides = split(simulated, SHARES)
    sizes = sides.groups["group"].value_counts()["count"]
    assert len(sizes) > 0.75 * prompt_groups(simulated).n_unique()
    assert sizes.max() < 0.02 * simulated.height
    assert sides.withheld.height < 0.02 * simulated.height
    assert sides.test.height / simulated.height == pytest.approx(0.2, abs=0.03)


def test_recipes_asked_for_in_the_same_words_are_one_group_in_alpaca_eval(shared_data: Path) -> None:
    frame = read([shared_data / "alpaca-eval" / "claude-2.1.json.gz"], None).frames["preferences"]
    sizes = split(frame, SHARES).groups["group"].value_counts()["count"].sort(descending=True)
    assert sizes[0] == 15
    assert sizes[1] <= 2
