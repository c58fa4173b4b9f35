"""How clearly each pair agrees with what all the others say is the better answer.

A linear model of the words of answers, of the words of question and answer together, and of what the rater's group
makes of them, fitted on other raters' pairs. Knows nothing of what is done with those that disagree.
"""

import numpy as np
import polars as pl
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array
from scipy.special import log_expit
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from components.validation.defences.reading import Words, answer, question, words
from components.validation.material import Material

FOLDS = 3
MOST = 8_000  # pairs the model is fitted on
BITS = 18  # of a hash, that tell features apart
SEEN = 3  # pairs that have a feature, fewer of whom teach nothing
LOOSENESS = 0.03  # inverse strength of the ridge
ROUNDS = 60
ASKED, SAID = 12, 40  # different words of a question and of an answer that are read together
CONTENT = ("prompt", "chosen", "rejected", "group")
MIX, GROUP, BOTH = (np.uint64(odd) for odd in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))


def margins(material: Material, pairs: pl.DataFrame) -> np.ndarray:
    """Log-odds that the chosen answer is the better one, as other raters' pairs have it.

    Args:
        material: what to learn from, the accepted version too.
        pairs: some of the material's preferences, n of them.

    Returns:
        Shape (n,): above 0 where others would have chosen the same.
    """
    before = material.accepted.sample(min(MOST, material.accepted.height), seed=0)
    features = _features(pl.concat([pairs.select(CONTENT), before.select(CONTENT)]))
    kept = np.flatnonzero(np.bincount(features.indices, minlength=features.shape[1]) >= SEEN)
    features = csr_array(features[:, kept])
    rater = pairs.select(pl.coalesce("rater", "id").hash(seed=4)).to_series().to_numpy()
    fold = np.concatenate([(rater % np.uint64(FOLDS)).astype(int), np.full(before.height, -1)])
    found = np.zeros(pairs.height)
    with threadpool_limits(1):  # vectors this short lose more by waiting for a second thread than it brings
        for held in range(FOLDS):
            there = np.flatnonzero(fold[: pairs.height] == held)
            learned = np.flatnonzero(fold != held)
            learned = learned[:: max(1, -(-len(learned) // (2 * MOST)))]
            if len(there) and len(learned) > 1:
                found[there] = features[there] @ _taste(csr_array(features[learned]))
    return found * _scale(found)


def _taste(features: csr_array) -> np.ndarray:
    """Weights with which the chosen answer is the better one: half of the pairs are turned, so that there are two."""
    turned = np.where(np.arange(features.shape[0]) % 2, 1.0, -1.0)
    model = LogisticRegression(C=LOOSENESS, fit_intercept=False, max_iter=ROUNDS, tol=1e-3)
    return np.asarray(model.fit(features.multiply(turned[:, None]).tocsr(), turned).coef_[0])


def _scale(found: np.ndarray) -> float:
    """What makes margins the log-odds they claim to be."""
    fitted = minimize_scalar(lambda scale: -log_expit(scale * found).sum(), bounds=(0.0, 5.0), method="bounded")
    return float(fitted.x)


def _features(pairs: pl.DataFrame) -> csr_array:
    """What chosen has and rejected has not counts 1, the other way round -1: shape (n, 2**BITS)."""
    asked = words(pairs.select(question()).to_series())
    group = pairs.select(pl.col("group").fill_null("").hash(seed=3)).to_series().to_numpy()
    chosen, rejected = (
        _present(words(pairs.select(answer(side)).to_series()), asked, group) for side in ("chosen", "rejected")
    )
    difference = csr_array(chosen - rejected)
    difference.eliminate_zeros()
    return difference


def _present(said: Words, asked: Words, group: np.ndarray) -> csr_array:
    """Words and pairs of words of answers, alone and as each group has them, and words beside those of the question."""
    follows = said.rows[1:] == said.rows[:-1]
    two = (said.hashes[:-1] * MIX + said.hashes[1:])[follows]
    alone = np.concatenate([said.rows, said.rows[:-1][follows]])
    spoken = np.concatenate([said.hashes, two])
    met = _first(said, SAID).join(_first(asked, ASKED), on="row", suffix="_asked")
    beside = met["word_asked"].to_numpy() * BOTH + met["word"].to_numpy()
    rows = np.concatenate([alone, alone, met["row"].to_numpy()])
    hashes = np.concatenate([spoken, spoken * GROUP + group[alone], beside])
    place = ((hashes * MIX) >> np.uint64(64 - BITS)).astype(np.int64)
    present = csr_array((np.ones(len(rows)), (rows, place)), shape=(len(group), 2**BITS))
    present.sum_duplicates()
    present.data[:] = 1
    return present


def _first(texts: Words, most: int) -> pl.DataFrame:
    """The first different words of each text: `row`, `word`."""
    each = pl.DataFrame({"row": texts.rows, "word": texts.hashes}).unique(maintain_order=True)
    return each.group_by("row", maintain_order=True).head(most)
