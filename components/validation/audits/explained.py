"""Which features anybody can see explain the choices, and how far. Knows nothing of what is right to prefer.

As Anthropic's and others' audits of preference data: https://arxiv.org/abs/2310.13548, section 4.1.
"""

import numpy as np
from scipy.stats import norm

from components.records.handles import Estimate
from components.validation.choosing import fit
from components.validation.dots import dots
from components.validation.features import differences
from components.validation.finding import Finding
from components.validation.material import Material
from components.validation.pairs import enough, share, some, units

READ = 30_000
"""Pairs that are read: of so many a weight is known to 0.02 and the accuracy to 0.5 points."""

PER_FEATURE = 10
"""Units that each feature needs; with fewer, weights would be fitted to chance."""

FOLDS = 5
SHOWN = 14
"""Features in the figure, those that weigh most."""


def look(material: Material) -> Finding | None:
    """What surface features alone tell of the choices, by logistic regression on their differences.

    Measures:
        data/explained_accuracy: the share of pairs whose preferred answer the features name, having seen only pairs of
            other prompts; 0.5 where they tell nothing.
        data/weight/<feature>: log-odds of being preferred that one standard deviation more of it adds, all others being
            equal; the heaviest first. A pair counts by its strength.
    """
    pairs = some(material, READ)
    unit = units(pairs)
    seen = differences(pairs)
    if seen.width == 0 or not enough(unit, PER_FEATURE * seen.width):
        return None
    apart, strength = seen.to_numpy(), pairs["strength"].to_numpy()
    accuracy = share(_named(apart, strength, unit, material.seed), np.ones(len(apart)), unit, material)
    whole = fit(apart, strength, unit)
    order = np.argsort(-np.abs(whole.weights))
    weights = {seen.columns[column]: whole.estimate(int(column)) for column in order}
    sentence = (
        f"Features that anybody can see name the preferred answer in {accuracy.value:.0%} of pairs "
        f"({accuracy.low:.0%} to {accuracy.high:.0%}); {_heaviest(weights)}."
    )
    measures = {"data/explained_accuracy": accuracy} | {f"data/weight/{name}": each for name, each in weights.items()}
    shown = {_in_words(name): each for name, each in list(weights.items())[:SHOWN]}
    return Finding(measures, sentence, dots(shown, 0.0, "log-odds of being preferred, per standard deviation"))


def _named(apart: np.ndarray, strength: np.ndarray, unit: np.ndarray, seed: int) -> np.ndarray:
    """1 where weights fitted on pairs of other units name the preferred answer, half where they cannot tell: (n,)."""
    known, place = np.unique(unit, return_inverse=True)
    fold = (np.random.default_rng(seed).permutation(len(known)) % FOLDS)[place]
    hits = np.empty(len(apart))
    for left_out in range(FOLDS):
        here = fold == left_out
        elsewhere = fit(apart[~here], strength[~here], unit[~here])
        hits[here] = (1 + np.sign(apart[here] @ elsewhere.weights)) / 2
    return hits


def _heaviest(weights: dict[str, Estimate]) -> str:
    # As many weights as are looked at, so many times rarer must be what counts as more than chance (Bonferroni).
    wider = norm.ppf(1 - 0.025 / len(weights)) / norm.ppf(0.975)
    clear = {name: each for name, each in weights.items() if abs(each.value) > wider * (each.high - each.value)}
    if not clear:
        return "none of them weighs anything beyond chance"
    name, weight = next(iter(clear.items()))
    return f"{_in_words(name)} weighs most: {'more' if weight.value > 0 else 'less'} of it is preferred"


def _in_words(feature: str) -> str:
    return feature.replace("_", " ")
