"""What the team says must not get worse: prompts whose answers have to hold what it wrote down."""

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`policy/must_pass_broken`: how many the champion passes and the challenger does not; 0 of 0 where none is asked.

    A count of just these prompts, so its interval has no width. `policy/must_pass` and `champion/must_pass`: the shares
    that pass, where any is asked.
    """
    asked = evidence.must_pass
    broken = float((asked.champion_passes & ~asked.challenger_passes).sum())
    found = {"policy/must_pass_broken": Estimate(value=broken, low=broken, high=broken, n=len(asked.prompts))}
    if asked.prompts:
        passes = {"policy": asked.challenger_passes, "champion": asked.champion_passes}
        for model, passed in passes.items():
            found[f"{model}/must_pass"] = estimate(passed.astype(float), resamples=resamples, seed=seed)
    return found
