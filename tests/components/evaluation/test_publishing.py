"""What is put into MLflow is there once, also where a step that was killed is done again."""

import json
from pathlib import Path

import mlflow
import polars as pl
import pytest

from components.config import Settings
from components.evaluation.publishing import publish, trace
from components.evaluation.scoring import most_different
from components.tracking import client, experiment
from components.workspace import Workspace

ANSWERS = pl.DataFrame(
    {
        "prompt": [f"Question {i} – 多少?" for i in range(30)],
        "champion": ["The red fox sleeps", "yes", "One two three four", *["same"] * 27],
        "challenger": ["the RED fox runs!", "no", "four five", *["same"] * 27],
        "verdict": ["challenger", "champion", "champion", *["challenger", "champion", "tie"] * 9],
        "consistent": [True] * 30,
        "why": ["it is shorter"] * 30,
    }
)


def test_a_step_that_is_done_again_leaves_its_tables_and_traces_once(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, Settings())
    (tmp_path / ".heed").mkdir()
    tracked, where = client(workspace), experiment(workspace)
    with mlflow.start_run(experiment_id=where) as run:
        for _ in range(2):
            publish({}, {}, {"answers.json": ANSWERS})
            trace(ANSWERS)
    table = json.loads(mlflow.artifacts.load_text(f"{run.info.artifact_uri}/answers.json"))
    assert table["columns"] == ANSWERS.columns
    assert [row[0] for row in table["data"]] == ANSWERS["prompt"].to_list()
    traces = tracked.search_traces(locations=[where], run_id=run.info.run_id, max_results=100)
    assert len(traces) == 20
    told = {found.data.spans[0].inputs: found.data.spans[0].outputs for found in traces}
    assert told["Question 1 – 多少?"]["verdict"] == "champion"
    assert told["Question 0 – 多少?"]["challenger"] == "the RED fox runs!"


def test_the_most_different_answers_are_won_and_lost_ones_that_share_the_fewest_words() -> None:
    shown = most_different(ANSWERS)
    assert shown["verdict"].value_counts().sort("verdict").rows() == [("challenger", 10), ("champion", 10)]
    assert shown["in_common"].to_list()[:4] == [0.0, 0.2, 0.6, 1.0]  # none; four; the, red, fox
    assert shown["prompt"][2] == ANSWERS["prompt"][0]


@pytest.mark.parametrize(
    ("said", "nearly_said", "said_otherwise"),
    [
        (
            "今天天气很好，我们去公园散步吧。",
            "今天天气很好，我们去公园跑步吧。",
            "请先重新启动您的电脑。",
        ),
        (
            "水を一日に二リットル飲みましょう。",
            "水を一日に三リットル飲みましょう。",
            "まずパソコンを再起動してください。",
        ),
        ("วันนี้อากาศดีมากไปเดินเล่นกัน", "วันนี้อากาศดีมากไปวิ่งเล่นกัน", "กรุณารีสตาร์ทคอมพิวเตอร์ของคุณ"),
    ],
)
def test_answers_are_told_apart_also_where_no_spaces_stand_between_words(
    said: str, nearly_said: str, said_otherwise: str
) -> None:
    answers = ANSWERS.head(2).with_columns(champion=pl.lit(said), challenger=pl.Series([nearly_said, said_otherwise]))
    shown = most_different(answers)
    assert shown["challenger"].to_list() == [said_otherwise, nearly_said]
    different, alike = shown["in_common"]
    assert different < 0.15
    assert alike > 0.6
