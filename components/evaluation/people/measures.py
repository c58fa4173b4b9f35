"""What people's verdicts come to: how often the challenger wins, how far people agree, and the judge with them.

Knows nothing of how they were given.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from components.bootstrap import estimate
from components.evaluation.people.pairs import Pair, Winner
from components.evaluation.people.verdicts import Verdicts
from components.records.handles import Estimate

WIN_RATE, COVERAGE, AGREEMENT = "people/win_rate", "people/coverage", "people/agreement"
JUDGE = "judge/agreement_people"
MEASURES = (WIN_RATE, COVERAGE, AGREEMENT, JUDGE)

WORTH: dict[Winner, float] = {"challenger": 1.0, "tie": 0.5, "champion": 0.0}


def measure(pairs: Sequence[Pair], said: Mapping[str, Verdicts], resamples: int, seed: int) -> dict[str, Estimate]:
    """Put numbers on what people said; where several judged one pair, it has the mean of them.

    `people/win_rate`: how often people prefer the challenger's answer; ties count half. `people/coverage`: the share
    of pairs that anybody judged. `people/agreement`: how often two people who judged one pair say the same, and
    `judge/agreement_people`: how often the scorecard's judge and a person do, a tie being a verdict like the others
    (https://arxiv.org/abs/2306.05685).

    Args:
        pairs: all of the evaluation.
        said: the verdicts of each person.
        resamples: bootstrap resamples over pairs.
        seed: of them.

    Returns:
        Estimates by name; none where nobody judged, and no agreement where nobody judged what another did.
    """
    judged = {pair: winners for pair in pairs if (winners := _winners(pair, said.values()))}
    if not judged:
        return {}
    shares = {
        WIN_RATE: [float(np.mean([WORTH[winner] for winner in winners])) for winners in judged.values()],
        AGREEMENT: [_agreement(winners) for winners in judged.values() if len(winners) > 1],
        JUDGE: [winners.count(pair.judge) / len(winners) for pair, winners in judged.items() if pair.judge],
    }
    measured = {
        name: estimate(np.array(values), resamples=resamples, seed=seed) for name, values in shares.items() if values
    }
    covered = len(judged) / len(pairs)  # counted, not estimated
    measured[COVERAGE] = Estimate(value=covered, low=covered, high=covered, n=len(pairs))
    return {name: measured[name] for name in MEASURES if name in measured}


def _winners(pair: Pair, said: Iterable[Verdicts]) -> list[Winner]:
    verdicts = (given[pair.id] for given in said if pair.id in given)
    return [pair.winner(verdict.better) for verdict in verdicts if verdict.better]


def _agreement(winners: Sequence[Winner]) -> float:
    """How often two of them, drawn without putting back, are the same."""
    same = sum(count * (count - 1) for count in Counter(winners).values())
    return same / (len(winners) * (len(winners) - 1))
