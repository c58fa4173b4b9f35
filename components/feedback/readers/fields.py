"""Takes typed columns out of rows of JSON text, and says in words why a row has none. Knows no format.

`extract` first; then, for every kind of value, one expression that gives it and one (`no_…`) that gives the reason why
a row does not have it (null where it does). A key that is absent and a key that is null are the same.
"""

from collections.abc import Sequence

import polars as pl

from components.records.messages import MESSAGES, message
from components.records.sql import connection

ISO_8601 = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?"
EPOCH_SECONDS = r"\d{10}(\.\d+)?"
END_OF_YEAR_9999 = 253402300799
FIRST_TIME, LAST_TIME = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"
"""What Python can tell the time of."""
NUMBERS = ("UBIGINT", "BIGINT", "HUGEINT", "UHUGEINT", "DOUBLE")


def extract(
    rows: pl.DataFrame, keys: Sequence[str], conversations: Sequence[str] = (), times: Sequence[str] = ()
) -> pl.DataFrame:
    """Take keys out of rows, each row by itself: a wrong value in one never breaks another.

    Args:
        rows: `line` and `row` (the text of a JSON object).
        keys: the keys to take.
        conversations: those of them that may hold messages.
        times: those of them that hold a time.

    Returns:
        `line`, `row` and what the expressions of this module read: `KEY:type`, the value as text in `KEY` (not of
        messages), and for conversations and times what they are.
    """
    columns = [f'types[{i + 1}] as "{key}:type"' for i, key in enumerate(keys)]
    columns += [
        f'case when "{key}:type" <> \'ARRAY\' then texts[{i + 1}] end as "{key}"'
        if key in conversations
        else f'texts[{i + 1}] as "{key}"'
        for i, key in enumerate(keys)
    ]
    columns += [_conversation(key, f"texts[{keys.index(key) + 1}]") for key in conversations]
    columns += [_time(key) for key in times]
    paths = [f'$."{key}"' for key in keys]  # quoted, because a dot in a key is part of its name
    with connection() as db:
        db.sql("set timezone = 'UTC'")
        db.register("rows", rows.select("row").with_row_index("order").to_arrow())
        taken = db.sql(f"""
            with found as (
                select "order", json_extract_string(row, {paths}) as texts, json_type(row, {paths}) as types from rows
            )
            select "order", {", ".join(columns)} from found
        """).pl()
    # DuckDB works on the chunks of a frame side by side and may give them back in another order.
    taken = taken if taken["order"].is_sorted() else taken.sort("order")
    return rows.select("line", "row").hstack(taken.drop("order"))


def _conversation(key: str, text: str) -> str:
    """Messages, and whether every one of them has a text for its role and its content."""
    every = " and ".join(
        f"json_type({text}, '$[*].{part}') = list_resize([]::varchar[], json_array_length({text}), 'VARCHAR')"
        for part in ("role", "content")
    )
    shape = '[{"role": "VARCHAR", "content": "VARCHAR"}]'
    return f"""
        case when "{key}:type" = 'ARRAY' then {every} end as "{key}:whole",
        case when "{key}:type" = 'ARRAY' then from_json({text}, '{shape}') end as "{key}:messages"
    """


def _time(key: str) -> str:
    numbers = ", ".join(f"'{name}'" for name in NUMBERS)
    return f"""
        case
            when "{key}:type" in ({numbers}) or regexp_full_match("{key}", '{EPOCH_SECONDS}') then
                case when try_cast("{key}" as double) between 0 and {END_OF_YEAR_9999}
                then to_timestamp("{key}"::double) end
            when regexp_full_match("{key}", '{ISO_8601}')
                and try_cast("{key}" as timestamptz) between timestamptz '{FIRST_TIME}' and timestamptz '{LAST_TIME}'
                then try_cast("{key}" as timestamptz)
        end as "{key}:time"
    """


def members(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    """The elements of a list in every row, as rows of their own that `extract` takes keys out of.

    Args:
        rows: `line` and `row` (the text of a JSON object).
        key: the list's.

    Returns:
        A row for each element: `line`, `place` (from 0) and `row`, the element's JSON text. A key that is no list has
        none.
    """
    path = f'$."{key}"'
    with connection() as db:
        db.register("rows", rows.select("line", "row").to_arrow())
        elements = db.sql(f"""
            select line, unnest(range(json_array_length(row, '{path}')::bigint)) as place,
                   unnest(json_extract(row, '{path}[*]'))::varchar as row
            from rows where json_type(row, '{path}') = 'ARRAY'
        """).pl()
    return elements.sort("line", "place")


def because(*complaints: pl.Expr) -> pl.Expr:
    """All that is wrong with a row, as one text; null where nothing is."""
    joined = pl.concat_str(complaints, separator="; ", ignore_nulls=True)
    return pl.when(joined != "").then(joined)


def given(key: str) -> pl.Expr:
    """Whether a row has the key at all."""
    return pl.col(f"{key}:type").fill_null("NULL") != "NULL"


def missing(key: str) -> pl.Expr:
    """Why a key that must be there is not."""
    return pl.when(~given(key)).then(pl.lit(f"{key} is missing"))


def is_text(key: str) -> pl.Expr:
    return pl.col(f"{key}:type").fill_null("NULL") == "VARCHAR"


def text(key: str) -> pl.Expr:
    return pl.when(is_text(key)).then(pl.col(key))


def no_text(key: str) -> pl.Expr:
    return pl.when(given(key) & ~is_text(key)).then(_instead(key, "a text"))


def silent(key: str) -> pl.Expr:
    """Why a text that must say something does not."""
    return pl.when(text(key).str.strip_chars() == "").then(pl.lit(f"{key} says nothing"))


def name(key: str) -> pl.Expr:
    """A text or a number that stands for somebody or something; blank is null."""
    stripped = pl.col(key).str.strip_chars()
    return pl.when((is_text(key) | _is_number(key)) & (stripped != "")).then(stripped)


def unnamed(key: str) -> pl.Expr:
    """Why a name that must be there is not."""
    blank = is_text(key) & name(key).is_null()
    return pl.when(~given(key) | blank).then(pl.lit(f"{key} is missing"))


def no_name(key: str) -> pl.Expr:
    return pl.when(given(key) & ~is_text(key) & ~_is_number(key)).then(_instead(key, "a text or a number"))


def number(key: str) -> pl.Expr:
    """A finite number, also where it is written as a text (as every cell of a CSV file is)."""
    value = pl.when(is_text(key) | _is_number(key)).then(pl.col(key).str.strip_chars().cast(pl.Float64, strict=False))
    return pl.when(value.is_finite()).then(value)


def no_number(key: str) -> pl.Expr:
    return pl.when(given(key) & number(key).is_null()).then(_instead(key, "a number"))


def time(key: str) -> pl.Expr:
    return pl.col(f"{key}:time")


def no_time(key: str) -> pl.Expr:
    expected = "a time as 2026-01-31T12:00:00Z or in seconds since 1970"
    return pl.when(given(key) & time(key).is_null()).then(_instead(key, expected))


def are_messages(key: str) -> pl.Expr:
    return pl.col(f"{key}:type").fill_null("NULL") == "ARRAY"


def no_list(key: str) -> pl.Expr:
    return pl.when(given(key) & ~are_messages(key)).then(_instead(key, "a list"))


def messages(key: str, role: str) -> pl.Expr:
    """Messages; a plain text is one message by `role`."""
    return pl.when(is_text(key)).then(message(role, pl.col(key))).otherwise(pl.col(f"{key}:messages").cast(MESSAGES))


def no_messages(key: str) -> pl.Expr:
    return (
        pl.when(given(key) & ~is_text(key) & ~are_messages(key))
        .then(_instead(key, "a text or a list of messages"))
        .when(~pl.col(f"{key}:whole"))
        .then(pl.lit(f"{key} has a message whose role or content is missing or not a text"))
    )


def _is_number(key: str) -> pl.Expr:
    return pl.col(f"{key}:type").fill_null("NULL").is_in(NUMBERS)


def _instead(key: str, expected: str) -> pl.Expr:
    """What a key is, and what it has to be."""
    value = pl.col(key)
    short = pl.when(value.str.len_chars() > 40).then(value.str.slice(0, 40) + "…").otherwise(value)
    quoted = pl.when(is_text(key)).then(pl.format('"{}"', short)).otherwise(short)
    found = pl.col(f"{key}:type").replace_strict({"ARRAY": "a list", "OBJECT": "an object"}, default=quoted)
    return pl.format("{} is {}, must be {}", pl.lit(key), found, pl.lit(expected))
