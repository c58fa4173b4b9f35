"""How long does each stage of `make demo` take?

    make bench-stages

The peer is pretraining the base model, which is nothing but torch at work: the last column says how much of that a
stage costs, and stays comparable on a machine that is slow today.
"""

import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.demo_seeds import run

PEER = "base model"


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        seconds: dict[str, float] = run(0, Path(scratch) / "demo")["seconds"]
    table = Table("stage", "seconds", f"times the {PEER}")
    for stage, took in seconds.items():
        table.add_row(stage, f"{took:.1f}", f"{took / seconds[PEER]:.2f}")
    whole = sum(seconds.values())
    table.add_row("all", f"{whole:.1f}", f"{whole / seconds[PEER]:.2f}")
    Console(highlight=False).print(table)


if __name__ == "__main__":
    main()
