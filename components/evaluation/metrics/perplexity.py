"""How surprised each model is by what people preferred: a model that forgets how to write well shows it here."""

import numpy as np

from components.bootstrap import estimate, ratio_of_means
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`policy/perplexity` and `champion/perplexity`: a token of the chosen answers of the test side, at least 1.

    exp(-sum of log-likelihoods / number of tokens), with the end token, in the challenger's tokens.
    """
    pairs = evidence.pairs
    nats = {"policy": pairs.chosen_logp, "champion": pairs.chosen_reference_logp}
    return {
        f"{model}/perplexity": estimate(
            np.stack([-logp, pairs.chosen_tokens], axis=1),
            resamples=resamples,
            seed=seed,
            statistic=_perplexity,
            clusters=pairs.prompts,
        )
        for model, logp in nats.items()
    }


def _perplexity(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.exp(ratio_of_means(values, counts))
