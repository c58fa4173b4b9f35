"""The pairs that people judge: two answers to one prompt, side by side, with nothing that tells who wrote which.

Which side is whose follows from the evaluation run and the pair, so it is the same every time and is written nowhere.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from components.records.errors import BadInput
from components.records.handles import Scorecard
from components.records.identity import fingerprint
from components.tracking import client
from components.workspace import Workspace

Better = Literal["left", "right", "tie"]
Winner = Literal["challenger", "champion", "tie"]


@dataclass(frozen=True)
class Pair:
    """Two answers to one prompt.

    Attributes:
        id: as v3-5f0c1a2b7d, which begins with the challenger's version and is the same whichever side is whose.
        prompt: what was asked.
        left: one answer.
        right: the other.
        challenger: the side of the challenger's answer. No judge is shown it.
        judge: who wrote the better answer in the eyes of the scorecard's own judge; None where it gave no verdict.
    """

    id: str
    prompt: str
    left: str
    right: str
    challenger: Literal["left", "right"]
    judge: Winner | None

    def winner(self, better: Better) -> Winner:
        """Who wrote the answer that is better."""
        if better == "tie":
            return "tie"
        return "challenger" if better == self.challenger else "champion"


def blind_pairs(workspace: Workspace, scorecard: Scorecard) -> list[Pair]:
    """All pairs of an evaluation in an order drawn by lot, without those whose answers are word for word the same.

    Args:
        workspace: whose tracking server has the answers.
        scorecard: of the evaluation.

    Raises:
        BadInput: all answers are the same.
    """
    import mlflow

    client(workspace)
    kept = mlflow.artifacts.load_dict(f"runs:/{scorecard.run_id}/answers.json")
    rows = [dict(zip(kept["columns"], row, strict=True)) for row in kept["data"]]
    # By id, because a table that was logged again after a kill has its rows twice.
    pairs = {pair.id: pair for row in rows if not _same(row) for pair in [_pair(scorecard, row)]}
    if not pairs:
        where = f"version {scorecard.challenger.version}, run {scorecard.run_id}"
        raise BadInput("both models answered word for word the same", where, "There is nothing to judge.")
    return [pairs[id] for id in sorted(pairs)]


def _same(row: dict[str, Any]) -> bool:
    return row["challenger"].split() == row["champion"].split()


def _pair(scorecard: Scorecard, row: dict[str, Any]) -> Pair:
    content = fingerprint(scorecard.run_id, row["prompt"], sorted((row["challenger"], row["champion"])))
    id = f"v{scorecard.challenger.version}-{content[:10]}"
    first = int(fingerprint(scorecard.run_id, "side", id), 16) % 2 == 0
    left, right = ("challenger", "champion") if first else ("champion", "challenger")
    judge = row["verdict"] if row["verdict"] in get_args(Winner) else None
    return Pair(id, row["prompt"], row[left], row[right], "left" if first else "right", judge)
