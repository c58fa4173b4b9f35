"""Is the win rate of the demo earned? Five seeds, five worlds of users, five runs of `make demo`.

    make bench-demo

Prints the win rate of the new champion over the old by the users' true tastes, with its 95% interval, for each seed,
and exits with 1 where an interval reaches down to 0.5 or the mean is below 0.65.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

SEEDS = range(5)
MEAN_AT_LEAST = 0.65


def run(seed: int, root: Path) -> dict[str, Any]:
    """One demo in a process of its own, as `make demo` runs it; returns what it kept."""
    subprocess.run([sys.executable, "-m", "flows.demo", str(root), str(seed)], check=True, stdout=subprocess.DEVNULL)
    kept: dict[str, Any] = json.loads((root / ".heed" / "demo.json").read_text())
    return kept


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        runs = {seed: run(seed, Path(scratch) / str(seed)) for seed in SEEDS}
    table = Table("seed", "win rate by true taste", "95% interval", "by the reward model", "gate", "seconds")
    for seed, kept in runs.items():
        truth, judged = kept["win_rate"], kept["retraining"]["scorecard"]["measures"]["policy/win_rate"]
        table.add_row(
            str(seed),
            f"{truth['value']:.3f}",
            f"{truth['low']:.3f} to {truth['high']:.3f}",
            f"{judged['value']:.3f}",
            kept["outcome"],
            f"{sum(kept['seconds'].values()):.0f}",
        )
    rates = [kept["win_rate"] for kept in runs.values()]
    mean, lowest = sum(rate["value"] for rate in rates) / len(rates), min(rate["low"] for rate in rates)
    out = Console(highlight=False)
    out.print(table)
    out.print(f"mean {mean:.3f} (at least {MEAN_AT_LEAST}), lowest end of an interval {lowest:.3f} (above 0.5)")
    sys.exit(not (mean >= MEAN_AT_LEAST and lowest > 0.5))


if __name__ == "__main__":
    main()
