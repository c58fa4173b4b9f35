"""Whether what is new is unlike the last accepted version: prompts, where they come from, answers, strengths.

Each comparison is a permutation test that turns all of one person's pairs round together, so that a few busy users are
no drift; Holm's procedure (https://www.jstor.org/stable/4615733) knows how many comparisons there are. Prompts are
compared by a classifier that tries to tell old from new (https://arxiv.org/abs/1610.06545). What differs beyond chance
counts only if it differs by a size that matters. Knows nothing of whether the new or the old is better.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from scipy import sparse
from scipy.stats import norm
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from components.drawing import BLUE, FAINT, GRID, INK, ORANGE, plain
from components.records.handles import Estimate
from components.records.messages import asked, text_of
from components.validation.finding import Finding
from components.validation.material import Material

FEWEST = 100
"""New pairs without which nothing is compared."""

MOST = 4000
"""Pairs of each side that are compared: with so many the least size that matters is seen nearly always."""

CHANCE = 0.01
"""How often anything at all is found where nothing has changed."""

TURNS = 1999
"""Permutations behind each test."""

RESAMPLES = 200
"""Bootstrap resamples of raters, or prompts, behind the interval of each size."""

RATERS = 20
"""Raters on each side from which on their pairs are turned together; of fewer, those of one prompt."""

KINDS = 50
"""The most frequent values of a column that are told apart; the rest are one."""

DIVERGES = 0.22
"""Jensen-Shannon distance that matters: as if a tenth of what is new was of a kind not seen before."""

APART = 0.15
"""Kolmogorov-Smirnov distance that matters: the share of pairs that has crossed some mark."""

TOLD_APART = 0.15
"""Cliff's delta that matters, a small effect: https://doi.org/10.3102/10769986025002101."""

COLUMNS, TOPICS, FOLDS, RIDGE, LONGEST = 2**15, 48, 5, 1.0, 2000
"""Of the classifier: hashed words, topics they are brought down to, folds, penalty, characters of a prompt."""

Statistic = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From how much each pair counts as new and how much as old, shapes (b, n), to how unlike they are, shape (b,)."""


@dataclass(frozen=True)
class Compared:
    """One comparison.

    Attributes:
        size: how unlike old and new are, less what chance brings, with its interval.
        matters: the size from which on it counts.
        chance: probability of such a difference where there is none.
    """

    size: Estimate
    matters: float
    chance: float


@dataclass(frozen=True)
class Sides:
    """Old and new pairs, and what they could have been.

    Attributes:
        is_new: shape (n,).
        unit: number of the person, or prompt, of one side that each pair belongs to, shape (n,).
        turned: which pairs are new after units were given to the sides anew, shape (TURNS, n).
        drawn: how often each pair comes when units of each side are drawn again, shape (RESAMPLES, n).
    """

    is_new: np.ndarray
    unit: np.ndarray
    turned: np.ndarray
    drawn: np.ndarray

    def judge(self, statistic: Statistic, matters: float) -> Compared:
        """Hold a difference against chance."""
        new = self.is_new[None].astype(np.float32)
        seen = float(statistic(new, 1 - new)[0])
        return self.beside(seen, statistic(self.turned, 1 - self.turned), statistic, matters)

    def beside(self, seen: float, by_chance: np.ndarray, statistic: Statistic, matters: float) -> Compared:
        """Hold what is seen against what chance brings, shape (TURNS,)."""
        size = float(np.sqrt(max(0.0, np.sign(seen) * seen**2 - (by_chance**2).mean())))
        resampled = statistic(self.drawn * self.is_new, self.drawn * ~self.is_new)
        # Drawing again makes sides less alike than they are, as chance did before, so only the spread is taken.
        low, high = np.clip(size + np.percentile(resampled - resampled.mean(), (2.5, 97.5)), 0, 1)
        estimate = Estimate(value=size, low=float(low), high=float(high), n=int(self.unit.max()) + 1)
        # Rounded, because sums in another order differ in their last digits.
        as_far = int((by_chance >= seen - 1e-6).sum())
        return Compared(estimate, matters, (1 + as_far) / (1 + len(by_chance)))


def look(material: Material) -> Finding | None:
    """What differs between the pairs that the last accepted version has not and those that it has.

    Measures:
        data/drift: how many comparisons differ beyond chance and by a size that matters; the lower end of the interval
            are those whose whole interval is of such a size, the upper end those of which any of it is.
        data/drift_prompts: Cliff's delta, 0 to 1: how far new prompts get higher scores than old ones, from a
            classifier that has seen neither.
        data/drift_prompt_length, _answer_length, _strengths: Kolmogorov-Smirnov distance, 0 to 1.
        data/drift_sources, _languages, _groups: Jensen-Shannon distance, 0 to 1: the root of the
            divergence in bits.
    """
    accepted = material.accepted
    new = material.preferences.join(accepted.select("id"), on="id", how="anti", maintain_order="left")
    if min(new.height, accepted.height) < FEWEST:
        return None
    some = [side.sample(min(MOST, side.height), seed=material.seed) for side in (new, accepted)]
    is_new = np.repeat([True, False], [side.height for side in some])
    # Products this small lose more by waiting for a second thread than it brings.
    with threadpool_limits(1):
        found = _compared(pl.concat(some), is_new, material.seed)
    differing = _differing(found)
    measures = {"data/drift": _count(found, differing)}
    measures |= {f"data/drift_{name}": one.size for name, one in found.items()}
    said = ": " + ", ".join(name.replace("_", " ") for name in differing) if differing else ""
    sentence = (
        f"Of {len(found)} things compared with the last accepted version, {len(differing)} differ by more than chance "
        f"brings and by enough to matter{said}."
    )
    return Finding(measures, sentence, _figure(found, differing))


def _compared(pairs: pl.DataFrame, is_new: np.ndarray, seed: int) -> dict[str, Compared]:
    draw = np.random.default_rng(seed)
    unit = _units(pairs, is_new)
    sides = Sides(is_new, unit, _turned(is_new, unit, draw), _drawn(is_new, unit, draw))
    prompt_length, answer_length = (text_of(pl.col(name)).str.len_chars() for name in ("prompt", "chosen"))
    numbers = {"prompt_length": prompt_length, "answer_length": answer_length, "strengths": pl.col("strength")}
    found = {"prompts": _prompts(pairs, sides, draw)}
    for name, number in numbers.items():
        found[name] = sides.judge(_apart(pairs.select(number).to_series()), APART)
    for name in ("source", "language", "group"):
        if pairs[name].n_unique() > 1:
            found[f"{name}s"] = sides.judge(_unlike(pairs[name]), DIVERGES)
    return found


def _units(pairs: pl.DataFrame, is_new: np.ndarray) -> np.ndarray:
    """Which pairs are one side's and one rater's or, where raters are few or unknown, one prompt's: shape (n,)."""
    prompt = text_of(pl.col("prompt")).hash()
    told = pairs.select("rater", prompt=prompt, new=pl.Series(is_new))
    raters = told.group_by("new").agg(pl.col("rater").drop_nulls().n_unique())["rater"].min()
    rater = pl.col("rater").hash() if isinstance(raters, int) and raters >= RATERS else pl.lit(None, pl.UInt64)
    known = pl.when(pl.col("rater").is_not_null()).then(rater)
    return told.select(pl.struct("new", pl.coalesce(known, "prompt")).rank("dense") - 1).to_series().to_numpy()


def _turned(is_new: np.ndarray, unit: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    new_units = np.zeros(unit.max() + 1, np.float32)
    new_units[unit[is_new]] = 1
    return draw.permuted(np.tile(new_units, (TURNS, 1)), axis=1)[:, unit]


def _drawn(is_new: np.ndarray, unit: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    drawn = np.zeros((RESAMPLES, unit.max() + 1), np.float32)
    for side in (is_new, ~is_new):
        units = np.unique(unit[side])
        drawn[:, units] = draw.multinomial(len(units), np.full(len(units), 1 / len(units)), size=RESAMPLES)
    return drawn[:, unit]


def _apart(numbers: pl.Series) -> Statistic:
    """The largest distance between the cumulative shares of two sides (Kolmogorov and Smirnov)."""
    order = np.argsort(numbers.to_numpy(), kind="stable")
    ends = np.flatnonzero(np.append(np.diff(numbers.to_numpy()[order]) > 0, True))

    def distance(new: np.ndarray, old: np.ndarray) -> np.ndarray:
        below = [side[:, order].cumsum(axis=1)[:, ends] / side.sum(axis=1, keepdims=True) for side in (new, old)]
        found: np.ndarray = np.abs(below[0] - below[1]).max(axis=1)
        return found

    return distance


def _unlike(kinds: pl.Series) -> Statistic:
    """Jensen-Shannon distance of how often two sides are of each kind; unknown is a kind."""
    told = kinds.fill_null("")
    frequent = told.value_counts(sort=True)[kinds.name][:KINDS].sort()
    code = np.minimum(frequent.search_sorted(told).to_numpy(), len(frequent) - 1)
    code = np.where(frequent[code].to_numpy() == told.to_numpy(), code, len(frequent))
    kind = sparse.csr_matrix((np.ones(len(code), np.float32), (np.arange(len(code)), code)))

    def distance(new: np.ndarray, old: np.ndarray) -> np.ndarray:
        p, q = ((side @ kind) / side.sum(axis=1, keepdims=True) for side in (new, old))
        bits = (_surprise(p, (p + q) / 2) + _surprise(q, (p + q) / 2)) / 2
        found: np.ndarray = np.sqrt(np.maximum(bits, 0))
        return found

    return distance


def _surprise(share: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Kullback-Leibler divergence in bits of each row: shape (b,)."""
    ratio = np.where(share > 0, share, 1) / np.where(share > 0, expected, 1)
    bits: np.ndarray = (share * np.log2(ratio)).sum(axis=1)
    return bits


def _prompts(pairs: pl.DataFrame, sides: Sides, draw: np.random.Generator) -> Compared:
    """Whether a ridge classifier on topics can tell new prompts from old ones it has not seen.

    It is fitted anew to every permutation, which costs little because its scores are linear in the labels.
    """
    topics = _topics(pairs)
    folds = draw.integers(FOLDS, size=sides.unit.max() + 1)[sides.unit]

    def scores(new: np.ndarray) -> np.ndarray:
        labels = new / new.sum(axis=1, keepdims=True) - (1 - new) / (1 - new).sum(axis=1, keepdims=True)
        scored = np.empty_like(labels)
        for held in range(FOLDS):
            inside = folds == held
            seen = topics[~inside]
            normal = seen.T @ seen + RIDGE * np.eye(topics.shape[1], dtype=np.float32)
            scored[:, inside] = labels[:, ~inside] @ seen @ np.linalg.solve(normal, topics[inside].T)
        return scored

    truth = sides.is_new[None].astype(np.float32)
    scored = scores(truth)
    by_chance = _delta(scores(sides.turned), sides.turned, 1 - sides.turned)
    seen = float(_delta(scored, truth, 1 - truth)[0])
    return sides.beside(seen, by_chance, lambda new, old: _delta(scored, new, old), TOLD_APART)


def _topics(pairs: pl.DataFrame) -> np.ndarray:
    """What users ask about, by latent semantic analysis of hashed words: shape (n, topics), centred."""
    said = pairs.select(asked(pl.col("prompt")).fill_null("").str.tail(LONGEST)).to_series().to_list()
    words = HashingVectorizer(n_features=COLUMNS, alternate_sign=False, ngram_range=(1, 2), norm=None).transform(said)
    weighed = TfidfTransformer(sublinear_tf=True).fit_transform(words)
    topics = TruncatedSVD(min(TOPICS, len(said) - 1), random_state=0).fit_transform(weighed).astype(np.float32)
    return topics - topics.mean(axis=0)


def _delta(scores: np.ndarray, new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """Cliff's delta between scores of two sides, if they are normal and spread alike: shape (b,)."""
    mean_new, mean_old = ((scores * side).sum(axis=1) / side.sum(axis=1) for side in (new, old))
    both = new + old
    middle = (scores * both).sum(axis=1) / both.sum(axis=1)
    spread = (both * (scores - middle[:, None]) ** 2).sum(axis=1) / both.sum(axis=1)
    share = new.sum(axis=1) / both.sum(axis=1)
    within = np.maximum(spread - share * (1 - share) * (mean_new - mean_old) ** 2, 1e-12 * spread + 1e-30)
    delta: np.ndarray = 2 * norm.cdf((mean_new - mean_old) / np.sqrt(2 * within)) - 1
    return delta


def _differing(found: dict[str, Compared]) -> list[str]:
    """Comparisons that differ beyond chance, of all that were made, and by a size that matters; the surest first."""
    return [name for name in _beyond_chance(found) if found[name].size.value >= found[name].matters]


def _beyond_chance(found: dict[str, Compared]) -> list[str]:
    ranked = sorted(found, key=lambda name: found[name].chance)
    tries = range(len(ranked), 0, -1)
    surely = [found[name].chance <= CHANCE / left for name, left in zip(ranked, tries, strict=True)]
    return ranked[: surely.index(False)] if False in surely else ranked


def _count(found: dict[str, Compared], differing: list[str]) -> Estimate:
    low = sum(found[name].size.low >= found[name].matters for name in differing)
    high = sum(found[name].size.high >= found[name].matters for name in _beyond_chance(found))
    return Estimate(value=len(differing), low=low, high=high, n=len(found))


def _figure(found: dict[str, Compared], differing: list[str]) -> Figure:
    """Each size as a share of the one that matters."""
    figure = Figure((6, 3), layout="constrained")
    axes = figure.subplots()
    for place, (name, one) in enumerate(found.items()):
        color = ORANGE if name in differing else BLUE
        size = one.size
        axes.hlines(-place, size.low / one.matters, size.high / one.matters, color=color, linewidth=2)
        axes.plot(size.value / one.matters, -place, "o", color=color, markersize=5)
    plain(axes)
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.axvline(1, color=FAINT, linestyle=":")
    axes.set_xlim(left=0)
    axes.set_yticks([-place for place in range(len(found))], [name.replace("_", " ") for name in found])
    axes.set_xlabel("difference from the last accepted version (1: matters)", color=INK)
    return figure
