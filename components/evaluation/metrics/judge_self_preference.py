"""Whether the judge favours the answers of its own model: the one it is, or that wrote most of what it learned from.

Self-preference of language models that judge: https://arxiv.org/abs/2410.21819; of judges that learned from what a
related model wrote: https://arxiv.org/abs/2502.01534.
"""

import numpy as np

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate

ENOUGH = 10  # pairs of which people preferred its own model's answer, and as many of which they did not


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`judge/self_preference`: how often it prefers its own model's answer, less how often people did.

    On the test pairs it judged of which its own model wrote one answer, and another model the other. Those of which
    people preferred its own count as much together as the others: else a judge that is wrong now and then, and favours
    nobody, would seem to be against a model that people like. So it is from -0.5 to 0.5, and 0 for a judge that is
    wrong as often the one way as the other. None where there are fewer than 10 of either.
    """
    trial = evidence.trial
    if trial.own is None:
        return {}
    compared = trial.verdicts.judged & (trial.own != 0)
    people = (trial.own[compared] > 0).astype(float)
    if min(people.sum(), (1 - people).sum()) < ENOUGH:
        return {}
    chosen_wins = trial.verdicts.challenger_wins[compared]
    more = np.where(people, chosen_wins, 1 - chosen_wins) - people
    balanced = more / (2 * np.where(people, people.mean(), 1 - people.mean()))
    clusters = trial.prompts[compared]
    return {"judge/self_preference": estimate(balanced, resamples=resamples, seed=seed, clusters=clusters)}
