"""Conversations as columns: a list of {role, content} in every row."""

import polars as pl

MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
ROLES = ("system", "user", "assistant", "tool")

Message = dict[str, str]

BOUNDARIES = r"[\x00\x10\x1d-\x1f]"
"""Signs with which a canonical text parts columns, messages and who said what, says nothing, and escapes a sign."""
PARTING = "\x1e"
"""The one between messages."""


def message(role: str, content: pl.Expr) -> pl.Expr:
    """A column of one-message conversations from a column of texts."""
    return pl.concat_list(pl.struct(role=pl.lit(role), content=content)).cast(MESSAGES)


def transcript(messages: pl.Expr) -> pl.Expr:
    """A column of conversations as one text each, the same only for the same conversation."""
    role, content = (escaped(pl.element().struct.field(name)) for name in ("role", "content"))
    return messages.list.eval(pl.concat_str(role, content, separator="\x1f")).list.join(PARTING)


def escaped(text: pl.Expr) -> pl.Expr:
    """A column of texts in which a boundary sign that somebody typed is none."""
    # Next to nobody types one, and looking for them takes a quarter of the time that replacing none takes.
    typed = text.str.contains(BOUNDARIES)
    return pl.when(typed).then(text.str.replace_all(BOUNDARIES, "\x10${0}")).otherwise(text)


def text_of(messages: pl.Expr) -> pl.Expr:
    """What was said, without who said it: the contents of a conversation, one paragraph each."""
    return messages.list.eval(pl.element().struct.field("content")).list.join("\n\n")


def asked(messages: pl.Expr) -> pl.Expr:
    """Everything the user says in each conversation, in order, one paragraph a turn (null where no user speaks)."""
    users = messages.list.eval(pl.element().filter(pl.element().struct.field("role") == "user").struct.field("content"))
    return pl.when(users.list.len() > 0).then(users.list.join("\n\n"))
