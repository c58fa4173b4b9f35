"""What users say next is heard from the conversations themselves."""

from datetime import UTC, datetime

import polars as pl

from components.feedback.threads import followups
from components.records.schemas import Feedback, Interaction, as_records, dtypes, empty


def said(*contents: str, system: str | None = None) -> list[dict[str, str]]:
    """A conversation that the user begins."""
    roles = ("user", "assistant")
    spoken = [{"role": roles[turn % 2], "content": content} for turn, content in enumerate(contents)]
    return ([{"role": "system", "content": system}] if system else []) + spoken


def interactions(*turns: tuple[list[dict[str, str]], str, str | None]) -> pl.DataFrame:
    """Prompt, answer and user, a minute apart."""
    rows = [
        {
            "prompt": prompt,
            "response": [{"role": "assistant", "content": answer}],
            "user": user,
            "source": "app",
            "created_at": datetime(2026, 1, 5, 8, minute, tzinfo=UTC),
        }
        for minute, (prompt, answer, user) in enumerate(turns)
    ]
    return as_records(pl.DataFrame(rows, schema_overrides={"user": pl.String}), Interaction)


def told(found: pl.DataFrame, talk: pl.DataFrame) -> list[tuple[int, str]]:
    """Row of the interaction that was reacted to, and the words."""
    rows = {name: row for row, name in enumerate(talk["id"])}
    return [(rows[about], text) for about, text in found.select("interaction", "text").rows()]


BREAD = "How do I bake bread?"


def test_the_next_turn_of_a_conversation_is_a_follow_up_to_the_answer_before() -> None:
    talk = interactions(
        (said(BREAD), "Mix flour.", "ada"),
        (said(BREAD, "Mix flour.", "That is all?"), "And water.", "ada"),
        (said(BREAD, "Mix flour.", "That is all?", "And water.", "Thanks!"), "Welcome.", "ada"),
        (said("Something else?"), "Yes.", "ada"),
    )
    found = followups(talk, empty(Feedback))
    assert told(found, talk) == [(0, "That is all?"), (1, "Thanks!")]
    assert Feedback.validate(found).height == 2
    assert found["created_at"].to_list() == talk["created_at"].to_list()[1:3]
    assert followups(talk[::-1], empty(Feedback)).sort("created_at").equals(found)


def test_a_changed_system_prompt_and_blanks_do_not_part_a_conversation() -> None:
    talk = interactions(
        (said(BREAD, system="It is Monday."), " Mix flour.\n", None),
        (said(BREAD, "Mix flour.", "No.", system="It is Tuesday."), "Sorry.", None),
    )
    assert told(followups(talk, empty(Feedback)), talk) == [(0, "No.")]


def test_what_another_user_says_or_what_was_said_before_is_no_follow_up() -> None:
    one, two = (said(BREAD), "Mix flour.", "ada"), (said(BREAD, "Mix flour.", "Why?"), "Because.", "bob")
    assert followups(interactions(one, two), empty(Feedback)).is_empty()
    assert followups(interactions((*two[:2], "ada"), one), empty(Feedback)).is_empty()
    assert followups(empty(Interaction), empty(Feedback)).schema == dtypes(Feedback)


def test_of_two_equal_conversations_the_later_one_goes_on_and_what_was_reported_is_not_found_again() -> None:
    talk = interactions(
        (said(BREAD), "Mix flour.", "ada"),
        (said(BREAD), "Mix flour.", "ada"),
        (said(BREAD, "Mix flour.", "Shorter!"), "Flour.", "ada"),
    )
    found = followups(talk, empty(Feedback))
    assert told(found, talk) == [(1, "Shorter!")]
    assert followups(talk, found).is_empty()
