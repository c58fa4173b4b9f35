"""Where a workspace stands: what it holds, what is in service, what has landed since."""

from pydantic import BaseModel

from components.records.handles import DatasetVersion
from components.registry.models import CHALLENGER, CHAMPION, POLICY, at_alias
from components.registry.promotion import tag
from components.workspace import Workspace, versions


class Standing(BaseModel):
    """What `heed status` says.

    Attributes:
        dataset: the version that is pinned.
        champion: number of the version in service.
        challenger: number of the last candidate, and what the gate said of it.
        trained_on: preferences in the dataset version of the last challenger, or of the champion where there is none.
        quarantined: files in quarantine.
    """

    dataset: DatasetVersion
    champion: int | None
    challenger: int | None
    decision: str | None
    trained_on: int
    quarantined: int

    def in_words(self) -> str:
        """The same for a person."""
        new = self.dataset.preferences - self.trained_on
        lines = [
            f"dataset     {self.dataset.hash[:12]}, {self.dataset.preferences} preferences, {new} not yet trained on",
            f"champion    {f'{POLICY} version {self.champion}' if self.champion else 'none yet; run `heed retrain`'}",
            f"challenger  {f'{POLICY} version {self.challenger}: {self.decision}' if self.challenger else 'none yet'}",
        ]
        if self.quarantined:
            lines.append(f"quarantine  {self.quarantined} files with rows that were not taken")
        return "\n".join(lines)


def standing(workspace: Workspace) -> Standing:
    """Look at the dataset, the registry and the quarantine."""
    champion, challenger = (at_alias(workspace, POLICY, alias) for alias in (CHAMPION, CHALLENGER))
    last = challenger or champion
    trained_on = versions.read(workspace, last.dataset).height if last else 0
    return Standing(
        dataset=versions.current(workspace),
        champion=champion.version if champion else None,
        challenger=challenger.version if challenger else None,
        decision=tag(workspace, challenger, "heed.decision") if challenger else None,
        trained_on=trained_on,
        quarantined=sum(1 for _ in workspace.quarantine.glob("*.jsonl")),
    )
