"""The judge who cannot be wrong: the users' true tastes, each group weighing as many votes as it has users."""

import numpy as np

from components.records.messages import Message
from components.simulation.population import SHARES
from components.simulation.tastes import TASTES


class TasteJudge:
    """Prefers what more of the users like better; satisfies the judges' interface of the evaluation."""

    name = "true taste"
    is_free = True

    def prefer(self, prompts: list[list[Message]], first: list[str], second: list[str]) -> np.ndarray:
        """The share of users who like the first answer better, ties split evenly.

        Returns:
            Shares in [0, 1], shape (n,).
        """
        votes = np.zeros(len(prompts))
        for group, share in SHARES.items():
            likes = TASTES[group].utility
            for row, (prompt, a, b) in enumerate(zip(prompts, first, second, strict=True)):
                gain = likes(prompt, a) - likes(prompt, b)
                votes[row] += share * (0.5 if abs(gain) < 1e-9 else float(gain > 0))
        return votes
