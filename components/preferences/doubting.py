"""Doubts pairs that all the others speak against: slips of the finger, jokes, misread words.

A model of what raters prefer is fitted on some of the pairs and asked about the rest, so that no pair vouches for
itself. A pair says what its rater prefers or, by a slip, the opposite; how often people slip and how far the model can
be trusted are both estimated from the pairs held out. So a model that has learned nothing makes no pair doubtful. The
idea is confident learning's (https://arxiv.org/abs/1911.00068), with the soft labels of a fit that allows for slips in
the place of its counts. Knows nothing of where pairs come from.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from components.contrasts import Reader, reader
from components.records.identity import sha256
from components.records.messages import asked, text_of
from components.records.schemas import Preference, as_records, dtypes, empty

BELIEVABLE = 0.88  # probability of pointing the right way below which a pair is doubted
FEWEST = 200  # pairs, of all raters or of a group; fewer teach nothing worth a doubt
MOST = 10_000  # pairs that are learned from
FOLDS = 5
ROUNDS = 3  # of fitting, each trusting the pairs as far as the one before found them right
RIDGE = 100.0
SLIPS, AS_AFTER = 0.05, 100  # what is held of people before any pair is seen, and as after how many pairs
CHUNK = 50_000  # pairs read at a time
DOUBTED = "doubted: "


def doubt(pairs: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part pairs into those to believe and those not to, by what they themselves teach.

    Args:
        pairs: records of `Preference` made of feedback.

    Returns:
        As `Doubter.part`.
    """
    return learned(sample([pairs])).part(pairs)


def sample(pairs: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The pairs to learn from, at most `MOST`: those whose ids come first, which chance decides and order does not.

    Args:
        pairs: records of `Preference`, in pieces; one that comes twice counts once.
    """
    chosen: pl.DataFrame | None = None
    for piece in pairs:
        both = piece if chosen is None else pl.concat([chosen, piece]).unique("id", keep="first", maintain_order=True)
        chosen = _alone(both.bottom_k(MOST, by="id").sort("id"))
    if chosen is None:
        return empty(Preference)
    return chosen


def _alone(rows: pl.DataFrame) -> pl.DataFrame:
    """The same rows, written anew: those that were picked out of many keep what all of them say in memory."""
    return pl.DataFrame(rows.to_arrow(compat_level=pl.CompatLevel.oldest()), schema=rows.schema)


def doubted_before(problems: pl.DataFrame) -> pl.DataFrame:
    """The pairs among held rows that were doubted, as records of `Preference`.

    Args:
        problems: the columns of `PROBLEM`.
    """
    doubted = (pl.col("kind") == "preferences") & pl.col("reason").str.starts_with(DOUBTED)
    rows = problems.filter(doubted).select(pl.col("row").str.json_decode(pl.Struct(dtypes(Preference))))
    return as_records(rows.unnest("row"), Preference)


class Doubter:
    """Tells of a pair how probably it points the right way.

    A pair it has learned from is judged by what the others taught.
    """

    def __init__(self, right: Callable[[pl.DataFrame], np.ndarray]) -> None:
        self._right = right

    def part(self, pairs: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Part pairs into those to believe and those not to.

        Args:
            pairs: records of `Preference` made of feedback.

        Returns:
            The believed ones, and the others with a `reason`.
        """
        right = [self._right(chunk) for chunk in pairs.iter_slices(CHUNK)]
        judged = pairs.with_columns(right=pl.Series(np.concatenate([np.ones(0), *right]), dtype=pl.Float64))
        doubtful = pl.col("right") < BELIEVABLE
        told = f"{DOUBTED}the other pairs give it {{}}% to point the right way"
        reason = pl.format(told, (pl.col("right") * 100).floor())
        doubted = judged.filter(doubtful).with_columns(reason=reason)
        return judged.filter(~doubtful).drop("right"), doubted.drop("right")


def learned(sample: pl.DataFrame) -> Doubter:
    """Learn from pairs which others to doubt.

    Args:
        sample: records of `Preference` made of feedback, shape (n,); where there are few, nothing is doubted.
    """
    if sample.height < FEWEST:
        return Doubter(lambda pairs: np.ones(pairs.height))
    # Vectors this short lose more by waiting for a second thread than it brings, tenfold on a busy machine.
    with threadpool_limits(1):
        view = _View(reader(sample), _large_groups(sample))
        features, folds = view.features(sample), _folds(sample)
        right = np.full(sample.height, 1 - SLIPS)
        for _ in range(ROUNDS):
            tastes = [_fit(features[folds != held], right[folds != held]) for held in range(FOLDS)]
            margins = _margins(features, folds, tastes)
            mixture = _mixture(margins)
            right = mixture.right(margins)
    return Doubter(lambda pairs: mixture.right(_margins(view.features(pairs), _folds(pairs), tastes)))


@dataclass(frozen=True)
class _View:
    """Columns for everybody, and the same again for each group that is large enough to have a taste of its own."""

    reader: Reader
    groups: list[str]

    def features(self, pairs: pl.DataFrame) -> sparse.csr_matrix:
        read = self.reader.read(pairs)
        members = (pairs["group"].eq_missing(group).cast(pl.Float64).to_numpy() for group in self.groups)
        return sparse.hstack([read, *(sparse.diags_array(member) @ read for member in members)]).tocsr()


def _large_groups(pairs: pl.DataFrame) -> list[str]:
    sizes = pairs["group"].drop_nulls().value_counts()
    return sizes.filter(pl.col("count") >= FEWEST)["group"].sort().to_list()


def _folds(pairs: pl.DataFrame) -> np.ndarray:
    """A number below `FOLDS` that follows from what the user said, so that nobody learns from the same question."""
    said = pairs.select(pl.coalesce(asked(pl.col("prompt")), text_of(pl.col("prompt")), pl.lit(""))).to_series()
    return sha256(said).str.head(8).str.to_integer(base=16, dtype=pl.Int64).to_numpy() % FOLDS


def _fit(features: sparse.csr_matrix, right: np.ndarray) -> np.ndarray:
    """Ridge logistic regression on soft labels: what an answer must have more to be preferred, shape (columns,)."""

    def loss(taste: np.ndarray) -> tuple[float, np.ndarray]:
        margins = features @ taste
        value = np.logaddexp(0, -margins).sum() + (1 - right) @ margins + RIDGE * taste @ taste / 2
        return float(value), features.T @ (expit(margins) - right) + RIDGE * taste

    start = np.zeros(features.shape[1])
    fitted: np.ndarray = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 60, "ftol": 1e-5}).x
    return fitted


def _margins(features: sparse.csr_matrix, folds: np.ndarray, tastes: list[np.ndarray]) -> np.ndarray:
    """How much better chosen is than rejected to the taste that was fitted without the pair: shape (n,)."""
    margins = np.empty(len(folds))
    for held, taste in enumerate(tastes):
        margins[folds == held] = features[folds == held] @ taste
    return margins


@dataclass(frozen=True)
class _Mixture:
    """Raters who mean what they say, but for slips.

    Attributes:
        trust: what a margin of the model is worth in log-odds.
        slips: the share of pairs that say the opposite of what their rater prefers.
    """

    trust: float
    slips: float

    def likelihood(self, margins: np.ndarray) -> np.ndarray:
        preferred = expit(self.trust * margins)
        return (1 - self.slips) * preferred + self.slips * (1 - preferred)

    def right(self, margins: np.ndarray) -> np.ndarray:
        return (1 - self.slips) * expit(self.trust * margins) / self.likelihood(margins)


def _mixture(margins: np.ndarray) -> _Mixture:
    """The likeliest mixture, given margins of pairs the model has not seen and what is held of people beforehand."""

    def at(point: np.ndarray) -> _Mixture:
        return _Mixture(trust=float(np.exp(point[0])), slips=float(expit(point[1])) / 2)

    def loss(point: np.ndarray) -> float:
        mixture = at(point)
        beforehand = SLIPS * np.log(mixture.slips) + (1 - SLIPS) * np.log(1 - mixture.slips)
        return float(-np.log(mixture.likelihood(margins)).sum() - AS_AFTER * beforehand)

    return at(minimize(loss, [0.0, -2.0], method="Nelder-Mead").x)
