"""Thousands of held rows as a page a person can read: one group for each kind of reason. Reads and decides nothing."""

import polars as pl

EXAMPLES = 3

FAMILY: tuple[tuple[str, str], ...] = (
    (r'"[^"]*"', '"…"'),
    (r" is [^;]*?, must be", " is …, must be"),
    (r"\d+(\.\d+)?", "N"),
)
"""What two reasons of a family may differ in: a quotation, what was found in the place of something else, numbers."""


def family(reason: pl.Expr) -> pl.Expr:
    """A column of reasons without what is of one row alone."""
    for particular, alike in FAMILY:
        reason = reason.str.replace_all(particular, alike)
    return reason


def matching(rows: pl.DataFrame, text: str) -> pl.DataFrame:
    """The rows with a text in one of their reasons, or in the family of one, whatever its case."""
    wanted = pl.lit(text.lower())
    said = rows.select("id", reason="reasons").explode("reason")
    spoken = pl.concat_str("reason", family(pl.col("reason")), separator="\n").str.to_lowercase()
    found = said.filter(spoken.str.contains(wanted, literal=True))
    return rows.join(found.select("id").unique(), on="id", how="semi", maintain_order="left")


def groups(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows by state and family of reason, the largest group first.

    Args:
        rows: as `quarantine.rows` gives them.

    Returns:
        `state`, `reason` (the family, or the reason itself where all are the same), `count`, `files` (a list of
        `file` and `count`, the most first), `examples` (a list of `id`, `file`, `line`, `reason`).
    """
    kept = rows.with_columns(family=family(pl.col("reason")))
    by = ["state", "family"]
    files = kept.group_by([*by, "file"]).len("count").sort("count", "file", descending=[True, False])
    from_files = files.group_by(by, maintain_order=True).agg(files=pl.struct("file", "count"))
    told = kept.group_by(by, maintain_order=True).agg(
        count=pl.len(),
        first=pl.col("reason").first(),
        alike=pl.col("reason").n_unique() == 1,
        examples=pl.struct("id", "file", "line", "reason").head(EXAMPLES),
    )
    return (
        told.join(from_files, on=by, how="left", maintain_order="left")
        .sort("count", descending=True, maintain_order=True)
        .select(
            "state",
            "count",
            "files",
            "examples",
            reason=pl.when("alike").then("first").otherwise("family"),
        )
    )
