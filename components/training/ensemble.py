"""Several cheap reward heads on the same pairs, each asked only about pairs it has not seen.

Where reward models that saw different samples agree against a label, the label is likely wrong
(https://arxiv.org/abs/2401.06080). A head is a ridge logistic regression on hashed words, form and fit to the prompt
(`components.contrasts`), once for everybody and once more for each group that is large enough to have a taste of its
own; it is fitted on a Bayesian bootstrap (https://doi.org/10.1214/aos/1176345338) of the pairs outside a fold. Knows
nothing of what its margins are used for.
"""

import numpy as np
import polars as pl
from scipy import sparse
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from components.contrasts import reader
from components.records.messages import text_of

HEADS = 8
FOLDS = 5
MOST = 20_000  # pairs that are read; more say no more of how many are wrong
FEWEST = 200  # pairs, of all raters or of a group; fewer teach nothing
RIDGES = (30.0, 100.0, 300.0, 1000.0)


def margins(pairs: pl.DataFrame, heads: int = HEADS, seed: int = 0) -> np.ndarray | None:
    """What heads that have not seen a pair think of it.

    Args:
        pairs: records of `Preference`, shape (n,).
        heads: how many heads there are.
        seed: of the sample that is read, where there are more than `MOST` pairs, and of every head's.

    Returns:
        r(chosen) - r(rejected) in log-odds, shape (heads, n); NaN where a pair was not read. None where there are too
        few pairs to learn from.
    """
    if pairs.height < FEWEST:
        return None
    draw = np.random.default_rng(seed)
    read = np.sort(draw.permutation(pairs.height)[:MOST])
    sample = pairs[read]
    found = np.full((heads, pairs.height), np.nan)
    # Vectors this short lose more by waiting for a second thread than it brings, tenfold on a busy machine.
    with threadpool_limits(1):
        features, question = _features(sample), _questions(sample)
        ridge = _ridge(features, _folds(question, draw))
        for head in range(heads):
            counts = draw.exponential(size=sample.height)
            found[head, read] = _held_out(features, counts, _folds(question, draw), ridge)
    return found


def _features(pairs: pl.DataFrame) -> sparse.csr_matrix:
    """What chosen has more than rejected, for everybody and again for each large group: shape (n, columns)."""
    everybody = reader(pairs).read(pairs)
    sizes = pairs["group"].drop_nulls().value_counts()
    groups = sizes.filter(pl.col("count") >= FEWEST)["group"].sort()
    members = (pairs["group"].eq_missing(group).cast(pl.Float64).to_numpy() for group in groups)
    return sparse.hstack([everybody, *(sparse.diags_array(member) @ everybody for member in members)]).tocsr()


def _questions(pairs: pl.DataFrame) -> np.ndarray:
    """A number for each prompt, the same for the same prompt: shape (n,)."""
    return pairs.select(text_of(pl.col("prompt")).rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()


def _folds(question: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """A fold for each pair, at random, but one for all of a prompt: shape (n,)."""
    return draw.integers(FOLDS, size=question.max() + 1)[question]


def _ridge(features: sparse.csr_matrix, folds: np.ndarray) -> float:
    """The penalty that predicts pairs best which were held out, whatever scale its margins have."""

    def loss(ridge: float) -> float:
        margins = _held_out(features, np.ones(len(folds)), folds, ridge)
        tried = minimize_scalar(
            lambda heat: np.logaddexp(0, -margins * np.exp(heat)).mean(), bounds=(-4, 4), method="bounded"
        )
        return float(tried.fun)

    return min(RIDGES, key=loss)


def _held_out(features: sparse.csr_matrix, counts: np.ndarray, folds: np.ndarray, ridge: float) -> np.ndarray:
    """Margins of every pair under a taste that was fitted without its fold: shape (n,)."""
    margins = np.zeros(len(folds))
    taste = np.zeros(features.shape[1])
    for held in range(FOLDS):
        inside = folds == held
        taste = _taste(features[~inside], counts[~inside], ridge, taste)
        margins[inside] = features[inside] @ taste
    return margins


def _taste(features: sparse.csr_matrix, counts: np.ndarray, ridge: float, start: np.ndarray) -> np.ndarray:
    """Ridge logistic regression: what an answer must have more to be preferred, shape (columns,)."""

    def loss(taste: np.ndarray) -> tuple[float, np.ndarray]:
        margins = features @ taste
        value = counts @ np.logaddexp(0, -margins) + ridge * taste @ taste / 2
        return float(value), ridge * taste - features.T @ (counts * expit(-margins))

    fitted: np.ndarray = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 60, "ftol": 1e-5}).x
    return fitted
