"""Every version on one scale, though each was compared with one other only. Knows nothing of how they were compared.

Bradley and Terry's model, as Chatbot Arena rates with it (https://arxiv.org/abs/2403.04132): version a beats version b
with probability 1 / (1 + exp(rating[b] - rating[a])).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import norm

from components.records.handles import Estimate, Scorecard
from components.significance import CHANCE, comparisons

PRIOR = 0.5
"""Wins that each side of a match is given beforehand, so that who never lost is not rated endlessly high."""


@dataclass(frozen=True)
class Match:
    """Two versions that were compared.

    Attributes:
        first: the number of one.
        second: the number of the other.
        share: how often the first won, ties as half.
    """

    first: int
    second: int
    share: Estimate


def matches(scorecards: Iterable[Scorecard], measure: str) -> list[Match]:
    """Each challenger against its champion, by a measure that is a share of wins; a card without it is left out."""
    return [
        Match(card.challenger.version, card.champion.version, card.measures[measure])
        for card in scorecards
        if measure in card.measures
    ]


def ratings(played: Iterable[Match], anchor: int) -> dict[int, Estimate]:
    """How often each version would win against the anchor.

    Versions that no chain of matches connects with the anchor are left out: nothing is known of them.

    Args:
        played: the matches.
        anchor: the version that all are rated against; itself wins a half.

    Returns:
        Shares with 95% intervals by version, the best first; n is how many prompts the version itself was compared on.
    """
    near = _connected(list(played), anchor)
    others = sorted({version for match in near for version in (match.first, match.second)} - {anchor})
    place = {version: column for column, version in enumerate(others)}
    design = np.zeros((len(near), len(others)))
    for row, match in enumerate(near):
        for version, sign in ((match.first, 1.0), (match.second, -1.0)):
            if version != anchor:
                design[row, place[version]] = sign
    many = np.array([comparisons(match.share) for match in near])
    wins = np.array([match.share.value for match in near]) * many + PRIOR
    found, error = _fit(design, wins, many + 2 * PRIOR)
    reach = norm.isf(CHANCE) * error
    ends = zip(*(expit(side).tolist() for side in (found, found - reach, found + reach)), strict=True)
    rated = {
        version: Estimate(value=value, low=low, high=high, n=_prompts(near, version))
        for version, (value, low, high) in zip(others, ends, strict=True)
    }
    rated[anchor] = Estimate(value=0.5, low=0.5, high=0.5, n=_prompts(near, anchor))
    return dict(sorted(rated.items(), key=lambda one: -one[1].value))


def _fit(design: np.ndarray, wins: np.ndarray, many: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ratings and their standard errors, shape (k,) each, from m matches between the anchor at zero and k others.

    Args:
        design: 1 at the first of a match and -1 at the second, shape (m, k).
        wins: of the first, shape (m,).
        many: comparisons, shape (m,).
    """

    def loss(rating: np.ndarray) -> tuple[float, np.ndarray]:
        ahead = design @ rating
        value = many @ np.logaddexp(0, ahead) - wins @ ahead
        return float(value), design.T @ (many * expit(ahead) - wins)

    found = minimize(loss, np.zeros(design.shape[1]), jac=True, method="BFGS").x if design.size else np.zeros(0)
    likely = expit(design @ found)
    information = design.T @ (design * (many * likely * (1 - likely))[:, None])
    return found, np.sqrt(np.diag(np.linalg.inv(information)))


def _connected(played: list[Match], anchor: int) -> list[Match]:
    reached, near = {anchor}, list[Match]()
    while new := [match for match in played if match not in near and reached & {match.first, match.second}]:
        near += new
        reached |= {version for match in new for version in (match.first, match.second)}
    return near


def _prompts(played: Iterable[Match], version: int) -> int:
    return sum(match.share.n for match in played if version in (match.first, match.second))


def in_words(rated: Mapping[int, Estimate], anchor: int) -> str:
    """A line a version."""
    lines = [
        f"version {version:<4} {found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
        + (" the champion itself" if version == anchor else f" on {found.n} prompts")
        for version, found in rated.items()
    ]
    return "\n".join(["How often each version would win against the champion:", *lines])
