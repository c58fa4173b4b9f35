"""What becomes of a version that some of the users get, looked at once a day for a month?

    make bench-canary

A hundred new users come every day; one in five gets the canary, and all come back until the month ends. Each likes
answers with a probability of their own, and says so of one answer in three. The canary, one of 200 a kind, is

    again      liked as much as the champion
    worse      liked by 10 in 100 fewer
    better     liked by 10 in 100 more

The gate is the one that workspaces begin with. The rule it stands beside looks as often, at plain 95% intervals: back
where all of it is below 0, on where all of it is above. Exits with 1 where more than 10 of `again` are rolled back,
fewer than 160 of `worse`, or fewer than 160 of `better` go on.
"""

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from components.evaluation.live import APPROVAL, measure
from components.records.handles import Estimate
from components.registry.gate import DEFAULT_POLICY, read_live_checks, weigh_live

TRIALS, DAYS, A_DAY, SHARE, SAYS = 200, 30, 100, 0.2, 1 / 3
LIKED = {"again": 0.7, "worse": 0.6, "better": 0.8}
CANARY, CHAMPION = "canary", "champion"
RESAMPLES = 200
CHECKS = read_live_checks(DEFAULT_POLICY)


def days(kind: str, trial: int) -> Iterator[pl.DataFrame]:
    """What users made of all answers so far, at the end of each day."""
    draw = np.random.default_rng([trial, list(LIKED).index(kind)])
    model = np.where(draw.random(DAYS * A_DAY) < SHARE, CANARY, CHAMPION)
    liking = np.where(model == CANARY, LIKED[kind], LIKED["again"])
    likes = draw.beta(5 * liking, 5 * (1 - liking))
    heard: list[pl.DataFrame] = []
    for day in range(1, DAYS + 1):
        users = np.arange(day * A_DAY)
        verdict = np.where(draw.random(len(users)) < likes[users], 1, -1) * (draw.random(len(users)) < SAYS)
        heard.append(
            pl.DataFrame({"model": model[users], "user": users, "verdict": verdict}).with_columns(
                pl.col("user").cast(pl.String), group=pl.lit(None, pl.String)
            )
        )
        yield pl.concat(heard)


def plain(found: dict[str, Estimate]) -> str:
    seen = found.get(APPROVAL)
    return "hold" if not seen or seen.low <= 0 <= seen.high else "promote" if seen.low > 0 else "refuse"


def ends(kind: str, trial: int) -> tuple[str, str, int]:
    """What the gate and the plain rule do first, `hold` where nothing, and on which day the gate does."""
    by_gate, by_plain, on = "hold", "hold", DAYS
    for day, heard in enumerate(days(kind, trial), start=1):
        found = measure(heard, CANARY, CHAMPION, RESAMPLES, trial)
        by_plain = plain(found) if by_plain == "hold" else by_plain
        if by_gate == "hold":
            by_gate, on = weigh_live(found, CHECKS, steps=1).outcome, day
    return by_gate, by_plain, on


def trials(kind: str) -> list[tuple[str, str, int]]:
    return [ends(kind, trial) for trial in range(TRIALS)]


def main() -> None:
    # The products are small: threads beside the two processes would only wait for each other.
    with ProcessPoolExecutor(2, initializer=threadpool_limits, initargs=(1,)) as pool:
        found = dict(zip(LIKED, pool.map(trials, LIKED), strict=True))
    table = Table(f"of {TRIALS} canaries", "rolled back", "gone on", "median day", "plain: back", "plain: on")
    counts: dict[str, dict[str, int]] = {}
    for kind, ended in found.items():
        gate, usual = ([one[by] for one in ended] for by in (0, 1))
        counts[kind] = {outcome: gate.count(outcome) for outcome in ("refuse", "promote")}
        decided = [day for outcome, _, day in ended if outcome != "hold"]
        day = f"{np.median(decided):.0f}" if decided else ""
        shown = (gate.count("refuse"), gate.count("promote"), day, usual.count("refuse"), usual.count("promote"))
        table.add_row(kind, *map(str, shown))
    Console().print(table)
    kept = counts["again"]["refuse"] <= 10 and counts["worse"]["refuse"] >= 160 and counts["better"]["promote"] >= 160
    sys.exit(int(not kept))


if __name__ == "__main__":
    main()
