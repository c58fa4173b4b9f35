"""How far the challenger has moved from the reference, on what it says itself."""

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`policy/kl`: mean of log policy(y|x) - log reference(y|x) over the challenger's answers y, in nats an answer.

    The Monte Carlo estimate of KL(policy || reference). It is that exactly for answers sampled at temperature 1; below
    1 the answers lean towards what the policy finds likely, and so does the number.
    """
    log_ratio = evidence.answers.challenger_logp - evidence.answers.reference_logp
    return {"policy/kl": estimate(log_ratio, resamples=resamples, seed=seed)}
