"""Who wrote an answer is found by what was asked and answered, and only where it is beyond doubt."""

import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components.config.settings import Evaluate
from components.evaluation.authorship import authors, by_one_of_two, most_frequent
from components.evaluation.gathering import gather
from components.evaluation.judges import appoint
from components.evaluation.scoring import measure_all
from components.feedback.readers import read
from components.records.messages import message
from components.records.schemas import Interaction, as_records
from tests.components.evaluation.conftest import means
from tests.components.evaluation.test_gathering import knowing, preferences

MANY = {f"question {i}": f"answer {i}" for i in range(40)}


def answered(model: str | None, said: dict[str, str]) -> pl.LazyFrame:
    told = pl.DataFrame({"prompt": list(said), "response": list(said.values())})
    prompt, response = message("user", pl.col("prompt")), message("assistant", pl.col("response"))
    told = told.select(prompt=prompt, response=response, model=pl.lit(model, pl.String), source=pl.lit("test"))
    return as_records(told, Interaction).lazy()


def test_an_answer_is_by_the_model_that_alone_gave_it_to_that_prompt(lessons: dict[str, str]) -> None:
    pairs = preferences(4, lessons)  # the answer to the next question is rejected
    questions, texts = list(lessons), list(lessons.values())
    wrong = dict(zip(questions, texts[1:] + texts[:1], strict=True))
    unknown = {questions[2]: texts[2], questions[3]: texts[3]}
    batches = [
        answered("one", {question: lessons[question] for question in questions[:2]}),
        answered("other", wrong),
        answered("one", {questions[1]: wrong[questions[1]]}),  # both said the same
        answered(None, unknown),
    ]
    written = authors(pl.concat([pairs, pairs]), batches)
    told = pairs.select("id").join(written, on="id", how="left", maintain_order="left")
    assert told.select("chosen", "rejected").rows() == [
        ("one", "other"),
        ("one", None),
        (None, "other"),
        (None, "other"),
    ]
    assert by_one_of_two(written, pairs, "one").tolist() == [1, 0, 0, 0]
    assert by_one_of_two(written, pairs, "other").tolist() == [-1, 0, 0, 0]
    assert (most_frequent(written, pairs), most_frequent(written, pairs[:0])) == ("other", None)
    assert written.height == 4
    alone = authors(pairs, batches[:1])
    assert alone.select(pl.col("chosen", "rejected").null_count()).row(0) == (4, 4)
    assert authors(pairs, []).height == 4


def test_a_judge_that_learned_from_one_model_is_seen_to_favour_it(policies: tuple[Path, Path]) -> None:
    test = preferences(40, MANY).with_row_index("place")
    wrong = dict(zip(MANY, [*list(MANY.values())[1:], "answer 0"], strict=True))
    own = {question for place, question in enumerate(MANY) if place % 4}  # people prefer its answer in 30 of 40
    by = {
        name: MANY | {question: wrong[question] for question in others}
        for name, others in (("own", MANY.keys() - own), ("other", own))
    }
    batches = [answered(name, said) for name, said in by.items()]
    test = test.drop("place")
    written, wrote = authors(test, batches), by["own"]

    def found(share: float) -> float:
        """Of a judge that takes its own model's answer in a share of the pairs, and else what people took."""

        def score(prompts: list, responses: list[str]) -> np.ndarray:
            asked = [prompt[-1]["content"] for prompt in prompts]
            right = knowing(MANY)(prompts, responses)
            blind = [
                2 * (int(a.split()[1]) % 20 < 20 * share) * (wrote[a] == said)
                for a, said in zip(asked, responses, strict=True)
            ]
            return right + np.array(blind)

        settings = Evaluate(prompts=1, max_new_tokens=2, resamples=200)
        judge = appoint("reward", means(score, taught_by="own"))
        told = {"scorer": score, "judge": judge, "settings": settings, "beta": 0.1, "written": written}
        return measure_all(gather(test, *policies, **told), settings)["judge/self_preference"].value

    assert found(0.0) == 0
    assert found(1.0) == 0.5
    assert found(0.4) == pytest.approx(0.2)


def test_in_real_data_nearly_every_answer_is_found(shared_data: Path) -> None:
    file = shared_data / "alpaca-eval" / "claude-2.1.json.gz"
    frames = read([file], None).frames
    written = authors(frames["preferences"], [frames["interactions"].lazy()])
    rows = [row for row in json.loads(gzip.decompress(file.read_bytes())) if row["preference"] not in (None, 0, 1.5)]
    first = sum(row["preference"] < 1.5 for row in rows)
    assert written.height == len(rows)
    assert dict(written["chosen"].value_counts().iter_rows()) == {
        "gpt4_1106_preview": first,
        "claude-2.1": len(rows) - first,
    }
