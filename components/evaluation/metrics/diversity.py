"""How varied the answers are: a model that says the same to everybody has collapsed.

distinct-2, https://arxiv.org/abs/1510.03055: of all pairs of words in a row, how many are different ones.
"""

import numpy as np
import polars as pl

from components.bootstrap import estimate, ratio_of_means
from components.evaluation.evidence import Evidence
from components.records.handles import Estimate
from components.records.words import spread, words_of

FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""Of the polynomial modulo 2**64 that gives two words in a row one number; odd, so that no word is lost."""


def measure(evidence: Evidence, resamples: int, seed: int) -> dict[str, Estimate]:
    """`policy/diversity` and `champion/diversity`: shares; `policy/diversity_ratio`: the first over the second.

    Longer answers repeat more, whoever writes them. None where a model never says two words in a row.
    """
    challenger, champion = _distinct(evidence.answers.challenger), _distinct(evidence.answers.champion)
    if not (challenger[:, 1].any() and champion[:, 1].any()):
        return {}
    both = np.hstack([challenger, champion])
    return {
        "policy/diversity": estimate(challenger, resamples=resamples, seed=seed, statistic=ratio_of_means),
        "champion/diversity": estimate(champion, resamples=resamples, seed=seed, statistic=ratio_of_means),
        "policy/diversity_ratio": estimate(both, resamples=resamples, seed=seed, statistic=_ratio),
    }


def _distinct(answers: list[str]) -> np.ndarray:
    """What each answer adds to the different pairs of words of all of them, and its pairs of words: shape (n, 2).

    A pair of words that is said k times adds 1/k each time. Resampling answers therefore leaves the share where it is,
    where counting different ones anew would take every answer that is drawn twice for a repetition.
    """
    words, lengths = spread(pl.DataFrame({"text": answers}).select(words_of(pl.col("text"))).to_series())
    answer = np.repeat(np.arange(len(answers)), lengths)
    hashes = words.to_numpy()
    within = answer[1:] == answer[:-1]
    pairs, answer = (hashes[:-1] * FACTOR + hashes[1:])[within], answer[1:][within]
    _, kind, said = np.unique(pairs, return_inverse=True, return_counts=True)
    added = np.bincount(answer, 1 / said[kind], len(answers))
    return np.stack([added, np.bincount(answer, minlength=len(answers))], axis=1)


def _ratio(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return ratio_of_means(values[:, :2], counts) / ratio_of_means(values[:, 2:], counts)
