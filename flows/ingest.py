"""Ingest: from files, or from what users just did, to the next dataset version."""

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel

from components import cluster, journal
from components.endpoint import shared
from components.feedback.readers import Reading, mlflow_traces, pieces, read_rows
from components.feedback.readers.files import size_of
from components.feedback.signals import appoint, detect
from components.feedback.threads import followups
from components.preferences import building, doubting
from components.preferences.building import draft
from components.preferences.doubting import Doubter, learned
from components.preferences.revising import revised
from components.records.handles import DatasetVersion
from components.records.schemas import KINDS, PROBLEM, Preference, empty
from components.validation import acceptance, quarantine
from components.validation.batch import apart, judge, named_alike
from components.validation.contracts import NAMED
from components.validation.expectations import Expected, check, read
from components.validation.holding import Held
from components.validation.material import Material, busiest
from components.validation.suspicion import unsuspected
from components.workspace import Workspace, pinning, tally, versions
from components.workspace.ahead import ahead
from components.workspace.known import raters, some_pairs
from components.workspace.shelves import Shelves, shelves
from components.workspace.together import acts, groups, named_once, put, put_known, put_together, together, with_groups
from components.workspace.versions import Batch
from flows import evaluation_sets
from flows.releasing import taken_up

MLFLOW = "mlflow:"
PART = 96 * 2**20  # bytes of what is read that are worked on at a time
PAIRS, MADE = "pairs", "made "
MENTIONED = 10  # sources that the commit names
PLAIN = {"explicit", "rubrics"}  # detectors that need nothing but processors, so that several parts at a time gain


class Landing(BaseModel):
    """What an ingest did.

    Attributes:
        dataset: the version that now holds everything.
        landed: kind of record to how many were new.
        held: how many rows went to quarantine.
        quarantined: the file they are in, the folder where it is several, None where none were.
        expected: how the new batch compares with what is expected of one; None where nothing of that kind landed.
    """

    dataset: DatasetVersion
    landed: dict[str, int]
    held: int
    quarantined: Path | None
    expected: Expected | None = None


@flow(name="ingest", validate_parameters=False)
def ingest(workspace: Workspace, sources: Sequence[str], format: str | None = None) -> Landing:
    """Land files of feedback or preferences, and the traces of MLflow experiments (named mlflow:EXPERIMENT)."""
    files = [Path(source) for source in sources if not source.startswith(MLFLOW)]
    experiments = [source.removeprefix(MLFLOW) for source in sources if source.startswith(MLFLOW)]
    readings = chain(pieces(files, format), (_traces(workspace, experiment) for experiment in experiments))
    named = [*(file.name for file in files), *experiments]
    told_by = ", ".join(named[:MENTIONED]) + (f" and {len(named) - MENTIONED} more" if len(named) > MENTIONED else "")
    return land(workspace, readings, told_by, sum(size_of(file) for file in files))


def _traces(workspace: Workspace, experiment: str) -> Reading:
    rows = mlflow_traces.rows_from_store(workspace.tracking_uri, experiment)
    return read_rows(rows, "mlflow", Path(experiment))


@flow(name="hear", validate_parameters=False)
def hear(workspace: Workspace, interactions: pl.DataFrame, feedback: pl.DataFrame, told_by: str) -> Landing:
    """Land feedback that is at hand as records."""
    heard = Reading({"interactions": interactions, "feedback": feedback}, pl.DataFrame(schema=PROBLEM), {})
    return land(workspace, [heard], told_by, int(interactions.estimated_size() + feedback.estimated_size()))


def land(workspace: Workspace, readings: Iterable[Reading], told_by: str, size: int) -> Landing:
    """Judge records, make of them all that can be made, and land what is sound as one version.

    Made of all that is known by now, not only of the new: feedback may land before its interaction, and a like before
    the dislike it makes a pair with.

    Args:
        readings: records, not yet judged, and rows that are to be held already. They are read as they are needed, so
            all of them together may be larger than memory.
        told_by: where they come from.
        size: about how many bytes they are; many are worked on a part at a time.
    """
    with (
        cluster.of(workspace.settings.ray.address),
        journal.stage("landing", "land") as told,
        tally.timed(workspace, "land"),
    ):
        landing = _landed(workspace, readings, told_by, size)
        new = {kind: count for kind, count in landing.landed.items() if count}
        batch = acceptance.newest_batch(workspace, landing.dataset.hash) if new else None
        told |= new | {"batch": batch, "dataset": landing.dataset.hash, "held": landing.held}
        return landing


def _landed(workspace: Workspace, readings: Iterable[Reading], told_by: str, size: int) -> Landing:
    read(workspace)  # a suite or an evaluation set that cannot be read is said before anything lands
    sets = evaluation_sets.read(workspace)
    taken = _step("take up what was released")(taken_up)(workspace)
    again = Reading(taken.frames, taken.problems, {})
    with versions.batch(workspace, told_by) as batch, shelves(workspace.state, _parts(workspace, size)) as aside:
        held = Held(workspace.quarantine, taken.released)
        _step("read and validate")(sort_out)(workspace, batch, chain(readings, [again]), aside, held)
        sample = _step("make preferences")(make)(workspace, batch, aside)
        doubter = _step("learn what to doubt")(cluster.run)(learned, sample)
        _step("validate what was made")(add)(workspace, batch, aside, doubter, held, sets)
    held.settle()
    dataset = versions.current(workspace)
    expected = _step("check what is expected")(_checked)(workspace, dataset, batch)
    return Landing(dataset=dataset, landed=batch.landed, held=held.count, quarantined=held.place, expected=expected)


def _parts(workspace: Workspace, size: int) -> int:
    """On how many shelves so many new bytes go: on one, or on so many that what is known has its place on them too."""
    if size < PART:
        return 1
    return 1 + (size + versions.bytes_of(workspace, pinning.pinned_hash(workspace), NAMED)) // PART


def _checked(workspace: Workspace, dataset: DatasetVersion, batch: Batch) -> Expected | None:
    if not (batch.landed["feedback"] or batch.landed["preferences"]):
        return None
    name = acceptance.newest_batch(workspace, dataset.hash)
    return check(workspace, name, *(versions.scan_batch(workspace, name, kind) for kind in ("feedback", "preferences")))


def _step(name: str) -> partial[Any]:
    """A task that is never taken for done: what it is given is too large to be told apart by."""
    return partial(task, name=name, cache_policy=NO_CACHE)


def sort_out(workspace: Workspace, batch: Batch, readings: Iterable[Reading], aside: Shelves, held: Held) -> None:
    """Put sound records aside, what belongs together side by side, and hold the others."""
    if aside.count > 1:
        put_known(workspace, batch.known, aside)

    def judged(reading: Reading) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
        sound, unsound = judge(reading.frames)
        return sound, pl.concat([reading.problems, unsound])

    for sound, problems in ahead(judged, readings):
        held.add(problems)
        put(aside, sound)
    if aside.count > 1:
        put_together(aside)


def make(workspace: Workspace, batch: Batch, aside: Shelves) -> pl.DataFrame:
    """Make all that can be made of what lies together, and put it beside; gives the pairs to learn doubt from."""
    detectors = appoint(workspace.settings.signals.detectors, workspace)
    settings = workspace.settings.preferences
    sample = _pairs_before(workspace, batch) if aside.count == 1 else empty(Preference)
    known = batch.known
    users = groups(workspace, known, aside)

    def made(shelf: int) -> dict[str, pl.DataFrame]:
        interactions, told = together(workspace, known, aside, shelf)
        heard = followups(interactions, told)
        feedback = pl.concat([told, heard])
        signals = detect(feedback, interactions, detectors)
        drafted = draft(with_groups(feedback, users), interactions, signals, settings)
        written = empty(Preference)
        if settings.revise:
            endpoint = shared(workspace.settings.endpoint, workspace.answers)
            written = revised(building.heard(feedback, interactions, signals), endpoint)
        return {
            PAIRS: drafted.pairs,
            f"{MADE}feedback": heard,
            f"{MADE}signals": signals,
            f"{MADE}preferences": written,
            f"{MADE}unpaired": drafted.unpaired,
            f"{MADE}checklists": drafted.checklists,
        }

    asks_models = settings.revise or not PLAIN.issuperset(workspace.settings.signals.detectors)
    work = map if asks_models else ahead
    for shelf, records in enumerate(work(made, range(aside.count))):
        for kind, frame in records.items():
            aside.put_on(kind, frame, shelf)
        sample = doubting.sample([sample, records[PAIRS]])
    return sample


def _pairs_before(workspace: Workspace, batch: Batch) -> pl.DataFrame:
    """Pairs that were made before, the doubted ones too: without them it would look as if nobody ever slipped."""
    believed = some_pairs(workspace, batch.known, doubting.MOST, of_feedback_only=True)
    return doubting.sample([believed, doubting.doubted_before(quarantine.held(workspace.quarantine))])


def add(workspace: Workspace, batch: Batch, aside: Shelves, doubter: Doubter, held: Held, sets: pl.DataFrame) -> None:
    """Add everything on the shelves to the batch but what is doubted, unsound, suspected, unwanted or in `sets`."""
    # Once anything has been accepted, what nobody has accepted vouches for nobody.
    before = acceptance.last_accepted(workspace) or batch.known
    accepted, known = some_pairs(workspace, before, doubting.MOST), raters(workspace, before)
    # Conversations of one person may lie on several shelves.
    busy = pl.concat([busiest(told.select(rater="user", at="created_at")) for told in acts(aside)])
    kept_out = pl.concat([quarantine.discarded(workspace.quarantine), quarantine.suspected(workspace.quarantine)])
    unwanted = pl.col("id").is_in(kept_out.implode())
    trusted = quarantine.trusted(workspace.quarantine)

    def judged(shelf: int) -> tuple[dict[str, pl.DataFrame], pl.DataFrame, pl.DataFrame]:
        pairs = versions.unknown(workspace, "preferences", aside.take(PAIRS, shelf, empty(Preference)))
        believed, doubted = doubter.part(pairs)
        made = {kind: aside.take(f"{MADE}{kind}", shelf, empty(schema)) for kind, schema in KINDS.items()}
        derived, spoiled = judge({**made, "preferences": pl.concat([believed, made["preferences"]])})
        records, problems = {}, [spoiled]
        for kind, schema in KINDS.items():
            found = pl.concat([aside.take(kind, shelf, empty(schema)), derived[kind]]).filter(~unwanted)
            if kind in NAMED:
                found, others = _first_of_their_ids(workspace, kind, found, aside, shelf)
                problems.append(others)
            records[kind] = found.unique("id", keep="first", maintain_order=True)
        unknown = versions.unknown(workspace, "preferences", records["preferences"])
        material = Material(
            unknown, records["interactions"], records["feedback"], accepted=accepted, raters=known, busy=busy
        )
        records["preferences"], suspected = unsuspected(material, sets, trusted)
        suspicious = pl.concat([quarantine.as_problems(doubted, "preferences"), suspected])
        return records, pl.concat(problems), suspicious

    for records, problems, suspicious in ahead(judged, range(aside.count)):
        held.add(problems)
        held.add_new(suspicious)
        for kind, frame in records.items():
            twice = batch.add(kind, frame)
            if kind in NAMED:
                held.add(named_alike(kind, twice))
    held.write()


def _first_of_their_ids(
    workspace: Workspace, kind: str, found: pl.DataFrame, aside: Shelves, shelf: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part records that their source names by whether they say the same as the first that it gave the name.

    Returns:
        Those to take, and the problems of the others.
    """
    if aside.count == 1:
        return apart(kind, versions.namesakes(workspace, kind, found), found)
    # With several shelves, what is known is on them too, before what is new.
    elsewhere = found.clear()
    if kind == "interactions":
        found, elsewhere = named_once(aside, shelf, found)
    found, others = apart(kind, found.clear(), found)
    return found, pl.concat([others, named_alike(kind, elsewhere)])
