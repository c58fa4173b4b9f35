"""Every measure, on evidence small enough to count by hand."""

from dataclasses import replace

import numpy as np
import pytest

from components.config.settings import Evaluate
from components.evaluation.evidence import Answers, Beliefs, Evidence, MustPass, Newest, Pairs, Probes, Trial
from components.evaluation.grouping import worst_group
from components.evaluation.judges import Verdicts
from components.evaluation.scoring import answers_table, figures, measure_all, tables
from components.records.handles import Estimate

SETTINGS = Evaluate(resamples=300)
PROMPTS = [[{"role": "user", "content": f"demand {i}"}] for i in range(4)]


def evidence(pairs: int = 4, prompts: int = 4) -> Evidence:
    """Four pairs and four prompts, repeated as often as asked for."""
    of_pairs, of_prompts = (lambda *four: np.resize(four, pairs)), (lambda *four: np.resize(four, prompts))
    return Evidence(
        pairs=Pairs(
            margins=of_pairs(2.0, 1.0, -1.0, 0.0),
            chosen_logp=of_pairs(-20.0, -30.0, -10.0, -12.0),
            rejected_logp=of_pairs(-10.0, -31.0, -10.0, -14.0),
            chosen_reference_logp=of_pairs(-25.0, -30.0, -9.0, -14.0),
            rejected_reference_logp=of_pairs(-10.0, -30.0, -10.0, -14.0),
            chosen_tokens=of_pairs(20, 10, 5, 6),
            rejected_tokens=of_pairs(5, 10, 5, 7),
            groups=[("fr", "de", None, "de")[i % 4] for i in range(pairs)],
            prompts=np.arange(pairs) // 2,
        ),
        answers=Answers(
            prompts=[[{"role": "user", "content": f"question {i}"}] for i in range(prompts)],
            groups=[("fr", "de", None, "de")[i % 4] for i in range(prompts)],
            challenger=[f"challenger {i}" for i in range(prompts)],
            champion=[f"champion {i}" for i in range(prompts)],
            challenger_tokens=of_prompts(10, 20, 30, 60),
            champion_tokens=of_prompts(10, 10, 10, 10),
            challenger_seconds=of_prompts(0.5, 0.5, 1.0, 1.0),
            champion_seconds=of_prompts(0.25, 0.25, 0.25, 0.25),
            challenger_logp=of_prompts(-10.0, -20.0, -30.0, -40.0),
            reference_logp=of_prompts(-11.0, -23.0, -29.0, -45.0),
            verdicts=Verdicts(of_prompts(1.0, 1.0, 1.0, 0.0), of_prompts(1.0, 1.0, 0.0, 0.0)),
        ),
        trial=Trial(
            # agrees, disagrees, likes the first place, says nothing in one of the orders
            verdicts=Verdicts(of_pairs(1.0, 0.0, 1.0, 1.0), of_pairs(1.0, 0.0, 0.0, np.nan)),
            longer=of_pairs(-5, 3, -2, 9),
            prompts=np.arange(pairs) // 2,
        ),
        probes=Probes(
            margins=of_pairs(2.0, 1.0, -1.0, 0.0),
            flattered=of_pairs(0.5, 0.5, 1.0, 0.0),
            own=of_pairs(3.0, -1.0, 0.0, 2.0),
            prompts=np.arange(pairs) // 2,
        ),
        must_pass=MustPass(PROMPTS, ["yes"] * 4, ["no"] * 4, np.array([1, 0, 0, 1]) > 0, np.array([1, 1, 0, 0]) > 0),
        beta=0.1,
    )


def measured(seen: Evidence) -> dict[str, Estimate]:
    return measure_all(seen, SETTINGS)


def test_every_measure_as_counted_by_hand() -> None:
    sure = 1 / (1 + np.exp(-np.array([2.0, 1.0])))
    expected = {
        "policy/win_rate": 2.5 / 4,
        # every answer of the challenger's has two characters more, which tells nothing of what length does
        "policy/win_rate_length_controlled": 2.5 / 4,
        "judge/coverage": 1.0,
        "judge/consistency": 3 / 4,
        "judge/agreement": 1.5 / 3,
        # the first place won one of two, one of two, and both
        "judge/position_bias": 0.5 / 3,
        # the judge took the longer answer not, not, and in one order of two; people took it once
        "judge/length_bias": (0 + 0 + 0.5 - 1) / 3,
        # chosen moved against rejected by 5, 1, -1 and 2 nats
        "policy/implicit_accuracy": 3 / 4,
        # -20 < -10, -30 > -31, -10 = -10, -12 > -14
        "policy/ranking_accuracy": 2.5 / 4,
        # -1 > -2, -3 > -3.1, -2 = -2, -2 = -2
        "policy/ranking_accuracy_per_token": 3 / 4,
        "policy/kl": (1 + 3 - 1 + 5) / 4,
        "policy/length": 30.0,
        "champion/length": 10.0,
        "policy/length_ratio": 3.0,
        "policy/seconds_an_answer": 0.75,
        "champion/seconds_an_answer": 0.25,
        "policy/tokens_a_second": 120 / 3,
        "champion/tokens_a_second": 40.0,
        "policy/diversity": 1.0,
        "champion/diversity": 1.0,
        "policy/diversity_ratio": 1.0,
        "policy/refusals": 0.0,
        "champion/refusals": 0.0,
        "policy/perplexity": np.exp(72 / 41),
        "champion/perplexity": np.exp(78 / 41),
        "reward/sycophancy": 2 / 4,
        "reward/swap_accuracy": 2.5 / 4,
        "policy/must_pass_broken": 1,
        "policy/must_pass": 0.5,
        "champion/must_pass": 0.5,
        "reward/accuracy": 2.5 / 4,
        "reward/margin": 0.5,
        # 0.88 sure and right; 0.73 sure, right once and wrong once; 0.5 sure and half right
        "reward/ece": (1 - sure[0]) / 4 + abs(0.5 - sure[1]) / 2,
    }
    found = measured(evidence())
    # the likeliest temperature t has 2 / (1 + exp(2 / t)) = tanh(1 / 2t)
    assert found.pop("reward/temperature").value == pytest.approx(1.32, rel=0.02)
    assert found.pop("reward/ece_at_temperature").value == pytest.approx((1 - 0.82) / 4 + (0.68 - 0.5) / 2, abs=0.01)
    assert {name: estimate.value for name, estimate in found.items()} == pytest.approx(expected)
    assert all(estimate.low <= estimate.value <= estimate.high for estimate in found.values())


def test_a_group_is_measured_once_it_has_20_pairs() -> None:
    found = measured(evidence(pairs=40))  # 10 of fr, 20 of de: one right and one undecided in turn
    assert found["reward/accuracy/de"].value == 0.75
    assert "reward/accuracy/fr" not in found
    assert found["reward/accuracy_worst_group"] == found["reward/accuracy/de"]
    assert "reward/accuracy/de" not in measured(evidence(pairs=36))


def test_pairs_count_by_prompt_and_answers_one_by_one() -> None:
    found = measured(evidence(pairs=40, prompts=12))
    assert found["reward/accuracy"].n == 20
    assert found["policy/win_rate"].n == 12


def test_a_model_is_at_no_distance_from_itself() -> None:
    seen = evidence()
    same = replace(seen, answers=replace(seen.answers, reference_logp=seen.answers.challenger_logp))
    kl = measured(same)["policy/kl"]
    assert (kl.value, kl.low, kl.high) == (0, 0, 0)


def test_a_judge_that_is_as_often_wrong_either_way_favours_nobody_however_often_people_like_its_model() -> None:
    def of(wins: np.ndarray, own: np.ndarray) -> dict[str, Estimate]:
        trial = Trial(Verdicts(wins, wins), np.ones(len(wins)), np.arange(len(wins)), own)
        return measured(replace(evidence(), trial=trial))

    liked = np.repeat([1, -1], [90, 10])  # people prefer its own model's answer nine times of ten
    wrong_in_ten = (np.arange(100) % 10 != 0).astype(float)
    found = of(wrong_in_ten, liked)["judge/self_preference"]
    assert (found.value, found.n) == (pytest.approx(0), 100)
    assert found.low < 0 < found.high
    always, never = (of((liked == side).astype(float), liked)["judge/self_preference"].value for side in (1, -1))
    assert (always, never) == pytest.approx((0.5, -0.5))
    assert "judge/self_preference" not in of(wrong_in_ten, np.repeat([1, -1, 0], [90, 9, 1]))
    assert "judge/self_preference" not in measured(evidence())


def test_who_follows_what_users_believe_is_measured_by_prompt_and_only_where_users_speak_last() -> None:
    told = replace(evidence(), beliefs=Beliefs(np.array([0.5, 0.25, 0.0, -0.25]), np.arange(4) // 2))
    found = measured(told)["policy/sycophancy"]
    assert (found.value, found.n) == (0.125, 2)
    assert found.low < found.value < found.high
    assert "policy/sycophancy" not in measured(replace(told, beliefs=Beliefs(np.zeros(0), np.zeros(0))))


def test_small_steps_from_the_champion_may_add_up_to_a_long_way_from_the_base_model() -> None:
    seen = evidence()
    base = np.array([-60.0, -70.0, -80.0, -90.0])
    found = measured(replace(seen, answers=replace(seen.answers, base_logp=base)))
    assert (found["policy/kl"].value, found["policy/kl_base"].value) == (2, 50)
    assert "policy/kl_base" not in measured(seen)


def test_swapping_the_models_mirrors_the_win_rate_and_its_interval() -> None:
    seen = evidence(prompts=40)
    said = seen.answers.verdicts
    mirrored = replace(seen.answers, verdicts=Verdicts(1 - said.champion_first, 1 - said.challenger_first))
    there, back = measured(seen)["policy/win_rate"], measured(replace(seen, answers=mirrored))["policy/win_rate"]
    assert (there.value, there.low, there.high) == pytest.approx((1 - back.value, 1 - back.high, 1 - back.low))


def test_a_group_for_whom_the_challenger_is_worse_is_seen_beside_all() -> None:
    found = measured(evidence(prompts=80))
    assert found["policy/win_rate"].value == pytest.approx(2.5 / 4)
    # the first and fifth of four in turn were won, the second won and the fourth lost
    assert found["policy/win_rate/fr"].value == 1.0
    assert (found["policy/win_rate/de"].value, found["policy/win_rate/de"].n) == (0.5, 40)
    assert found["policy/win_rate_worst_group"] == found["policy/win_rate/de"]
    assert worst_group("policy/win_rate", found) == "de"
    assert "policy/win_rate/fr" not in measured(evidence(prompts=76))
    assert "policy/win_rate_worst_group" not in measured(evidence())


def test_a_model_that_says_the_same_to_everybody_is_less_diverse_and_one_that_says_nothing_is_not_measured() -> None:
    def said(challenger: list[str], champion: list[str]) -> dict[str, Estimate]:
        seen = evidence(prompts=len(challenger))
        return measured(replace(seen, answers=replace(seen.answers, challenger=challenger, champion=champion)))

    found = said(["Mix it well.", "mix it WELL"] * 20, [f"one {i} two {i}" for i in range(40)])
    # 80 pairs of words in a row, of which 2 are different; then 120 that all are
    assert (found["policy/diversity"].value, found["champion/diversity"].value) == pytest.approx((2 / 80, 1))
    assert found["policy/diversity_ratio"].value == pytest.approx(2 / 80)
    assert found["champion/diversity"].low == pytest.approx(1)  # an answer drawn twice is no repetition
    assert "policy/diversity" not in said(["", "tea"], ["one two", "three four"])


def test_answers_that_are_refusals_are_counted() -> None:
    seen = evidence()
    refusing = ["I'm sorry, but I can't help with that.", "Tea is good.", "Dabei kann ich nicht helfen.", "I can help."]
    found = measured(replace(seen, answers=replace(seen.answers, challenger=refusing)))
    assert (found["policy/refusals"].value, found["champion/refusals"].value) == (0.5, 0)


def test_nothing_that_must_pass_is_nothing_broken() -> None:
    none = np.zeros(0, dtype=bool)
    seen = replace(evidence(), must_pass=MustPass([], [], [], none, none))
    found = measured(seen)
    assert (found["policy/must_pass_broken"].value, found["policy/must_pass_broken"].n) == (0, 0)
    assert "policy/must_pass" not in found
    assert "must_pass.json" not in tables(seen)


def test_the_table_of_what_must_pass_begins_with_what_broke() -> None:
    table = tables(evidence())["must_pass.json"]
    assert table.row(0) == ("demand 1", "no", "yes", True, False)
    assert table["prompt"].to_list() == ["demand 1", "demand 0", "demand 2", "demand 3"]


def test_the_table_of_answers_says_who_was_better() -> None:
    table = answers_table(evidence())
    assert table.columns == ["prompt", "champion", "challenger", "verdict", "consistent", "why"]
    assert table["verdict"].to_list() == ["challenger", "challenger", "tie", "champion"]
    assert table.row(2) == ("question 2", "champion 2", "challenger 2", "tie", False, None)


def test_what_the_judge_left_out_is_in_no_win_rate_and_lowers_its_coverage() -> None:
    seen = evidence(prompts=80)
    # of four in turn the second is judged in one order only, and the third in none
    there, back = np.resize([1.0, 1.0, np.nan, 0.0], 80), np.resize([1.0, np.nan, np.nan, 0.0], 80)
    partly = replace(seen, answers=replace(seen.answers, verdicts=Verdicts(there, back, ["a reason"] * 80)))
    found = measured(partly)
    assert (found["judge/coverage"].value, found["judge/coverage"].n) == (0.5, 80)
    assert (found["policy/win_rate"].value, found["policy/win_rate"].n) == (0.5, 40)
    assert found["policy/win_rate/fr"].value == 1.0
    assert found["policy/win_rate_length_controlled"].n == found["judge/consistency"].n == 40
    assert found["judge/consistency"].value == 1
    table = answers_table(partly).head(4)
    assert table["verdict"].to_list() == ["challenger", "not judged", "not judged", "champion"]
    assert table["why"].to_list() == ["a reason"] * 4


def test_every_figure_can_be_drawn_from_any_text(tmp_path, recwarn: pytest.WarningsRecorder) -> None:
    seen = evidence(pairs=40, prompts=12)
    odd = ["costs $5 or $6", "日本語 🎉", "", "\x00 \ufffd", "word " * 500, "a_very_long_" * 80] * 2
    seen = replace(seen, answers=replace(seen.answers, challenger=odd))
    for name, figure in figures(seen, measured(seen)).items():
        figure.savefig(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 5000
    assert not [warning for warning in recwarn if issubclass(warning.category, UserWarning)]


def test_the_newest_side_is_measured_apart_from_20_pairs_on_and_by_its_own_prompts() -> None:
    def of(count: int) -> dict[str, Estimate]:
        margins = np.resize([1.0, 1.0, 0.0, -1.0], count)
        return measured(replace(evidence(), newest=Newest(margins, np.arange(count) // 2)))

    assert "reward/accuracy_newest" not in of(19)
    assert "reward/accuracy_newest" not in measured(evidence())
    found = of(20)["reward/accuracy_newest"]
    assert (found.value, found.n) == (2.5 / 4, 10)
    assert found.low < 0.6 < found.high
