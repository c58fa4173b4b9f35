"""Real data is as expected, broken data is not, and a person can read what is wrong and change what is expected."""

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from components.config import Settings
from components.feedback.readers import read as read_files
from components.feedback.signals import appoint, detect
from components.preferences.building import build
from components.records.errors import BadInput
from components.records.messages import message
from components.records.schemas import Feedback, Preference, empty
from components.simulation.population import scripted, talk
from components.validation import expectations
from components.validation.batch import judge
from components.validation.expectations import WHOLE, Expected, check, last
from components.validation.expectations.columns import COLUMNS, flat_feedback, flat_preferences
from components.validation.expectations.suites import shipped
from components.workspace import Workspace, git
from components.workspace.creation import create

ROOT = Path(__file__).parents[3]
NONE = {"feedback": empty(Feedback), "preferences": empty(Preference)}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with suites of its own; git and DVC have no part in this."""
    made = Workspace(tmp_path / "work", Settings())
    made.data.mkdir(parents=True)
    made.expectations.mkdir()
    for suite in shipped():
        shutil.copy(suite, made.expectations)
    return made


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """What two hundred users said in a thousand conversations, and the pairs made of it."""
    settings = Settings()
    heard = talk(scripted(3), "m", 1000, 3)
    place = Workspace(tmp_path_factory.mktemp("nothing"), settings)
    signals = detect(heard.feedback, heard.interactions, appoint(settings.signals.detectors, place))
    made = build(heard.feedback, heard.interactions, signals, settings.preferences)
    return {"feedback": heard.feedback, "preferences": made.preferences}


def checked(workspace: Workspace, frames: dict[str, pl.DataFrame], batch: str = "000001-a") -> Expected:
    whole = NONE | frames
    return check(workspace, batch, whole["feedback"].lazy(), whole["preferences"].lazy())


def write(workspace: Workspace, kind: str, *written: dict[str, object]) -> None:
    suite = {"name": kind, "expectations": list(written)}
    (workspace.expectations / f"{kind}.json").write_text(json.dumps(suite))


def test_real_data_is_as_expected(workspace: Workspace, simulated: dict[str, pl.DataFrame], shared_data: Path) -> None:
    asked = {}
    for name in (
        "hh-rlhf/harmless-base-test.jsonl.gz",
        "alpaca-eval/gpt-3.5-turbo-1106_concise.json.gz",
        "alpaca-eval/gpt-3.5-turbo-1106_verbose.json.gz",
        "adparaphrase/adparaphrase.csv",
        "uss/MWOZ.txt.gz",
    ):
        sound, _ = judge(read_files([shared_data / name], None).frames)
        expected = checked(workspace, sound, name.replace("/", "-"))
        assert expected.failures == (), name
        asked[name] = expected.asked
    assert min(asked.values()) >= 9, asked
    assert checked(workspace, simulated).failures == ()
    assert checked(workspace, simulated).asked > max(asked.values())


TOMORROW = pl.lit(datetime(2999, 1, 1, tzinfo=UTC)).cast(pl.Datetime("us", "UTC"))


def of_half(column: str, other: pl.Expr) -> pl.Expr:
    return pl.when(pl.int_range(pl.len()) % 2 == 0).then(other).otherwise(pl.col(column)).alias(column)


def saying(column: str, change: pl.Expr) -> pl.Expr:
    return pl.col(column).list.eval(pl.struct(role=pl.element().struct.field("role"), content=change)).alias(column)


CONTENT = pl.element().struct.field("content")
BROKEN: dict[str, tuple[str, list[pl.Expr], dict[str, str]]] = {
    "pairs that are hardly preferred, from the future, and weighed wildly": (
        "preferences",
        [pl.lit(0.01).alias("strength"), TOMORROW.alias("created_at"), pl.lit(1e6).alias("weight")],
        {"strength mean": "found 0.01", "age_days values": "found 100%", "weight values": "found 100%"},
    ),
    "half of the prompts empty, and an error message in place of most answers": (
        "preferences",
        [
            of_half("prompt", message("user", pl.lit(" "))),
            pl.when(pl.int_range(pl.len()) % 4 > 0)
            .then(message("assistant", pl.lit("Error 500: the server has gone away, so please do try again.")))
            .otherwise("chosen")
            .alias("chosen"),
        ],
        {"prompt_chars values": "found ≈50.067%", "chosen_share maximum": "found 0.7497"},
    ),
    "letters lost, one side cut short, and pairs there twice": (
        "preferences",
        [
            saying("chosen", CONTENT.str.replace_all("e", "\ufffd")),
            saying("rejected", CONTENT.str.head(3)),
            of_half("id", pl.col("id").shift(-1)),
        ],
        {"damaged mean": "found", "length_ratio median": "found", "id values must be unique": "found"},
    ),
    "empty words, a user who speaks for nearly all, an unknown kind": (
        "feedback",
        [
            pl.when(pl.col("text").is_not_null()).then(pl.lit(" ")).alias("text"),
            pl.when(pl.int_range(pl.len()) > 20).then(pl.lit("eve")).otherwise("user").alias("user"),
            of_half("kind", pl.lit("wink")),
        ],
        {
            "text_chars values": "found 100%",
            "text_share maximum": "found 1",
            "user_share maximum": "found 0.98",
            "kind values must belong to this set": "found 50%",
        },
    ),
    "a stuck button, and nearly all about one answer": (
        "feedback",
        [
            pl.when(pl.int_range(pl.len()) > 5).then(pl.lit(1.0)).otherwise(-1.0).alias("score"),
            of_half("interaction", pl.col("id").first()),
        ],
        {"score_share maximum": "found 0.99", "interaction_share maximum": "found 0.5"},
    ),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_broken_data_is_not_as_expected_and_each_failure_says_what_was_found(
    workspace: Workspace, simulated: dict[str, pl.DataFrame], defect: str
) -> None:
    kind, changes, found = BROKEN[defect]
    expected = checked(workspace, {kind: simulated[kind].with_columns(changes)})
    assert len(expected.failures) == len(found), expected.failures
    for about, value in found.items():
        (failure,) = (failure for failure in expected.failures if failure.startswith(f"{kind}: {about}"))
        assert f": {value}" in failure
    assert expected.measures["data/batch_expectations_failed"].value == len(found)


def test_what_a_source_always_sent_and_no_longer_sends_is_missed(
    workspace: Workspace, simulated: dict[str, pl.DataFrame]
) -> None:
    spoken = pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit("ja")).otherwise(pl.lit("en")).alias("language")
    earlier = workspace.data / "000001-a"
    earlier.mkdir()
    simulated["preferences"].with_columns(spoken).write_parquet(earlier / "preferences.parquet")
    simulated["feedback"].write_parquet(earlier / "feedback.parquet")
    as_before = {"preferences": simulated["preferences"].with_columns(spoken), "feedback": simulated["feedback"]}
    assert checked(workspace, as_before, "000002-b").failures == ()

    english = dict(as_before)
    english["preferences"] = english["preferences"].with_columns(language=pl.lit("en"))
    english["feedback"] = english["feedback"].filter(pl.col("kind") != "thumb")
    no_thumbs, no_japanese = checked(workspace, english, "000002-b").failures
    assert no_thumbs.startswith("feedback: kind distinct values must contain this set")
    assert "missing thumb;" in no_thumbs
    assert "missing ja;" in no_japanese
    # Neither a few pairs, nor pairs from elsewhere, nor the whole dataset show that anything has stopped.
    few = {"preferences": english["preferences"].head(100)}
    elsewhere = {"preferences": english["preferences"].with_columns(source=pl.lit("elsewhere"))}
    for frames, batch in ((few, "000002-b"), (elsewhere, "000002-b"), (english, WHOLE)):
        assert checked(workspace, frames, batch).failures == ()


def test_data_docs_show_every_batch_need_no_network_and_name_nobody(
    workspace: Workspace, simulated: dict[str, pl.DataFrame], capfd: pytest.CaptureFixture[str]
) -> None:
    checked(workspace, simulated, "000001-a")
    broken = simulated["preferences"].with_columns(strength=pl.lit(0.01))
    expected = checked(workspace, simulated | {"preferences": broken}, "000002-b")
    checked(workspace, simulated, WHOLE)
    assert capfd.readouterr() == ("", "")

    index = (workspace.data_docs / "index.html").read_text()
    assert [index.count(f">{batch}</a>") for batch in ("000001-a", "000002-b", WHOLE)] == [2, 2, 2]
    failed = expected.outcomes[1]
    page = Path(failed.page.removeprefix("file://"))
    assert page.is_relative_to(workspace.data_docs)
    assert page.read_text().count("Failed") > 0
    assert f'href="{page.relative_to(workspace.data_docs).as_posix()}"' in index

    pages = list(workspace.data_docs.rglob("*.html"))
    assert len(pages) == 1 + 2 + 6
    for written in pages:
        assert "http://" not in written.read_text()
        assert "https://" not in written.read_text()
    kept = "".join(file.read_text() for file in workspace.root.rglob("*") if file.is_file() and ".heed" in file.parts)
    users = simulated["feedback"]["user"].unique().to_list()
    assert len(users) > 100
    assert not [user for user in users if user in kept]
    assert {path.name for path in workspace.state.iterdir()} == {"data-docs", "checked"}


def test_the_last_batch_and_the_whole_are_remembered_and_are_measures_for_the_data_gate(
    workspace: Workspace, simulated: dict[str, pl.DataFrame]
) -> None:
    assert last(workspace) == ()
    broken = simulated["preferences"].with_columns(strength=pl.lit(0.01), weight=pl.lit(1e6))
    of_batch = checked(workspace, {"preferences": broken})
    of_whole = checked(workspace, simulated, WHOLE)
    assert last(workspace) == (of_batch, of_whole)
    found = of_batch.measures["data/batch_expectations_failed"]
    assert (found.value, found.low, found.high, found.n) == (2, 2, 2, of_batch.asked)
    assert of_whole.measures["data/expectations_failed"].value == 0
    assert of_batch.in_words() == f"{of_batch.asked - 2} of {of_batch.asked} met by batch 000001-a"


def test_a_result_that_a_kill_left_half_written_is_dropped(
    workspace: Workspace, simulated: dict[str, pl.DataFrame]
) -> None:
    checked(workspace, simulated, "000001-a")
    (result,) = (workspace.checked / "results" / "feedback").rglob("*.json")
    result.write_text(result.read_text()[:500])
    assert checked(workspace, simulated, "000002-b").failures == ()
    index = (workspace.data_docs / "index.html").read_text()
    assert index.count(">000001-a</a>") == 1
    assert index.count(">000002-b</a>") == 2


def test_nothing_is_asked_of_what_there_is_none_of(workspace: Workspace, simulated: dict[str, pl.DataFrame]) -> None:
    assert checked(workspace, {}).asked == 0
    few = checked(workspace, {"preferences": simulated["preferences"].head(1)})
    many = checked(workspace, {"preferences": simulated["preferences"]})
    assert few.failures == ()
    assert 0 < few.asked < many.asked


def test_a_person_s_own_expectations_are_asked(workspace: Workspace, simulated: dict[str, pl.DataFrame]) -> None:
    write(
        workspace,
        "preferences",
        {
            "type": "expect_column_mean_to_be_between",
            "kwargs": {"column": "chosen_chars", "max_value": 10},
            "notes": "we like it short",
        },
        {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 100000}},
        {
            "type": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "source", "value_set": ["elsewhere"], "mostly": 0.5},
            "meta": {"needs": 100000},
        },
    )
    expected = checked(workspace, simulated)
    short, rows = expected.failures
    mean = flat_preferences(simulated["preferences"].lazy(), datetime.now(UTC))["chosen_chars"].mean()
    rule = "preferences: chosen_chars mean must be less than or equal to 10"
    assert short == f"{rule}: found {mean:.4g}; we like it short"
    assert rows == (
        f"preferences: Must have greater than or equal to 100000 rows: found {simulated['preferences'].height}"
    )
    assert expected.outcomes[1].asked == 2


BETWEEN = "expect_column_values_to_be_between"
BAD: dict[str, tuple[object, str]] = {
    "[": ("[", r"not valid JSON: .* line 1 column 2"),
    "no list": ({"name": "x"}, r"it has no list of `expectations`"),
    "no type": ({"expectations": [{"kwargs": {}}]}, r"expectation 1 has no type"),
    "unknown type": (
        {"expectations": [{"type": "expect_column_values_to_be_betwen", "kwargs": {"column": "strength"}}]},
        rf"expectation 1, expect_column_values_to_be_betwen: .* no such .* Did you mean {BETWEEN}\?",
    ),
    "unknown column": (
        {"expectations": [{"type": BETWEEN, "kwargs": {"column": "strenght", "max_value": 1}}]},
        rf"expectation 1, {BETWEEN}: there is no column 'strenght' of preferences .* Did you mean strength\?",
    ),
    "unknown argument": (
        {"expectations": [{"type": BETWEEN, "kwargs": {"column": "strength", "max": 1}}]},
        rf"expectation 1, {BETWEEN}: max: extra fields not permitted",
    ),
    "wrong argument": (
        {
            "expectations": [
                {"type": BETWEEN, "kwargs": {"column": "weight", "max_value": 9}},
                {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "source", "max_value": 1}},
            ]
        },
        r"expectation 2, expect_column_mean_to_be_between: cannot be asked",
    ),
    "unknown parameter": (
        {"expectations": [{"type": BETWEEN, "kwargs": {"column": "weight", "max_value": {"$PARAMETER": "x"}}}]},
        r"there is no parameter 'x' .* heed fills in 'languages_before'",
    ),
    "wrong needs": (
        {"expectations": [{"type": BETWEEN, "kwargs": {"column": "weight", "max_value": 9}, "meta": {"needs": 0}}]},
        r"needs is 0 .* 1 or more",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_suite_that_is_wrong_says_where_and_what_to_do(
    workspace: Workspace, simulated: dict[str, pl.DataFrame], case: str
) -> None:
    written, said = BAD[case]
    file = workspace.expectations / "preferences.json"
    file.write_text(written if isinstance(written, str) else json.dumps(written))
    with pytest.raises(BadInput, match=said) as error:
        checked(workspace, simulated)
    assert error.value.where == str(file)
    assert error.value.fix


def test_of_very_many_records_always_the_same_part_is_looked_at(
    workspace: Workspace, simulated: dict[str, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expectations, "MOST", 300)
    write(workspace, "preferences", {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 1}})
    first, second = (checked(workspace, {"preferences": simulated["preferences"]}, batch) for batch in "ab")
    assert first.failures == second.failures
    found = int(first.failures[0].rpartition("found ")[2].replace(",", ""))
    assert 240 < found < 360


def test_the_columns_are_those_that_are_described(simulated: dict[str, pl.DataFrame]) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    for kind, flat in {"feedback": flat_feedback, "preferences": flat_preferences}.items():
        frame = flat(simulated[kind].lazy(), now)
        assert frame.columns == list(COLUMNS[kind])
        assert frame.height == simulated[kind].height
        assert not [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    feedback = flat_feedback(simulated["feedback"].lazy(), now)
    told = simulated["feedback"]
    top = told["user"].value_counts()["count"].max()
    assert feedback["user_share"].max() == pytest.approx(top / told.height)
    assert feedback["score_share"].count() == told["score"].count()


def test_a_new_workspace_has_the_suites_committed_and_keeps_a_person_s_own(tmp_path: Path) -> None:
    own = tmp_path / "expectations" / "feedback.json"
    own.parent.mkdir()
    own.write_text('{"expectations": []}')
    made = create(tmp_path, "# a gate policy\n", shipped())
    assert own.read_text() == '{"expectations": []}'
    assert len(expectations.read(made)["preferences"].expectations) > 10
    committed = git.git(tmp_path, "ls-files", "expectations").split()
    assert {"expectations/feedback.json", "expectations/preferences.json"} <= set(committed)


def test_what_only_asks_how_it_stood_does_not_load_great_expectations(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from components.config import Settings
from components.validation.expectations import last, read
from components.workspace import Workspace, git
from components.workspace.creation import create
workspace = Workspace(Path({str(tmp_path)!r}), Settings())
print(len(read(workspace)), last(workspace), "great_expectations" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "2 () False\n", done.stderr
