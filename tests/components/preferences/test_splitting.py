"""Sides of the split: a prompt is on one of them, and stays there whatever else lands."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.config.settings import Split
from components.preferences.splitting import Sides, prompt_groups, split
from components.records.schemas import Preference, as_records

SHARES = Split(test=0.2, validation=0.1)


def preferences(prompts: list[list[dict[str, str]]], answer: str = "Yes.") -> pl.DataFrame:
    said = [[{"role": "assistant", "content": answer}]] * len(prompts)
    frame = pl.DataFrame(
        {"prompt": prompts, "chosen": said, "rejected": [[{"role": "assistant", "content": "No."}]] * len(said)}
    )
    return as_records(frame.with_columns(strength=1.0, weight=1.0, source=pl.lit("test")), Preference)


def asking(*texts: str) -> list[list[dict[str, str]]]:
    return [[{"role": "user", "content": text}] for text in texts]


def sides_of(sides: Sides) -> dict[str, str]:
    return {id: name for name, frame in sides.named.items() for id in frame["id"]}


def test_shares_come_out_about_right_on_5000_prompts_and_every_preference_is_on_one_side() -> None:
    frame = preferences(asking(*(f"question {number}" for number in range(5000))))
    sides = split(frame, SHARES)
    # Three standard deviations of a fair draw.
    assert sides.test.height == pytest.approx(1000, abs=85)
    assert sides.validation.height == pytest.approx(500, abs=64)
    assert sides.train.height + sides.validation.height + sides.test.height == 5000
    assert pl.concat(sides.named.values())["id"].n_unique() == 5000
    assert sides.seen.height == 5000 - sides.test.height


def test_other_shares_move_only_what_they_have_to() -> None:
    frame = preferences(asking(*(f"question {number}" for number in range(1000))))
    small, large = split(frame, Split(test=0.1, validation=0.1)), split(frame, Split(test=0.3, validation=0.1))
    assert set(small.test["id"]) < set(large.test["id"])
    assert large.test.height == pytest.approx(300, abs=45)


VARIANTS = [
    "How do I bake bread?",
    "how do i bake bread",
    "  HOW do I\tbake\n bread?!  ",
    "How... do I «bake» bread?",
    "Ｈｏｗ do I bake bread?",  # full-width letters
]


def test_prompts_that_differ_by_case_spacing_or_punctuation_share_a_side() -> None:
    groups = prompt_groups(preferences(asking(*VARIANTS, "How do I bake a bread?", "How do I bake bread 2?")))
    assert groups[: len(VARIANTS)].n_unique() == 1
    assert groups.n_unique() == 3


def test_letters_of_any_script_count_and_accents_written_either_way_are_one() -> None:
    said = ["как испечь хлеб", "Как испечь хлеб?", "как испечь торт", "怎么烤面包", "caf\u00e9", "cafe\u0301", "cafe"]
    groups = prompt_groups(preferences(asking(*said))).to_list()
    assert groups[0] == groups[1]
    assert groups[4] == groups[5]
    assert len({groups[0], groups[2], groups[3], groups[4], groups[6]}) == 5


def test_prompts_of_nothing_but_signs_are_told_apart() -> None:
    groups = prompt_groups(preferences(asking("👍", "👎", "?!", "👍")))
    assert groups.n_unique() == 3
    assert groups[0] == groups[3]
    assert split(preferences(asking("👍", "👎", "?!")), SHARES).named.keys() == {"train", "validation", "test"}


def test_it_is_what_users_say_that_makes_the_group_not_what_they_are_told() -> None:
    def talk(system: str, first: str, reply: str, last: str) -> list[dict[str, str]]:
        said = zip(("system", "user", "assistant", "user"), (system, first, reply, last), strict=True)
        return [{"role": role, "content": content} for role, content in said]

    groups = prompt_groups(
        preferences(
            [
                talk("Be brief.", "Hello!", "Hi.", "Bread?"),
                talk("Be kind.", "hello", "Good day, what is it?", "bread"),
                talk("Be brief.", "Hello!", "Hi.", "Soup?"),
                talk("Be brief.", "Bread?", "Hi.", "Hello!"),
            ]
        )
    )
    assert groups[0] == groups[1]
    assert groups.n_unique() == 3
    alone = [[{"role": "system", "content": text}] for text in ("Greet.", "greet", "Leave.")]
    assert prompt_groups(preferences(alone)).n_unique() == 2


texts = st.lists(st.text("abAB .?👍é", min_size=1, max_size=4), min_size=1, max_size=40)


@settings(max_examples=20, deadline=None)
@given(first=texts, later=texts)
def test_nothing_changes_sides_when_data_grows_and_no_prompt_is_on_two(first: list[str], later: list[str]) -> None:
    old, new = (
        pl.DataFrame({"id": [f"{name} {row}" for row in range(len(said))], "prompt": asking(*said)})
        for name, said in (("old", first), ("new", later))
    )
    grown = pl.concat([new, old])
    before, after = split(old, SHARES), split(grown, SHARES)
    assert sides_of(before).items() <= sides_of(after).items()
    assert sides_of(after).keys() == set(grown["id"])
    groups = dict(zip(grown["id"], prompt_groups(grown), strict=True))
    places = {(groups[id], side) for id, side in sides_of(after).items()}
    assert len(places) == len(set(groups.values()))
