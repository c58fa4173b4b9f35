"""User Satisfaction Simulation (USS): dialogues in which several people rated every user turn for satisfaction.

A turn is a line of cells parted by tabs: USER or SYSTEM, the text, the action, the ratings (1 to 5, one a rater, parted
by commas) and, in one part of the data, the raters' explanations (parted by semicolons). A last turn whose text is
OVERALL rates the whole dialogue. A blank line ends a dialogue; each dialogue is one row, {"dialogue": "its lines"}.
https://github.com/sunnweiwei/user-satisfaction-simulation, https://arxiv.org/abs/2105.03748
"""

from typing import Any

import polars as pl

from components.feedback.readers.conversations import ASKS, answered, answers, in_blocks
from components.feedback.readers.fields import because, extract, missing, no_text, text
from components.records.identity import sha256

SPEAKERS = {"USER": "user", "SYSTEM": "assistant"}
CELLS = ("role", "content", "action", "ratings", "explanations")
OVERALL = ASKS & (pl.col("content") == "OVERALL")


def fits(row: dict[str, Any]) -> bool:
    """Whether a row is the lines of a dialogue."""
    dialogue = row.get("dialogue")
    return isinstance(dialogue, str) and dialogue.lstrip().startswith(("USER\t", "SYSTEM\t"))


def read(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Read dialogues into the system's answers and what users said and raters thought of them.

    The user turn after an answer is a followup about it, and each rating of that turn a rating of it, with 1, 3, 5 as
    -1, 0, 1, by "rater-1", "rater-2", … in the order of the cell. These are places, not people: an answer's id follows
    from its whole dialogue, so that two dialogues that begin alike do not share their raters. The ratings of OVERALL
    are about the last answer, with the aspect "overall".

    Left out are the actions, and the ratings of user turns before the first answer, which are about none: 3,488 of
    40,434 in the MultiWOZ part, 3,540 of 45,686 in the SGD part.

    Args:
        rows: `line` and `row`, shape (n, 2).

    Returns:
        "interactions" and "feedback", each in the order of the file: `line`, `row`, `reason`, and where that is null
        the columns of the record. A dialogue with anything wrong in it is one row at the end of the interactions.
    """
    fields = extract(rows, ("dialogue",))
    turns = _turns(fields)
    dialogues = fields.join(_complaints(turns), on="line", how="left", maintain_order="left")
    reason = because(missing("dialogue"), no_text("dialogue"), pl.col("complaint"))
    dialogues = dialogues.select("line", "row", digest=sha256(dialogues["row"]), reason=reason)
    bad = dialogues.filter(pl.col("reason").is_not_null())
    turns = turns.join(bad, on="line", how="anti", maintain_order="left")
    told = answers(turns.filter(~OVERALL)).join(dialogues, on="line", how="left", maintain_order="left")
    told = told.with_columns(id=sha256(told.select(pl.format("{}:{}", "digest", "answer")).to_series()).str.head(32))
    about = told.select("line", "answer", "row", interaction="id")
    heard = turns.filter(ASKS).join(about, on=["line", "answer"], maintain_order="left")
    return {
        "interactions": pl.concat([told, bad], how="diagonal"),
        "feedback": in_blocks(heard, _feedback),
    }


def _turns(fields: pl.DataFrame) -> pl.DataFrame:
    """The turns of all dialogues in order: `line`, `turn` (from 1), `answer`, and the cells but the action."""
    lines = fields.select("line", cells=text("dialogue").str.split("\n")).explode("cells").drop_nulls("cells")
    told = lines.select(
        "line",
        pl.col("cells").str.split_exact("\t", len(CELLS) - 1).struct.rename_fields(CELLS),
        turn=pl.int_range(1, pl.len() + 1).over("line"),
    ).unnest("cells")
    return answered(told.drop("action").with_columns(pl.col("role").replace(SPEAKERS)))


def _complaints(turns: pl.DataFrame) -> pl.DataFrame:
    """The first thing that is wrong with each dialogue, null where nothing is: `line`, `complaint`."""
    grades = _by_rater("ratings", ",").list.eval(pl.element().drop_nulls().cast(pl.Float64, strict=False))
    off_scale = grades.list.eval(~pl.element().is_between(1, 5).fill_null(False)).list.any()
    complaint = (
        pl.when(~pl.col("role").is_in(list(SPEAKERS.values())))
        .then(pl.format("turn {} begins with neither USER nor SYSTEM", "turn"))
        .when(pl.col("content").fill_null("").str.strip_chars() == "")
        .then(pl.format("turn {} says nothing", "turn"))
        .when(off_scale)
        .then(pl.format('the ratings of turn {} are "{}", must be from 1 to 5', "turn", "ratings"))
    )
    unanswered = pl.when(pl.col("answer").is_null().all()).then(pl.lit("no SYSTEM turn answers a USER turn"))
    return (
        turns.with_columns(complaint=complaint)
        .group_by("line", maintain_order=True)
        .agg(complaint=pl.coalesce(pl.col("complaint").drop_nulls().first(), unanswered))
    )


def _by_rater(cell: str, separator: str) -> pl.Expr:
    """What each rater wrote into a cell, null for one who wrote nothing."""
    written = pl.element().str.strip_chars()
    return pl.col(cell).str.split(separator).list.eval(pl.when(written != "").then(written))


def _feedback(heard: pl.DataFrame) -> pl.DataFrame:
    """What users said next and what raters thought of it, in order: columns of `Feedback`, `line`, `row`, `reason`."""
    # The words of a turn come first, then what each rater thought of them.
    grades = pl.concat_list(pl.lit(None, pl.String), _by_rater("ratings", ",").fill_null([]))
    told = heard.select(
        "line",
        "row",
        "interaction",
        "content",
        overall=OVERALL,
        grade=grades,
        explained=_by_rater("explanations", ";"),
        rater=pl.int_ranges(grades.list.len().cast(pl.Int64)),
    ).explode("grade", "rater")
    words = pl.col("rater") == 0
    explanation = pl.col("explained").list.get(pl.col("rater") - 1, null_on_oob=True)
    return told.filter((words & ~pl.col("overall")) | pl.col("grade").is_not_null()).select(
        "line",
        "row",
        "interaction",
        kind=pl.when(words).then(pl.lit("followup")).otherwise(pl.lit("rating")),
        score=(pl.col("grade").cast(pl.Float64) - 3) / 2,
        aspect=pl.when(~words & pl.col("overall")).then(pl.lit("overall")),
        text=pl.when(words).then("content").otherwise(explanation),
        user=pl.when(~words).then(pl.format("rater-{}", "rater")),
        reason=pl.lit(None, pl.String),
    )
