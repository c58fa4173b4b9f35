"""How many labels are flipped: point away from what their rater prefers, by a slip, in haste or in jest.

Told from the margins of reward heads that have not seen the pair (https://arxiv.org/abs/2401.06080). People do not
always prefer the better of two near equals; that is taste, not noise, and it goes away as the margin grows. Flips do
not: however sure the heads are, the same share of labels stands against them. So, with m the mean margin over heads,

    P(the label agrees with the heads | m) = (1 - e) sigmoid(t m) + e sigmoid(-t m)

and the likeliest e is the share of flipped labels, whatever trust t the heads deserve. It is the flip rate that robust
DPO asks for (https://arxiv.org/abs/2403.00409). Knows nothing of how the heads were fitted.
"""

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from scipy import sparse

from components.bootstrap import estimate
from components.drawing import BLUE, FAINT, GRID, INK, ORANGE, plain
from components.records.handles import Estimate
from components.validation.finding import Finding
from components.validation.material import Material
from components.validation.pairs import units

FEWEST = 200
"""Pairs with margins without which nothing is said."""

FLIPPED = np.linspace(0, 0.5, 101)
TRUST = np.geomspace(0.05, 20, 60)
"""What is tried: every share of flips with every trust, in log-odds for a margin of one standard deviation."""

BINS = 200
"""Margins are rounded to so many values before their likelihood is computed."""

LIKELY = 1.92
"""How much less log-likelihood than the best a share may have inside a 95% interval (Wilks)."""

DOUBTED = 0.9
"""Probability of being flipped from which on a pair is suspected."""

WIDE = 0.25
"""Width of an interval from which on it says nothing."""

LOWEST, HIGHEST = 0.001, 0.49
"""Of labels of which half are flipped, or none can be, robust losses make nothing: they take no rate beyond these."""


def look(material: Material) -> Finding | None:
    """The share of labels that are flipped.

    Measures:
        data/label_noise: that share, 0 to 0.5. The interval is the wider, at each end, of the bootstrap's over prompts
            and the likelihood's, so heads that have learned nothing leave it wide open.
    """
    margins = material.margins
    if margins is None:
        return None
    read = np.isfinite(margins).all(axis=0)
    if read.sum() < FEWEST:
        return None
    mean = margins[:, read].mean(axis=0)
    scaled = mean / (np.sqrt((mean**2).mean()) or 1.0)
    pairs = material.preferences.filter(pl.Series(read))
    noise, trust = flipped(scaled, units(pairs), material.resamples, material.seed)
    sentence = (
        f"About {noise.value:.0%} of labels ({noise.low:.0%} to {noise.high:.0%}) seem to say the opposite of what "
        f"their rater prefers."
    )
    figure = _figure(scaled, noise.value, trust)
    return Finding({"data/label_noise": noise}, sentence, figure, _suspects(pairs, scaled, noise.low, trust))


def flip_rate(noise: Estimate | None) -> float:
    """The flip rate to give a robust loss (`train.label_smoothing`), from `data/label_noise`: in [LOWEST, HIGHEST].

    Where the interval is so wide that the heads know nothing, it is what there is at least.
    """
    if noise is None:
        return LOWEST
    known = noise.high - noise.low <= WIDE
    return float(np.clip(noise.value if known else noise.low, LOWEST, HIGHEST))


def flipped(margins: np.ndarray, unit: np.ndarray, resamples: int, seed: int) -> tuple[Estimate, float]:
    """The likeliest share of flipped labels.

    Args:
        margins: of pairs that the heads have not seen, in standard deviations, shape (n,).
        unit: which pairs are drawn together, shape (n,).
        resamples: bootstrap resamples behind the interval.
        seed: of those.

    Returns:
        The share with its interval, and the trust that goes with it.
    """
    edges = np.unique(np.quantile(margins, np.linspace(0, 1, BINS + 1)[1:-1]))
    bins = np.searchsorted(edges, margins, side="right")
    sizes = np.bincount(bins, minlength=len(edges) + 1)
    middles = np.bincount(bins, weights=margins, minlength=len(sizes)) / np.maximum(sizes, 1)
    preferred = 1 / (1 + np.exp(-TRUST[:, None] * middles))  # (trust, bins)
    agrees = (1 - FLIPPED[:, None, None]) * preferred + FLIPPED[:, None, None] * (1 - preferred)
    table = np.log(np.maximum(agrees, 1e-300)).reshape(-1, len(sizes)).T  # (bins, flipped * trust)
    binned = sparse.csr_matrix((np.ones(len(bins)), (np.arange(len(bins)), bins)), shape=(len(bins), len(sizes)))

    def likeliest(rows: np.ndarray, counts: np.ndarray) -> np.ndarray:
        best: np.ndarray = FLIPPED[((counts @ binned) @ table).argmax(axis=1) // len(TRUST)]
        return best

    found = estimate(bins, resamples=resamples, seed=seed, statistic=likeliest, clusters=unit)
    likelihood = (sizes @ table).reshape(len(FLIPPED), len(TRUST))
    likely = FLIPPED[likelihood.max(axis=1) >= likelihood.max() - LIKELY]
    trust = TRUST[likelihood[int(np.searchsorted(FLIPPED, found.value))].argmax()]
    wider = {"low": float(min(found.low, likely[0])), "high": float(max(found.high, likely[-1]))}
    return found.model_copy(update=wider), float(trust)


# No more are suspected than there are flipped labels at the least.
def _suspects(pairs: pl.DataFrame, margins: np.ndarray, noise: float, trust: float) -> pl.DataFrame:
    preferred = 1 / (1 + np.exp(-trust * margins))
    wrong = noise * (1 - preferred) / (noise * (1 - preferred) + (1 - noise) * preferred)
    percent = pl.Series(np.floor(100 * wrong).astype(int))
    reason = pl.format("reward heads that have not seen it give it {}% to be flipped", percent)
    return pairs.select("id", reason=reason).filter(pl.Series(wrong >= DOUBTED))


def _figure(margins: np.ndarray, noise: float, trust: float) -> Figure:
    """How often the label agrees with the heads, by how sure they are, beside what the estimate says of it."""
    figure = Figure((6, 3), layout="constrained")
    axes = figure.subplots()
    sure = np.abs(margins)
    for part in np.array_split(np.argsort(sure), 10):
        agree = float((margins[part] > 0).mean())
        error = 1.96 * np.sqrt(max(agree * (1 - agree), 1 / len(part)) / len(part))
        axes.vlines(sure[part].mean(), agree - error, min(1, agree + error), color=BLUE, linewidth=2)
        axes.plot(sure[part].mean(), agree, "o", color=BLUE, markersize=5)
    line = np.linspace(0, sure.max(), 200)
    # Of labels a flip turned round, those agree that would have disagreed: the curve ends at 1 - noise.
    expected = (1 - noise) / (1 + np.exp(-trust * line)) + noise / (1 + np.exp(trust * line))
    axes.plot(line, expected, color=INK, linewidth=1)
    axes.axhline(1 - noise, color=ORANGE, linestyle="--", linewidth=1)
    axes.annotate(f"{noise:.0%} flipped", (sure.max(), 1.015 - noise), ha="right", color=ORANGE, fontsize=9)
    axes.axhline(0.5, color=FAINT, linestyle=":")
    axes.set(ylim=(0.4, 1.07), xlabel="how sure the heads are (margin)", ylabel="label agrees with them")
    plain(axes)
    axes.grid(axis="y", color=GRID)
    return figure
