"""How far the challenger has moved from the base model, over all retrainings, on what it says itself."""

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`policy/kl_base`: as `policy/kl`, from the base model, in nats an answer; none where no base model weighed them.

    Each retraining is held to the champion before it only, so small steps may add up to a long way.
    """
    answers = evidence.answers
    if answers.base_logp is None:
        return {}
    log_ratio = answers.challenger_logp - answers.base_logp
    return {"policy/kl_base": estimate(log_ratio, resamples=resamples, seed=seed)}
