"""Landing a part at a time, where all is more than memory, and landing in pieces come to the same as all at once."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components.config import Settings
from components.feedback.readers import Reading
from components.feedback.signals import appoint, detect
from components.feedback.threads import followups
from components.preferences import doubting
from components.preferences.building import draft
from components.records.schemas import KINDS, PROBLEM, Interaction, as_records
from components.simulation.attacks import ATTACKS
from components.simulation.population import Landed, scripted, talk
from components.validation import quarantine
from components.validation.holding import Held
from components.validation.overlap import SETS
from components.validation.quarantine import released
from components.workspace import Workspace, find, pinning, versions
from components.workspace.creation import create
from components.workspace.shelves import shelves
from flows import ingest

NO_SETS = pl.DataFrame(schema=SETS)

Pieces = list[tuple[pl.DataFrame, pl.DataFrame]]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create(tmp_path_factory.mktemp("fresh") / "work", "# a gate policy\n").root


@pytest.fixture(scope="module")
def told() -> Landed:
    """Few pairs, so that none is doubted; some of the users nobody knows."""
    told = talk(scripted(3), "scripted", 200, 3)
    nobody = pl.col("user").str.ends_with("7")
    return Landed(*(frame.with_columns(user=pl.when(~nobody).then("user")) for frame in vars(told).values()))


def follows(interactions: pl.DataFrame, feedback: pl.DataFrame) -> dict[str, set[str]]:
    """Kind to the ids of all that follows from records, made in one go."""
    heard = followups(interactions, feedback)
    both = pl.concat([feedback, heard])
    signals = detect(both, interactions, appoint(["explicit", "rubrics"], Workspace(Path(), Settings())))
    drafted = draft(both, interactions, signals)
    frames = [interactions, both, signals, drafted.pairs, drafted.unpaired, drafted.checklists]
    return {kind: set(frame["id"]) for kind, frame in zip(KINDS, frames, strict=True)}


def land(workspace: Workspace, interactions: pl.DataFrame, feedback: pl.DataFrame, parts: int) -> dict[str, int]:
    """What `ingest.land` does, without Prefect."""
    reading = Reading({"interactions": interactions, "feedback": feedback}, pl.DataFrame(schema=PROBLEM), {})
    with versions.batch(workspace, "a test") as batch, shelves(workspace.state, parts) as aside:
        held = Held(workspace.quarantine, released(workspace.quarantine))
        ingest.sort_out(workspace, batch, [reading], aside, held)
        doubter = doubting.learned(ingest.make(workspace, batch, aside))
        ingest.add(workspace, batch, aside, doubter, held, NO_SETS)
    return batch.landed


def cut(frame: pl.DataFrame, pieces: int, seed: int) -> list[pl.DataFrame]:
    """Each row in one of so many pieces, by chance."""
    place = pl.Series(np.random.default_rng(seed).integers(pieces, size=frame.height))
    return [frame.filter(place == piece) for piece in range(pieces)]


def landed(workspace: Workspace) -> dict[str, set[str]]:
    return {kind: set(versions.read(workspace, pinning.pinned_hash(workspace), kind)["id"]) for kind in KINDS}


@pytest.fixture
def workspace(fresh: Path, tmp_path: Path) -> Workspace:
    return find(Path(shutil.copytree(fresh, tmp_path / "work")))


def test_what_is_worked_on_in_parts_comes_to_the_same(workspace: Workspace, told: Landed) -> None:
    # Of each user only what they said first names their group, whatever it was about.
    interactions = told.interactions.with_columns(group=pl.lit(None, pl.String))
    feedback = told.feedback.with_columns(group=pl.when(pl.col("user").is_first_distinct()).then("group"))
    counts = land(workspace, interactions, feedback, parts=7)
    at_once = follows(interactions, feedback)
    assert landed(workspace) == at_once
    assert counts == {kind: len(ids) for kind, ids in at_once.items()}
    assert counts["preferences"] > 100


@pytest.mark.parametrize(("pieces", "parts"), [(2, 1), (5, 1), (3, 4)])
def test_what_lands_in_pieces_is_what_all_that_was_known_comes_to_each_time(
    workspace: Workspace, told: Landed, pieces: int, parts: int
) -> None:
    """Feedback lands before its interaction, and an answer long after the one it is set against."""
    asked, did = cut(told.interactions, pieces, 1), cut(told.feedback, pieces, 2)
    expected: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for piece in range(pieces):
        land(workspace, asked[piece], did[piece], parts)
        # In the order they landed: of words that were said before and of those that are heard, the known count.
        known = versions.read(workspace, pinning.pinned_hash(workspace), "feedback")
        for kind, ids in follows(pl.concat(asked[: piece + 1]), known).items():
            expected[kind] |= ids
    assert landed(workspace) == expected
    assert len(expected["preferences"]) > 100


def asked(prompt: str) -> Reading:
    told = pl.DataFrame(
        {
            "id": ["a" * 32],
            "prompt": [[{"role": "user", "content": prompt}]],
            "response": [[{"role": "assistant", "content": "Yes."}]],
            "source": ["test"],
        }
    )
    return Reading({"interactions": as_records(told, Interaction)}, pl.DataFrame(schema=PROBLEM), {})


@pytest.mark.parametrize("parts", [1, 7])
def test_of_records_with_one_name_that_say_different_things_one_lands_and_the_others_are_held(
    workspace: Workspace, parts: int
) -> None:
    """Whether they come in one file, in two, or later: as where two applications count their answers from 1."""

    def landing(*prompts: str) -> int:
        with versions.batch(workspace, "a test") as batch, shelves(workspace.state, parts) as aside:
            held = Held(workspace.quarantine, released(workspace.quarantine))
            ingest.sort_out(workspace, batch, [asked(prompt) for prompt in prompts], aside, held)
            doubter = doubting.learned(ingest.make(workspace, batch, aside))
            ingest.add(workspace, batch, aside, doubter, held, NO_SETS)
        return held.count

    assert landing("How do I bake bread?", "Why is the sky blue?", "How do I bake bread?") == 1
    assert landing("How do I bake bread?") == 0
    assert landing("What is a quark?") == 1
    kept = versions.read(workspace, pinning.pinned_hash(workspace), "interactions")
    assert [prompt[0]["content"] for prompt in kept["prompt"]] == ["How do I bake bread?"]
    assert len(quarantine.rows(workspace.quarantine)) == 2


@pytest.mark.parametrize("parts", [1, 5])
def test_a_burst_is_seen_whatever_parts_it_is_worked_on_in(workspace: Workspace, parts: int) -> None:
    honest = talk(scripted(5), "scripted", 400, 5)
    attacked = ATTACKS["burst"](honest, ["visitor-1", "visitor-2", "visitor-3"], 90, 5)
    land(workspace, attacked.interactions, attacked.feedback, parts)
    raters = versions.read(workspace, pinning.pinned_hash(workspace))["rater"]
    assert raters.len() > 200
    assert not raters.str.starts_with("visitor").any()
