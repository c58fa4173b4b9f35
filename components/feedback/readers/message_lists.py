"""Reads lists of messages whose contents are texts, or lists of parts of which those with a text count.

Knows no format, and nothing of what becomes of the messages.
"""

import polars as pl

from components.feedback.readers.fields import missing
from components.records.messages import MESSAGES, ROLES
from components.records.sql import connection

SPEAKS = ("assistant", "tool")
"""The roles that answer."""


def message_lists(rows: pl.DataFrame, key: str) -> pl.Series:
    """A list of messages in every row, also where it stands as JSON inside a text.

    Args:
        rows: `row` (the text of a JSON object), shape (n, …).
        key: the list's.

    Returns:
        Messages, shape (n,): null where there is no list; what is not a text in a message is null.
    """
    path = f'$."{key}"'
    with connection() as db:
        db.register("rows", rows.select("row").with_row_index("order").to_arrow())
        told = db.sql(f"""
            with lists as (
                select "order", case json_type(row, '{path}')
                    when 'ARRAY' then json_extract(row, '{path}')::varchar
                    when 'VARCHAR' then json_extract_string(row, '{path}')
                end as list from rows
            ), messages as (
                select "order", case when case when json_valid(list) then json_type(list) end = 'ARRAY'
                       then json_extract(list, '$[*]') end as said from lists
            )
            select "order", list_transform(said, lambda message: {{
                role: case when json_type(message, '$.role') = 'VARCHAR' then message->>'$.role' end,
                content: case json_type(message, '$.content')
                    when 'VARCHAR' then message->>'$.content'
                    when 'ARRAY' then array_to_string(json_extract_string(message, '$.content[*].text'), '\n\n')
                end
            }}) as said from messages
        """).pl()
    return told.sort("order")["said"].cast(MESSAGES)


def no_prompt(said: pl.Expr, key: str) -> pl.Expr:
    """Why messages that come from a key are not a prompt: they must be sound, and leave the assistant to speak."""
    answered = pl.when(_ends_with_answer(said)).then(pl.lit(f"{key} ends with the assistant"))
    return pl.coalesce(_unsound(said, key), answered)


def no_conversation(said: pl.Expr, key: str) -> pl.Expr:
    """Why messages that come from a key `extract` took are not a conversation with answers.

    They must be sound, have a message by a user and end with the assistant.
    """
    unlisted = pl.coalesce(missing(key), pl.lit(f"{key} is not a list of messages"))
    unanswered = pl.coalesce(
        _unsound(said, key),
        pl.when(~said.list.eval(pl.element().struct.field("role") == "user").list.any()).then(
            pl.lit(f"{key} has no message by a user")
        ),
        pl.when(~_ends_with_answer(said)).then(pl.lit(f"{key} does not end with the assistant")),
    )
    return pl.when(said.is_null()).then(unlisted).otherwise(unanswered)


def _unsound(said: pl.Expr, key: str) -> pl.Expr:
    role, content = (pl.element().struct.field(part) for part in ("role", "content"))

    def some(fault: pl.Expr) -> pl.Expr:
        return said.list.eval(fault).list.any()

    return (
        pl.when(said.list.len() == 0)
        .then(pl.lit(f"{key} has no message"))
        .when(some(role.is_null() | content.is_null()))
        .then(pl.lit(f"{key} has a message whose role or content is missing or not a text"))
        .when(some(~role.is_in(ROLES)))
        .then(pl.lit(f"{key} has a message whose role is not one of {', '.join(ROLES)}"))
        .when(some(content.str.strip_chars() == ""))
        .then(pl.lit(f"{key} has a message that says nothing"))
    )


def _ends_with_answer(said: pl.Expr) -> pl.Expr:
    return said.list.last().struct.field("role").is_in(SPEAKS)
