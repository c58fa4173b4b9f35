"""Do pairs made of what users do point the right way, and are they all found, when one signal in ten is a slip?

    make bench-preferences

Simulated users leave every kind of feedback, a tenth of it the opposite of what they mean; their true tastes tell
which pairs are right. The peer makes its pairs of the same signals by the same builders in the same run, but takes
every signal at its word: nothing that one user says is weighed against what else they say, and nothing is doubted.
Exits with 1 where fewer than 95% of heed's pairs point the right way or fewer than 80% of what could be learned is
found. Building is timed on a million pieces of feedback, and on a quarter of them.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from components.config import Settings
from components.feedback.signals import appoint, detect
from components.preferences import pairing
from components.preferences.builders import BUILDERS
from components.preferences.building import build
from components.preferences.evidence import evidence, keyed, standings, with_raters
from components.records.messages import transcript
from components.records.schemas import Preference, as_records
from components.simulation.population import Landed, scripted, talk
from components.simulation.report import ALL, as_table, kinds_of, truth_of
from components.workspace import Workspace

CONVERSATIONS, NOISE = 3000, 0.1
RIGHT_AT_LEAST, FOUND_AT_LEAST = 0.95, 0.8
DETECTORS = ("explicit", "rubrics")
MANY = 1_000_000


@dataclass(frozen=True)
class Measured:
    """Reports of `truth_of`, for heed and for its peer."""

    heed: pl.DataFrame
    peer: pl.DataFrame


def measure(conversations: int, seed: int) -> Measured:
    """Let users talk, make pairs of what they leave in both ways, and hold them against the truth."""
    told = talk(scripted(seed), "scripted", conversations, seed, NOISE)
    signals, meant = _signals(told.feedback, told), _signals(told.meant, told)
    made, possible = build(told.feedback, told.interactions, signals), build(told.meant, told.interactions, meant)
    columns = possible.preferences.columns
    could = pl.concat([possible.preferences, possible.doubted.select(columns)])
    learnable = kinds_of(could, meant, told.meant)
    built = [made.preferences, at_its_word(told, signals)]
    return Measured(*(truth_of(kinds_of(pairs, signals, told.feedback), learnable) for pairs in built))


def at_its_word(told: Landed, signals: pl.DataFrame) -> pl.DataFrame:
    """The peer's pairs: each piece of feedback is believed by itself."""
    known = keyed(told.interactions)
    said = evidence(told.feedback, known, signals)
    opinions = said.filter(pl.col("kind") != "choice", pl.col("prompt_key").is_not_null()).with_columns(liked="said")
    pairs = pl.concat([builder(said, opinions, known).select(*pairing.CANDIDATE) for builder in BUILDERS.values()])
    stood = standings(said)
    for side, signs in (("chosen", "pro"), ("rejected", "con")):
        behind = stood.select("who", pl.col("interaction").alias(f"{side}_id"), pl.col(signs))
        pairs = pairs.join(behind, on=["who", f"{side}_id"], how="left", maintain_order="left")
    none = pl.lit([], dtype=pl.List(pl.String))
    alone = pl.concat_list(pl.col("pro").fill_null(none), pl.col("con").fill_null(none))
    records = with_raters(pairs, said, known).with_columns(
        strength=pl.lit(1.0),
        weight=pl.lit(1.0),
        provenance=pl.when(pl.col("signals").list.len() > 0).then("signals").otherwise(alone),
    )
    differ = transcript(pl.col("chosen")) != transcript(pl.col("rejected"))
    return as_records(records.filter(differ), Preference).unique("id", keep="first", maintain_order=True)


def _signals(feedback: pl.DataFrame, told: Landed) -> pl.DataFrame:
    return detect(feedback, told.interactions, appoint(DETECTORS, Workspace(Path(), Settings())))


def seconds(rows: int) -> tuple[float, float]:
    """How long it takes to build from so many pieces of feedback, and what of that the processors worked."""
    told = talk(scripted(0), "scripted", 20_000, 0, NOISE)
    signals = _signals(told.feedback, told)
    copies = -(-rows // told.feedback.height)
    interactions, feedback, signals = (
        pl.concat([_copy(frame, copy) for copy in range(copies)])
        for frame in (told.interactions, told.feedback, signals)
    )
    feedback = feedback.head(rows)
    start, worked = time.monotonic(), time.process_time()
    build(feedback, interactions, signals.join(feedback.select(feedback="id"), on="feedback", how="semi"))
    return time.monotonic() - start, time.process_time() - worked


def _copy(frame: pl.DataFrame, number: int) -> pl.DataFrame:
    """The same by other people, under other ids."""
    ids = [name for name in ("id", "interaction", "other", "feedback") if name in frame.columns]
    renamed = frame.with_columns(pl.col(ids).str.slice(4) + f"{number:04d}")
    if "user" not in frame.columns:
        return renamed
    return renamed.with_columns(pl.col("user") + f"-{number}")


def main() -> None:
    out = Console(highlight=False)
    found = measure(CONVERSATIONS, seed=0)
    out.print(as_table([("heed", found.heed), ("every signal at its word", found.peer)]))
    whole = found.heed.row(by_predicate=pl.col("kind") == ALL, named=True)
    out.print(f"{CONVERSATIONS} conversations; {NOISE:.0%} of the feedback says the opposite of what its user means")
    table = Table("pieces of feedback", "seconds", "of processors")
    for rows in (MANY // 4, MANY):
        table.add_row(f"{rows:,}", *(f"{took:.1f}" for took in seconds(rows)))
    out.print(table)
    if whole["right"] < RIGHT_AT_LEAST or whole["found"] < FOUND_AT_LEAST:
        sys.exit(f"below {RIGHT_AT_LEAST:.0%} right or {FOUND_AT_LEAST:.0%} found")


if __name__ == "__main__":
    main()
