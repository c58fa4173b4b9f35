"""An export of TensorZero's tables.

The rows are made after the published data model: https://www.tensorzero.com/docs/gateway/data-model.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.feedback.readers import Reading, read

EPISODE = "0196374b-04a3-7013-9049-e59ed5fe3f74"
FIRST, SECOND = "0196374b-0d7a-7a22-b2d2-598a14f2eacc", "0196374b-1d7a-7a22-b2d2-598a14f2eacc"


def inference(name: str, asked: list[tuple[str, str]], answer: str, **others: Any) -> dict[str, Any]:
    messages = [{"role": role, "content": [{"type": "text", "text": text}]} for role, text in asked]
    return {
        "id": name,
        "function_name": "chat",
        "variant_name": "gpt_4o_mini",
        "episode_id": EPISODE,
        "input": json.dumps({"system": "Be brief.", "messages": messages}),
        "output": json.dumps([{"type": "text", "text": answer}]),
        "inference_params": "{}",
        "processing_time_ms": 100,
        "tags": {"user_id": "ada"},
        **others,
    }


def feedback(last: str, **others: Any) -> dict[str, Any]:
    return {"id": f"0196374b-2d7a-7a22-b2d2-598a14f2eac{last}", "tags": {}, **others}


TALK = [
    inference(FIRST, [("user", "Tea? 🍵")], "Leaves in water."),
    inference(SECOND, [("user", "Tea? 🍵"), ("assistant", "Leaves in water."), ("user", "Hot?")], "Yes."),
]


def test_inferences_keep_variant_user_and_the_time_in_their_id(read_rows: Callable[..., Reading]) -> None:
    frames = read_rows(*TALK).frames
    first, second = frames["interactions"].iter_rows(named=True)
    assert (first["model"], first["user"]) == ("gpt_4o_mini", "ada")
    # The first 48 bits of the id: 0x0196374b0d7a milliseconds.
    assert first["created_at"] == datetime.fromtimestamp(0x0196374B0D7A / 1000, UTC)
    assert [message["content"] for message in second["prompt"]] == ["Be brief.", "Tea? 🍵", "Leaves in water.", "Hot?"]
    assert frames["feedback"].select("interaction", "kind", "text", "user").rows() == [
        (first["id"], "followup", "Hot?", "ada")
    ]


def test_feedback_finds_its_inference_also_in_another_file(tmp_path: Path, read_rows: Callable[..., Reading]) -> None:
    first, second = read_rows(*TALK).frames["interactions"]["id"]
    heard = read_rows(
        feedback("0", target_id=FIRST, metric_name="liked", value=True, tags={"author": "bob"}),
        feedback("1", target_id=FIRST, metric_name="stars", value=4.0),
        feedback("2", target_id=SECOND, metric_name="stars", value=1.0),
        feedback("3", target_id=SECOND, target_type="inference", value="Too short"),
        feedback("4", inference_id=SECOND, value=json.dumps([{"type": "text", "text": "Yes, very."}])),
        feedback(
            "5", target_id=FIRST, metric_name="exact", value=False, tags={"tensorzero::evaluator_inference_id": "e"}
        ),
    ).frames["feedback"]
    assert heard.select("interaction", "kind", "score", "aspect", "text", "user").rows() == [
        (first, "thumb", 1, None, None, "bob"),
        (first, "rating", 0.5, "stars", None, None),
        (second, "rating", -1, "stars", None, None),
        (second, "comment", None, None, "Too short", None),
        (second, "edit", None, None, "Yes, very.", None),
        (first, "rating", -1, "exact", None, None),
    ]


def test_feedback_about_an_episode_is_about_its_last_inference(tmp_path: Path) -> None:
    rows = [*TALK, feedback("0", target_id=EPISODE, metric_name="solved", value=False)]
    (tmp_path / "all.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    frames = read([tmp_path / "all.jsonl"], None).frames
    thumb = frames["feedback"].filter(kind="thumb").row(0, named=True)
    assert (thumb["interaction"], thumb["score"]) == (frames["interactions"]["id"][1], -1)


def test_bad_rows_are_told_why(read_rows: Callable[..., Reading]) -> None:
    bad = {
        "input is missing": inference("x", [], "", input=None),
        '"big" is 400.0, and nothing says on which scale': feedback("0", target_id=FIRST, metric_name="big", value=400),
        "value is missing": feedback("0", target_id=FIRST, metric_name="liked"),
        "target_id is missing": feedback("0", metric_name="liked", value=True),
        "value is 5, must be a text": feedback("0", target_id=FIRST, target_type="inference", value=5),
        "id is missing": {"target_id": FIRST, "metric_name": "liked", "value": True},
    }
    reading = read_rows(*bad.values(), *TALK)
    assert reading.problems.select("line", "reason").rows() == list(enumerate(bad, 1))
    assert len(reading.frames["interactions"]) == 2
