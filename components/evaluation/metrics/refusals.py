"""How many answers are none, as "I can't help with that"."""

import numpy as np
import polars as pl

from components.bootstrap import estimate
from components.evaluation.evidence import Evidence
from components.phrases import REFUSES, opening, says
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`policy/refusals` and `champion/refusals`: the share of answers that begin by refusing to answer."""
    answers = {"policy": evidence.answers.challenger, "champion": evidence.answers.champion}
    return {
        f"{model}/refusals": estimate(_refuses(said), resamples=resamples, seed=seed) for model, said in answers.items()
    }


def _refuses(answers: list[str]) -> np.ndarray:
    return says(opening(pl.Series(answers, dtype=pl.String)), REFUSES).cast(pl.Float64).to_numpy()
