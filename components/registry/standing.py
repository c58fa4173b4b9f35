"""Where a workspace stands: what it holds, what is in service, what has landed since."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from components.records.handles import DatasetVersion
from components.registry import canary
from components.registry.models import CHALLENGER, CHAMPION, POLICY, at_alias, tag
from components.workspace import Workspace, versions

REASONS = 3  # that are named


class Standing(BaseModel):
    """What `heed status` says.

    Attributes:
        dataset: the version that is pinned.
        champion: number of the version in service.
        challenger: number of the last candidate, and what the gate said of it.
        canary: what is tried on whom, in words.
        trained_on: preferences in the dataset version of the last challenger, or of the champion where there is none.
        waiting: reasons for which rows wait in quarantine, the most first, and how many do.
        expected: how much of what is expected of the data holds, of the last batch and of all of it.
        data_docs: address of the pages that say what does not.
    """

    dataset: DatasetVersion
    champion: int | None
    challenger: int | None
    decision: str | None
    canary: str | None
    trained_on: int
    waiting: dict[str, int]
    expected: tuple[str, ...]
    data_docs: str | None

    def in_words(self) -> str:
        """The same for a person."""
        new = self.dataset.preferences - self.trained_on
        lines = [
            f"dataset     {self.dataset.hash[:12]}, {self.dataset.preferences} preferences, {new} not yet trained on",
            f"champion    {f'{POLICY} version {self.champion}' if self.champion else 'none yet; run `heed retrain`'}",
            f"challenger  {self._challenger() if self.challenger else 'none yet'}",
        ]
        if self.canary:
            lines.append(f"canary      {self.canary}")
        if self.waiting:
            lines.append(f"quarantine  {sum(self.waiting.values()):,} waiting: {self._reasons()}")
            lines.append("            `heed quarantine list` shows them")
        if self.expected:
            first, *others = [*self.expected, *([self.data_docs] if self.data_docs else [])]
            lines += [f"expected    {first}", *(f"            {line}" for line in others)]
        return "\n".join(lines)

    def _challenger(self) -> str:
        decided = f"waits for `heed promote {self.challenger}`" if self.decision == "ask" else self.decision
        return f"{POLICY} version {self.challenger}: {decided}"

    def _reasons(self) -> str:
        few = [f"{count:,} {reason}" for reason, count in list(self.waiting.items())[:REASONS]]
        others = sum(list(self.waiting.values())[REASONS:])
        return "; ".join([*few, f"{others:,} for other reasons"] if others else few)


def standing(workspace: Workspace, waiting: Mapping[str, int], expected: Sequence[str]) -> Standing:
    """Look at the dataset and the registry.

    Args:
        waiting: reasons for which rows wait in quarantine, the most first, and how many do.
        expected: how much of what is expected of the data holds, a line each.
    """
    pages = workspace.data_docs / "index.html"
    champion, challenger = (at_alias(workspace, POLICY, alias) for alias in (CHAMPION, CHALLENGER))
    on_trial = canary.running(workspace)
    last = challenger or champion
    trained_on = versions.read(workspace, last.dataset).height if last else 0
    return Standing(
        dataset=versions.current(workspace),
        champion=champion.version if champion else None,
        challenger=challenger.version if challenger else None,
        decision=tag(workspace, challenger, "heed.decision") if challenger else None,
        canary=on_trial.in_words() if on_trial else None,
        trained_on=trained_on,
        waiting=dict(waiting),
        expected=tuple(expected),
        data_docs=pages.as_uri() if pages.exists() else None,
    )
