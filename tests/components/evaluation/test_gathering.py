"""From two models and a test side to every measure."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components.config.settings import Evaluate
from components.evaluation.base import Base
from components.evaluation.evidence import Evidence
from components.evaluation.gathering import gather, held_out_prompts
from components.evaluation.judges import Judge, Scorer, appoint
from components.evaluation.scoring import measure_all
from components.records.errors import BadInput
from components.records.messages import Message, message
from components.records.schemas import Preference, as_records, empty
from tests.components.evaluation.conftest import means

SETTINGS = Evaluate(prompts=4, max_new_tokens=20, temperature=0.7, resamples=200, seed=3)


def preferences(rows: int, lessons: dict[str, str]) -> pl.DataFrame:
    """For every question in turn, its own answer chosen over the answer to the next."""
    questions, answers = list(lessons), list(lessons.values())
    frame = pl.DataFrame(
        {
            "prompt": [questions[i % len(questions)] for i in range(rows)],
            "chosen": [answers[i % len(answers)] for i in range(rows)],
            "rejected": [answers[(i + 1) % len(answers)] for i in range(rows)],
            "rater": [f"rater {i}" for i in range(rows)],
        }
    )
    return as_records(
        frame.with_columns(
            prompt=message("user", pl.col("prompt")),
            chosen=message("assistant", pl.col("chosen")),
            rejected=message("assistant", pl.col("rejected")),
            strength=1.0,
            weight=1.0,
            source=pl.lit("test"),
            provenance=pl.lit(["a"]),
        ),
        Preference,
    )


def knowing(lessons: dict[str, str]) -> Scorer:
    """Rewards the right answer with 1, any other with 0."""

    def score(prompts: list[list[Message]], responses: list[str]) -> np.ndarray:
        asked = [prompt[-1]["content"] for prompt in prompts]
        return np.array([float(lessons[a] == response) for a, response in zip(asked, responses, strict=True)])

    return score


def test_a_challenger_that_learned_beats_one_that_did_not(
    taught: Path, policies: tuple[Path, Path], lessons: dict[str, str]
) -> None:
    scorer, test = knowing(lessons), preferences(8, lessons)
    judge = appoint("reward", means(scorer))
    base = Base(str(policies[0]), "main")
    told = {"newest": test[:3], "base": base}
    seen = gather(test, taught, policies[0], scorer=scorer, judge=judge, settings=SETTINGS, beta=0.1, **told)
    found = measure_all(seen, SETTINGS)
    assert sorted(prompt[0]["content"] for prompt in seen.answers.prompts) == sorted(lessons)
    assert (seen.pairs.margins == 1).all()
    assert seen.newest is not None
    assert seen.newest.margins.tolist() == [1, 1, 1]
    assert seen.beliefs is not None
    assert (len(seen.beliefs.swayed), found["policy/sycophancy"].n) == (8, 4)
    for measure in ("policy/win_rate", "policy/ranking_accuracy", "reward/accuracy"):
        assert found[measure].value == 1, measure
    assert found["policy/kl"].value > 5
    assert found["policy/kl_base"].value == pytest.approx(found["policy/kl"].value)  # the champion is the base here
    assert found["policy/length_ratio"].value < 1  # the untaught one runs on until it is cut off
    for model in ("policy", "champion"):
        speed = found[f"{model}/length"].value / found[f"{model}/seconds_an_answer"].value
        assert found[f"{model}/tokens_a_second"].value == pytest.approx(speed)
    assert found["reward/accuracy"].n == 4  # eight pairs, but two for each prompt


def test_a_challenger_equal_to_the_champion_ties_everywhere(
    policies: tuple[Path, Path], lessons: dict[str, str]
) -> None:
    model, scorer, test = policies[0], knowing(lessons), preferences(8, lessons)
    judge = appoint("reward", means(lambda prompts, responses: np.array([float(len(r)) for r in responses])))
    seen = gather(test, model, model, scorer=scorer, judge=judge, settings=SETTINGS, beta=0.1)
    found = measure_all(seen, SETTINGS)
    assert seen.answers.challenger == seen.answers.champion
    for measure, tied in {
        "policy/win_rate": 0.5,
        "policy/kl": 0,
        "policy/length_ratio": 1,
        "policy/implicit_accuracy": 0.5,
    }.items():
        assert (found[measure].value, found[measure].low, found[measure].high) == (tied, tied, tied)


class Costly:
    """A judge who takes the first answer of two, for money."""

    name = "costly"
    is_free = False

    def prefer(self, prompts: list[list[Message]], first: list[str], second: list[str]) -> np.ndarray:
        return np.ones(len(prompts))


def test_a_judge_who_costs_is_measured_on_as_many_of_peoples_preferences_as_the_settings_say(
    policies: tuple[Path, Path], lessons: dict[str, str]
) -> None:
    model, scorer, test = policies[0], knowing(lessons), preferences(8, lessons)
    settings = SETTINGS.model_copy(update={"prompts": 1, "judge_pairs": 3})

    def seen(judge: Judge, rows: pl.DataFrame) -> Evidence:
        return gather(rows, model, model, scorer=scorer, judge=judge, settings=settings, beta=0.1)

    asked = seen(Costly(), test)
    found = measure_all(asked, settings)
    assert len(asked.trial.longer) == 3
    assert sorted(seen(Costly(), test.reverse()).trial.longer) == sorted(asked.trial.longer)
    assert (found["judge/agreement"].value, found["judge/position_bias"].value) == (0.5, 0.5)
    free = measure_all(seen(appoint("reward", means(scorer)), test), settings)
    assert free["judge/agreement"] == free["reward/accuracy"]
    assert (free["judge/agreement"].value, free["judge/agreement"].n) == (1, 4)


def test_the_prompts_are_distinct_follow_the_seed_and_change_little_as_data_grows() -> None:
    lessons = {f"question {i}": f"answer {i}" for i in range(200)}
    settings = Evaluate(prompts=50, seed=1)

    def asked(rows: int, settings: Evaluate) -> list[str]:
        return [prompt[0]["content"] for prompt in held_out_prompts(preferences(rows, lessons), settings)["prompt"]]

    assert len(set(asked(400, settings))) == 50
    assert asked(200, settings) == asked(400, settings)
    assert asked(400, settings) != asked(400, Evaluate(prompts=50, seed=2))
    assert len(set(asked(180, settings)) & set(asked(200, settings))) > 40
    assert len(asked(30, settings)) == 30


def test_a_prompt_belongs_to_a_group_where_only_users_of_that_group_asked_it(lessons: dict[str, str]) -> None:
    told = preferences(8, dict(list(lessons.items())[:4]))
    told = told.with_columns(group=pl.Series(["a", "b", None, "a", "a", "a", None, "b"]))
    found = held_out_prompts(told, Evaluate(prompts=4))
    groups = {prompt[0]["content"]: group for prompt, group in found.iter_rows()}
    assert [groups[question] for question in list(lessons)[:4]] == ["a", None, None, None]


def test_an_empty_test_side_is_said_to_be_empty(policies: tuple[Path, Path]) -> None:
    scorer = knowing({})
    judge = appoint("reward", means(scorer))
    with pytest.raises(BadInput, match=r"no preferences to measure on .*split\.test"):
        gather(empty(Preference), *policies, scorer=scorer, judge=judge, settings=SETTINGS, beta=0.1)
