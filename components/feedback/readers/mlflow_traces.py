"""MLflow traces with the assessments logged on them, so that a team that traces with MLflow needs no other capture.

A row is a trace as `Trace.to_json` writes it, or a row of `mlflow.search_traces` with the trace in it; or traces are
taken from the tracking server.
https://mlflow.org/docs/latest/genai/tracing/, https://mlflow.org/docs/latest/genai/assessments/feedback/
"""

from typing import Any

import polars as pl

from components.feedback.readers.conversations import said_next
from components.feedback.readers.fields import (
    because,
    extract,
    given,
    members,
    name,
    no_name,
    no_number,
    no_time,
    number,
    text,
    time,
    unnamed,
)
from components.feedback.readers.payloads import spoken
from components.feedback.readers.scores import FEEDBACK, heard, ids_of
from components.records.errors import BadInput

PAGE = 500
USER, SESSION = "mlflow.trace.user", "mlflow.trace.session"
INPUTS, OUTPUTS, MODEL = "mlflow.spanInputs", "mlflow.spanOutputs", "mlflow.llm.model"
PREFERRED = ("expected_response", "expected_output", "expected_answer")
"""The expectations that say how the answer should have been."""


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is a trace, or holds one as JSON."""
    trace = row.get("trace")
    packed = isinstance(trace, str) and trace.startswith('{"info"') and "trace_id" in row
    return packed or (isinstance(row.get("info"), dict) and isinstance(row.get("data"), dict))


def rows_from_store(tracking_uri: str, experiment: str) -> pl.DataFrame:
    """Take the traces of an experiment from a tracking server, the oldest first.

    Args:
        tracking_uri: the server's or the database's address.
        experiment: the experiment's name or id.

    Returns:
        What `rows_of` gives of a file: `line` (the trace's number, from 1), `row` (its JSON text), `reason` (null).

    Raises:
        BadInput: the server cannot be reached, or there is no such experiment, or it holds no traces.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    client = mlflow.MlflowClient(tracking_uri)
    try:
        found = client.get_experiment_by_name(experiment) or (
            client.get_experiment(experiment) if experiment.isdigit() else None
        )
        traces, page = [], None
        while found is not None and (page is None or page.token):
            page = client.search_traces(
                locations=[found.experiment_id],
                max_results=PAGE,
                order_by=["timestamp_ms ASC"],
                page_token=page.token if page else None,
            )
            traces += [trace.to_json() for trace in page]
    except MlflowException as error:
        reason = str(error).splitlines()[0]
        raise BadInput(
            f"the traces cannot be read: {reason}", tracking_uri, "Check the address and the name."
        ) from None
    if found is None:
        raise BadInput(f'there is no experiment "{experiment}"', tracking_uri, "Check its name in the MLflow UI.")
    if not traces:
        raise BadInput(f'the experiment "{experiment}" holds no traces', tracking_uri, "Log some, or name another one.")
    rows = pl.DataFrame({"row": traces}).with_row_index("line", offset=1)
    return rows.select(pl.col("line").cast(pl.Int64), "row", reason=pl.lit(None, pl.String))


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read traces into interactions, assessments into feedback.

    An interaction is what went into a trace's root span and what came out. A true or false by a person is a thumb, by
    a judge or by code a rating; a number is a rating with the assessment's name as aspect, on the scale that its
    metadata `min` and `max` give (see `scores.heard` where they do not); words are a comment. The rationale is the
    text. An expectation of a response is an edit, any other a comment. An assessment that was overridden is left out;
    one that failed is a problem. What the user asks next in the session is a followup.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "interactions" and "feedback": `line`, `row`, `reason`, and where that is null the columns of the record.
    """
    packed = extract(rows, ("trace",))
    whole = pl.when(pl.col("trace").str.starts_with("{")).then("trace").otherwise("row")
    traces = packed.select("line", row=whole)
    info = _objects(traces, "info")
    interactions = _interactions(traces, info)
    sound = interactions.filter(pl.col("reason").is_null())
    feedback = _assessments(info, sound)
    return {
        "interactions": interactions,
        "feedback": pl.concat([feedback, said_next(sound, "session")], how="diagonal").sort(
            "line", maintain_order=True
        ),
    }


def _objects(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    """What a key holds as rows of their own, null where it is no object."""
    fields = extract(rows, (key,))
    return fields.select("line", row=pl.when(pl.col(f"{key}:type") == "OBJECT").then(key))


def _interactions(traces: pl.DataFrame, info: pl.DataFrame) -> pl.DataFrame:
    about = extract(info, ("trace_id", "request_time"), times=("request_time",))
    who = extract(_objects(info, "trace_metadata"), (USER, SESSION))
    told = pl.concat([traces, about.drop("line", "row"), who.drop("line", "row")], how="horizontal")
    told = told.join(_roots(traces), on="line", how="left", maintain_order="left")
    told = told.with_columns(
        prompt=spoken(told["inputs"], "user"),
        response=spoken(told["outputs"], "assistant"),
    )
    return told.select(
        "line",
        "row",
        "prompt",
        "response",
        "model",
        id=ids_of(told.select(name("trace_id")).to_series()),
        user=name(USER),
        session=name(SESSION),
        group=pl.lit(None, pl.String),
        source=pl.lit("mlflow"),
        created_at=time("request_time"),
        reason=because(
            unnamed("trace_id"),
            *(no_name(key) for key in ("trace_id", USER, SESSION)),
            no_time("request_time"),
            pl.when(pl.col("rooted").is_null()).then(pl.lit("data.spans has no root span")),
            *(
                pl.when(pl.col("rooted") & pl.col(said).is_null()).then(pl.lit(f"the root span has no {key}"))
                for key, said in (("inputs", "prompt"), ("outputs", "response"))
            ),
        ),
    )


def _roots(traces: pl.DataFrame) -> pl.DataFrame:
    """The root span of each trace: `line`, `rooted`, `inputs`, `outputs`, and the `model` that its spans name last."""
    spans = extract(members(_objects(traces, "data"), "spans"), ("parent_span_id",))
    attributes = extract(_objects(spans, "attributes"), (INPUTS, OUTPUTS, MODEL))
    told = spans.select("line", root=~given("parent_span_id")).hstack(
        attributes.select(inputs=INPUTS, outputs=OUTPUTS, model=pl.col(MODEL).str.strip_chars('"'))
    )
    root = {key: pl.col(key).filter("root").first() for key in ("inputs", "outputs")}
    spoke = told.group_by("line", maintain_order=True).agg(
        rooted=pl.col("root").any(), model=pl.col("model").drop_nulls().last(), **root
    )
    return spoke.filter("rooted")


def _assessments(info: pl.DataFrame, interactions: pl.DataFrame) -> pl.DataFrame:
    rows = members(info, "assessments").select("line", "row")
    keys = ("assessment_id", "assessment_name", "rationale", "valid", "create_time")
    fields = extract(rows, keys, times=("create_time",))
    feedback = extract(_objects(rows, "feedback"), ("value", "error"))
    expected = _objects(rows, "expectation")
    serialized = extract(_objects(expected, "serialized_value"), ("value",)).select(serialized="value")
    expectation = extract(expected, ("value",)).select(expected="value").hstack(serialized)
    source = extract(_objects(rows, "source"), ("source_type", "source_id")).drop("line", "row")
    scale = extract(_objects(rows, "metadata"), ("min", "max")).drop("line", "row")
    told = pl.concat([fields, feedback.drop("line", "row"), expectation, source, scale], how="horizontal")
    about = interactions.select("line", "group", "source", asker="user", interaction="id", trace="row")
    told = told.join(about, on="line", maintain_order="left").filter(pl.col("valid").ne_missing("false"))
    person = pl.col("source_type") == "HUMAN"
    someone = pl.when(name("source_id") != "default").then(name("source_id"))
    failed = pl.format('the assessment "{}" failed', "assessment_name")
    told = told.with_columns(
        row="trace",
        id=ids_of(told.select(name("assessment_id")).to_series()),
        name=name("assessment_name"),
        type="value:type",
        low=number("min"),
        high=number("max"),
        person=person,
        user=pl.coalesce(someone, pl.when(person).then("asker")),
        text=text("rationale"),
        created_at=time("create_time"),
        wish=pl.coalesce("expected", "serialized"),
        reason=because(
            unnamed("assessment_name"),
            *(no_name(key) for key in ("assessment_id", "assessment_name", "source_id")),
            no_time("create_time"),
            no_number("min"),
            no_number("max"),
            pl.when(~given("value") & given("error")).then(failed),
        ),
    )
    wishes = told.filter(pl.col("wish").is_not_null())
    said = told.filter(pl.col("wish").is_null()).with_columns(
        reason=pl.coalesce("reason", pl.when(~given("value")).then(pl.lit("an assessment has no value")))
    )
    kind = pl.when(pl.col("name").is_in(PREFERRED)).then(pl.lit("edit")).otherwise(pl.lit("comment"))
    return pl.concat(
        [heard(said), wishes.with_columns(kind=kind, text="wish").select(*FEEDBACK, "kind", "text", "reason")],
        how="diagonal",
    )
