"""Finds what a dataset version knows that new records bear on. Knows nothing of what is made of them.

Whatever is made of feedback is made of one thread (`records.threads`) and one person at a time, so records of a thread
and a person that nothing new is about cannot come to mean anything else.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from components.records.schemas import Feedback, Interaction, Preference, Record, as_records, empty
from components.records.threads import threads
from components.workspace import pinning, versions
from components.workspace.files import place
from components.workspace.workspace import Workspace

OWNED = ["thread", "user"]


def related(
    workspace: Workspace, digest: str, interactions: pl.DataFrame, feedback: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What is known of the threads of new records, by those who have to do with them.

    Of a person in a thread there is all or nothing: what they were answered, what they said, and what others said of
    their answers, with all that these others said and were answered in it.

    Args:
        workspace: whose dataset.
        digest: content hash of the version.
        interactions: new records of `Interaction`.
        feedback: new records of `Feedback`.

    Returns:
        Records of `Interaction` and of `Feedback` of the version, in the order they landed.

    Raises:
        BadInput: the version's files are not on this machine.
    """
    asked, told = _Asked(workspace, digest), versions.scan(workspace, digest, "feedback")
    if not asked.files and not told:
        return empty(Interaction), empty(Feedback)
    new_asked = interactions.select("id", "user", thread=threads(interactions))
    columns = ["id", "interaction", "other", "user"]
    new_told = feedback.select(columns)
    # Feedback may have landed before its interaction, or before the one it was set against.
    named = pl.col("interaction").is_in(new_asked["id"].implode()) | pl.col("other").is_in(new_asked["id"].implode())
    waiting = _collected([frame.select(columns).filter(named) for frame in told], new_told)
    mentioned = pl.concat([new_told, waiting])
    names = pl.concat([mentioned["interaction"], mentioned["other"], new_asked["id"]]).drop_nulls().unique()
    found = asked.where(pl.col("id").is_in(names.implode()))
    touched = pl.concat([found["thread"], new_asked["thread"]]).unique()
    # What is known comes first: of records with one id the first counts.
    about = pl.concat([found, asked.where(pl.col("thread").is_in(touched.implode())), new_asked]).unique(
        "id", keep="first", maintain_order=True
    )
    in_threads = pl.col("interaction").is_in(about["id"].implode())
    heard = pl.concat([mentioned, *_frames([frame.select(columns).filter(in_threads) for frame in told])]).unique("id")
    placed = heard.join(about.select("thread", interaction="id", asker="user"), on="interaction")
    first = placed.join(mentioned.select("id"), on="id", how="semi")
    owned = _closed(placed, pl.concat([new_asked.select(OWNED), *_owners(first)]).unique())
    spoken = pl.concat([_theirs(placed, owned, "user"), _theirs(placed, owned, "asker")]).unique("id")
    answered = pl.concat([spoken["interaction"], spoken["other"], _theirs(about, owned, "user")["id"]])
    wanted_told = pl.concat([spoken["id"], waiting["id"]])
    return (
        _whole(versions.scan(workspace, digest, "interactions"), answered.drop_nulls().unique(), Interaction),
        _whole(told, wanted_told.unique(), Feedback),
    )


def raters(workspace: Workspace, digest: str) -> pl.Series:
    """Everybody who has a preference in a version, each once.

    Raises:
        BadInput: the version's files are not on this machine.
    """
    named = [frame.select("rater").unique() for frame in versions.scan(workspace, digest, "preferences")]
    return pl.concat([pl.DataFrame(schema={"rater": pl.String}), *_frames(named)])["rater"].drop_nulls().unique()


def some_pairs(workspace: Workspace, digest: str, most: int, of_feedback_only: bool = False) -> pl.DataFrame:
    """Preferences of a version: at most so many, those whose ids come first.

    Raises:
        BadInput: the version's files are not on this machine.
    """
    frames = versions.scan(workspace, digest, "preferences")
    # What was read from a file names its line there.
    of_feedback = pl.col("provenance").list.first().str.contains("^[0-9a-f]{32}$")
    chosen = of_feedback if of_feedback_only else pl.lit(True)
    ids = [frame.filter(chosen).select("id").bottom_k(most, by="id") for frame in frames]
    first = pl.concat([pl.DataFrame(schema={"id": pl.String}), *_frames(ids)])["id"].bottom_k(most)
    return _whole(frames, first, Preference)


def _owners(placed: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    return placed.select(OWNED), placed.select("thread", user="asker")


def _closed(placed: pl.DataFrame, owned: pl.DataFrame) -> pl.DataFrame:
    """All who have to do, in a thread, with somebody who has to do with those owners: `thread`, `user`."""
    while True:
        spoken = pl.concat([_theirs(placed, owned, "user"), _theirs(placed, owned, "asker")])
        more = pl.concat([owned, *_owners(spoken)]).unique()
        if more.height == owned.height:
            return owned
        owned = more


def _theirs(rows: pl.DataFrame, owned: pl.DataFrame, whose: str) -> pl.DataFrame:
    return rows.join(owned, left_on=["thread", whose], right_on=OWNED, how="semi", nulls_equal=True)


class _Asked:
    """The interactions of a version, with their threads: `id`, `user`, `thread`."""

    def __init__(self, workspace: Workspace, digest: str) -> None:
        self.files = list(_with_threads(workspace, digest))

    def where(self, chosen: pl.Expr) -> pl.DataFrame:
        frames = [
            pl.concat([pl.scan_parquet(file).select("id", "user"), pl.scan_parquet(kept)], how="horizontal")
            for file, kept in self.files
        ]
        nothing = pl.DataFrame(schema={"id": pl.String, "user": pl.String, "thread": pl.UInt64})
        return _collected([frame.filter(chosen) for frame in frames], nothing)


def _with_threads(workspace: Workspace, digest: str) -> Iterator[tuple[Path, Path]]:
    """Each file of interactions, and one with their `thread`, which is kept by what the first holds."""
    for file in pinning.files(workspace, digest, "interactions"):
        kept = workspace.state / "threads" / f"{file.parent.name}{file.name}.parquet"
        if not kept.exists():
            numbers = [threads(piece) for piece in _in_pieces(file)]
            place(kept, pl.concat(numbers).rename("thread").to_frame().write_parquet)
        yield file, kept


def _in_pieces(file: Path) -> Iterator[pl.DataFrame]:
    prompts = pl.scan_parquet(file).select("prompt")
    height = prompts.select(pl.len()).collect().item()
    for start in range(0, height, versions.GROUP):
        yield prompts.slice(start, versions.GROUP).collect()


def _collected(frames: list[pl.LazyFrame], like: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([like.clear(), *_frames(frames)])


def _frames(frames: list[pl.LazyFrame]) -> list[pl.DataFrame]:
    return [frame.collect(engine="streaming") for frame in frames]


def _whole(frames: list[pl.LazyFrame], ids: pl.Series, schema: type[Record]) -> pl.DataFrame:
    chosen = pl.col("id").is_in(ids.implode())
    return pl.concat([empty(schema), *(as_records(frame.filter(chosen).collect(), schema) for frame in frames)])
