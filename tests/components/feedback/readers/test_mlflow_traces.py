"""Traces that the installed MLflow really logs, with feedback on them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.feedback.readers import Reading, read, read_rows
from components.feedback.readers.mlflow_traces import rows_from_store
from components.records.errors import BadInput

# In a process of its own: MLflow keeps the store it first logs to for as long as its process lives.
LOGGING = """
import sys
import mlflow
from mlflow.entities import AssessmentSource

ada = AssessmentSource(source_type="HUMAN", source_id="ada@example.org")
judge = AssessmentSource(source_type="LLM_JUDGE", source_id="a-judge")


@mlflow.trace
def answer(question):
    mlflow.update_current_trace(metadata={"mlflow.trace.user": "ada", "mlflow.trace.session": "s1"})
    with mlflow.start_span("call", span_type="CHAT_MODEL") as span:
        span.set_inputs({"model": "tiny", "messages": [{"role": "user", "content": question}]})
        span.set_outputs({"choices": [{"message": {"role": "assistant", "content": "Leaves."}}]})
        span.set_attribute("mlflow.llm.model", "tiny-7b")
    return "Leaves."


mlflow.set_experiment("tea")
traces = []
for question in ("Tea? 🍵", "Hot?"):
    answer(question)
    mlflow.flush_trace_async_logging()
    traces.append(mlflow.get_last_active_trace_id())
first, second = traces
mlflow.log_feedback(trace_id=first, name="liked", value=True, rationale="warm", source=ada)
mlflow.log_feedback(trace_id=first, name="stars", value=4, source=ada, metadata={"min": "1", "max": "5"})
mlflow.log_feedback(trace_id=first, name="grounded", value=False, source=judge)
mlflow.log_feedback(trace_id=second, name="words", value="too short", source=ada)
mlflow.log_feedback(trace_id=second, name="broken", error=ValueError("no judge today"), source=judge)
mlflow.log_expectation(trace_id=second, name="expected_response", value="Yes, very.", source=ada)
mlflow.log_expectation(trace_id=second, name="expected_facts", value=["it is hot"], source=ada)
doubted = mlflow.log_feedback(trace_id=second, name="liked", value=True, source=ada)
mlflow.override_feedback(trace_id=second, assessment_id=doubted.assessment_id, value=False, source=ada)
with open(sys.argv[1], "w", encoding="utf-8") as file:
    file.writelines(trace.to_json() + "\\n" for trace in mlflow.search_traces(return_type="list"))
mlflow.search_traces()[["trace_id", "trace"]].to_json(sys.argv[2], orient="records", lines=True)
"""


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with MLflow's database, and what was exported from it as JSON lines and as a table."""
    folder = tmp_path_factory.mktemp("mlflow")
    settings = {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "MLFLOW_DISABLE_TELEMETRY": "true"}
    files = [str(folder / "traces.jsonl"), str(folder / "table.jsonl")]
    logging = [sys.executable, "-c", LOGGING, *files]
    done = subprocess.run(
        logging, env={**os.environ, **settings}, cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return folder


def heard(reading: Reading) -> set[tuple[Any, ...]]:
    asked = {row["id"]: row["prompt"][0]["content"] for row in reading.frames["interactions"].iter_rows(named=True)}
    rows = reading.frames["feedback"].select("interaction", "kind", "score", "aspect", "text", "user").rows()
    return {(asked[interaction], *rest) for interaction, *rest in rows}


def test_traces_are_answers_and_assessments_are_heard(logged: Path) -> None:
    reading = read([logged / "traces.jsonl"], None)
    assert list(reading.formats.values()) == ["mlflow"]
    answers = reading.frames["interactions"]
    assert answers.select("model", "user", "source").unique().rows() == [("tiny-7b", "ada", "mlflow")]
    assert set(answers["response"].list.first().struct.field("content")) == {"Leaves."}
    assert heard(reading) == {
        ("Tea? 🍵", "thumb", 1, None, "warm", "ada@example.org"),
        ("Tea? 🍵", "rating", 0.5, "stars", None, "ada@example.org"),
        ("Tea? 🍵", "rating", -1, "grounded", None, "a-judge"),
        ("Tea? 🍵", "followup", None, None, "Hot?", "ada"),
        ("Hot?", "comment", None, None, "too short", "ada@example.org"),
        ("Hot?", "edit", None, None, "Yes, very.", "ada@example.org"),
        ("Hot?", "comment", None, None, '["it is hot"]', "ada@example.org"),
        ("Hot?", "thumb", -1, None, None, "ada@example.org"),
    }
    assert reading.problems["reason"].to_list() == ['the assessment "broken" failed']


def test_the_store_the_file_and_the_table_say_the_same(logged: Path) -> None:
    rows = rows_from_store(f"sqlite:///{logged}/mlflow.db", "tea")
    assert rows["line"].to_list() == [1, 2]
    from_store = read_rows(rows, "mlflow", Path("tea"))
    from_file, from_table = (read([logged / name], None) for name in ("traces.jsonl", "table.jsonl"))
    for kind in ("interactions", "feedback"):
        ids = [set(reading.frames[kind]["id"]) for reading in (from_store, from_file, from_table)]
        assert ids[0] == ids[1] == ids[2]


def test_a_store_without_the_traces_is_refused(logged: Path) -> None:
    with pytest.raises(BadInput, match='there is no experiment "coffee"'):
        rows_from_store(f"sqlite:///{logged}/mlflow.db", "coffee")
    with pytest.raises(BadInput, match='the experiment "Default" holds no traces'):
        rows_from_store(f"sqlite:///{logged}/mlflow.db", "Default")


def test_bad_traces_are_told_why(logged: Path, read_rows: Callable[..., Reading]) -> None:
    sound = json.loads((logged / "traces.jsonl").read_text(encoding="utf-8").splitlines()[0])
    silent = json.loads(json.dumps(sound))
    del silent["data"]["spans"][0]["attributes"]["mlflow.spanOutputs"]
    off_scale = json.loads(json.dumps(sound))
    assessment = off_scale["info"]["assessments"][0]
    assessment.update({"feedback": {"value": 7}, "metadata": {"min": "1", "max": "5"}, "assessment_name": "stars"})
    off_scale["info"]["assessments"] = [assessment]
    reading = read_rows(silent, {"info": {"trace_id": "t"}, "data": {"spans": []}}, {"info": {}, "data": {}}, off_scale)
    assert reading.problems.select("line", "reason").rows() == [
        (1, "the root span has no outputs"),
        (2, "data.spans has no root span"),
        (3, "trace_id is missing; data.spans has no root span"),
        (4, '"stars" is 7.0, must be from 1.0 to 5.0'),
    ]
