"""Holds records against their schema and says of each that fails, in words, every rule it breaks. Writes nothing."""

import ast
import re

import polars as pl
from pandera.errors import SchemaErrors

from components.records.identity import content_ids
from components.records.schemas import IDENTITY, KINDS, Feedback, Interaction, Record

BUILT_IN = re.compile(r"(\w+)\((.*)\)", re.DOTALL)
"""How Pandera writes a rule of its own, as less_than_or_equal_to(1)."""

SAID: dict[type[Record], tuple[str, ...]] = {
    Interaction: ("prompt", "response"),
    Feedback: ("interaction", "kind", "score", "aspect", "other", "text"),
}
"""What records that their source names must agree in where it gives them the same name."""

NAMED = tuple(kind for kind, schema in KINDS.items() if schema in SAID)
"""Kinds whose records their source names, and others refer to by that name."""

SAME_ID = "another record of its id says something else; released, it lands under an id of its own"

NO_FAILURES = pl.DataFrame(
    schema={
        "failure_case": pl.String,
        "schema_context": pl.String,
        "column": pl.String,
        "check": pl.String,
        "index": pl.Int32,
    }
)


def check(frame: pl.DataFrame, schema: type[Record]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part records into those that keep to their schema and those that do not.

    Of sound records with the same id the first stays: they say the same.

    Args:
        frame: records with exactly the columns of the schema, shape (n, columns).
        schema: what they have to keep to.

    Returns:
        The sound records, and the bad ones with a `reason` that names every rule they break; each in their old order.

    Raises:
        SchemaErrors: a column is missing, is too many or has another type. That is a mistake in heed, not in the data.
    """
    if frame.is_empty():
        return frame, frame.with_columns(reason=pl.lit(None, pl.String))
    judged = frame.with_row_index("index").join(
        _reasons(_failures(frame, schema)), on="index", how="left", maintain_order="left"
    )
    judged = _apart(judged.drop("index"), schema)
    sound = judged.filter(pl.col("reason").is_null()).drop("reason")
    return sound.unique("id", keep="first", maintain_order=True), judged.filter(pl.col("reason").is_not_null())


def clashing(known: pl.DataFrame, new: pl.DataFrame, schema: type[Record]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part sound records into those to take, and those that say something else than the first record of their id.

    Args:
        known: sound records that came first, each id once.
        new: sound records.
        schema: of both.

    Returns:
        Of the new records those to take, and the others with a `reason` and an id of their own.
    """
    nobody = pl.lit(None, pl.String)
    judged = _apart(pl.concat([known, new]).with_columns(reason=nobody), schema).slice(known.height)
    bad = pl.col("reason").is_not_null()
    return judged.filter(~bad).drop("reason"), judged.filter(bad)


def under_own_ids(records: pl.DataFrame, schema: type[Record]) -> pl.DataFrame:
    """Records that say something else than the first of their id, each with a `reason` and an id of its own."""
    return records.with_columns(id=content_ids(records, IDENTITY[schema]), reason=pl.lit(SAME_ID))


def _apart(judged: pl.DataFrame, schema: type[Record]) -> pl.DataFrame:
    """Sound records that say something else than the first of their id get a reason, and an id of their own."""
    if schema not in SAID:
        return judged
    names = judged.filter(pl.col("reason").is_null())["id"]
    if names.n_unique() == len(names):
        return judged
    row = pl.int_range(pl.len())
    twice = judged.with_columns(row=row).filter(pl.col("reason").is_null()).filter(pl.col("id").is_duplicated())
    twice = twice.with_columns(said=content_ids(twice, SAID[schema]), own=content_ids(twice, IDENTITY[schema]))
    others = twice.filter(pl.col("said") != pl.col("said").first().over("id")).select("row", "own")
    joined = judged.with_columns(row=row).join(others, on="row", how="left", maintain_order="left")
    reason = pl.coalesce("reason", pl.when(pl.col("own").is_not_null()).then(pl.lit(SAME_ID)))
    return joined.with_columns(reason=reason, id=pl.coalesce("own", "id")).drop("row", "own")


def _failures(frame: pl.DataFrame, schema: type[Record]) -> pl.DataFrame:
    """Every rule that is broken, and by which row; to be there twice breaks none."""
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as broken:
        if broken.failure_cases["index"].has_nulls():
            raise
        return broken.failure_cases.filter(pl.col("check") != "field_uniqueness")
    return NO_FAILURES


def _reasons(failures: pl.DataFrame) -> pl.DataFrame:
    """One text for each row that fails: `index`, `reason`."""
    rules = {rule: _in_words(rule) for rule in failures["check"].unique()}
    rule, found = pl.col("check").replace_strict(rules, return_dtype=pl.String), pl.col("failure_case")
    short = pl.when(found.str.len_chars() > 40).then(found.str.head(40) + "…").otherwise(found)
    not_a_number = (pl.col("check") == "not_nullable") & (found == "NaN")
    reason = (
        pl.when(pl.col("schema_context") == "DataFrameSchema")
        .then(rule)
        .when(rule.str.starts_with(", must"))
        .then(pl.format("{} is {}{}", "column", short.fill_null("nothing"), rule))
        .when(not_a_number)
        .then(pl.format("{} is not a number", "column"))
        .otherwise(pl.format("{} {}", "column", rule))
    )
    by_row = failures.select(pl.col("index").cast(pl.UInt32), reason=reason).group_by("index", maintain_order=True)
    return by_row.agg(pl.col("reason").str.join("; "))


def _in_words(rule: str) -> str:
    """A rule as the end of a sentence: of one about the column's value where it begins with a comma."""
    built_in = BUILT_IN.fullmatch(rule)
    if rule == "not_nullable":
        return "is missing"
    if built_in is None:
        return rule
    name, argument = built_in.groups()
    if name == "isin":
        return f", must be one of {', '.join(map(str, ast.literal_eval(argument)))}"
    if name == "str_matches":
        return f", must match {ast.literal_eval(argument)}"
    return f", must be {name.replace('_', ' ')} {argument}"
