"""Shows a person at the terminal how far a long step is. Knows nothing of what the step does.

Everything goes to stderr: stdout belongs to results. Where stderr is no terminal, a step is one line when it is done.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

console = Console(stderr=True, highlight=False)

Advance = Callable[[int], None]

# A step inside a step is a further bar of the same display: a terminal has room for one display only.
_displays: list[Progress] = []


@contextmanager
def step(label: str, total: int | None = None, remember: bool = True) -> Iterator[Advance]:
    """A bar while the block runs, and one line with its time when it took a second or more.

    Args:
        label: what is being done.
        total: how many units there are; None where nobody can know.
        remember: whether the line stays; without, nothing does.

    Yields:
        A function that is told how many units are done in all.
    """
    start = time.monotonic()
    with _display() as display:
        task = display.add_task(label, total=total)
        try:
            yield lambda done: display.update(task, completed=done)
        finally:
            display.remove_task(task)
    seconds = time.monotonic() - start
    if remember and seconds >= 1:
        console.print(f"  [green]✓[/] {label} [dim]{seconds:.0f} s[/]")


@contextmanager
def _display() -> Iterator[Progress]:
    if _displays:
        yield _displays[-1]
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as display:
        _displays.append(display)
        try:
            yield display
        finally:
            _displays.pop()
