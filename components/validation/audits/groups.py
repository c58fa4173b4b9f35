"""What each group of users prefers, and where groups disagree. Knows groups by their names only."""

import numpy as np
import polars as pl
from scipy.stats import norm

from components.records.handles import Estimate
from components.records.messages import transcript
from components.validation.choosing import fit, spread
from components.validation.dots import dots
from components.validation.features import RAREST, differences
from components.validation.finding import Finding
from components.validation.material import Material
from components.validation.pairs import FEWEST, enough, share, units

READ = 30_000
"""Pairs that are read, the same share of every group's; who set the same two answers beside each other, all."""

PER_FEATURE = 10
"""Units that each feature needs in every group."""

MOST = 10
"""Groups that are compared, the largest first."""

SHOWN = 10
"""Differences in the figure, the surest first."""


def look(material: Material) -> Finding | None:
    """In which features the taste of a group is another than that of all other groups.

    Every group is compared with the rest in every feature, each interval widened by Bonferroni's correction for all
    these comparisons; of two groups the second comparison would repeat the first, so there is one.

    Measures:
        data/groups_disagree: on how many features some group differs: on at least so many, with 95% confidence. How
            many differ too little to be seen nobody knows, so the upper end is the number of features.
        data/difference/<group>/<feature>: by how much more log-odds the group prefers a standard deviation more of it,
            where that is beyond chance; the interval is the corrected one.
        data/opposed_between_groups: of two judgements about the same two answers, one from each of two groups, the
            share that prefer opposite answers; every two answers count the same.
        data/opposed_within_groups: the same of two judgements from one group: what chance and temper do.
    """
    grouped = material.preferences.filter(pl.col("group").is_not_null())
    compared = _differences(grouped, material)
    opposed = _opposed(grouped, material)
    if compared is None:
        return None
    surest, features = compared
    beyond = {name: each for name, each in surest.items() if not each.low <= 0 <= each.high}
    differing = len({feature for _, feature in beyond})
    judged = min(each.n for each in surest.values())
    counted = Estimate(value=differing, low=differing, high=features, n=judged)
    named = {f"data/difference/{group}/{feature}": each for (group, feature), each in beyond.items()}
    shown = {f"{group}: {feature.replace('_', ' ')}": each for (group, feature), each in list(surest.items())[:SHOWN]}
    return Finding(
        {"data/groups_disagree": counted, **opposed, **named},
        _sentence(differing, features, next(iter(surest.items()))),
        dots(shown, 0.0, "log-odds by which the group prefers more of it than others"),
    )


def _sentence(differing: int, features: int, surest: tuple[tuple[str, str], Estimate]) -> str:
    if not differing:
        return f"No group's taste is beyond chance another than that of the rest in any of {features} features."
    (group, feature), difference = surest
    return (
        f"Groups differ beyond chance in {differing} of {features} features; most surely {group} prefers "
        f"{'more' if difference.value > 0 else 'less'} {feature.replace('_', ' ')} than the rest."
    )


def _differences(grouped: pl.DataFrame, material: Material) -> tuple[dict[tuple[str, str], Estimate], int] | None:
    """Group and feature to how they differ from the rest, the surest first, and how many features there are."""
    pairs = grouped.sample(READ, seed=material.seed) if grouped.height > READ else grouped
    apart, unit = differences(pairs), units(pairs)
    group = pairs["group"].to_numpy()
    largest = pairs["group"].value_counts(sort=True)["group"].head(MOST).to_list()
    needed = max(FEWEST, PER_FEATURE * apart.width)
    large = [name for name in largest if enough(unit[group == name], needed)]
    seen = [name for name in apart.columns if _seen_everywhere(apart[name].to_numpy(), group, large)]
    if not seen or len(large) < 2:
        return None
    apart = apart.select(seen)
    told = apart.to_numpy(), pairs["strength"].to_numpy(), np.unique(unit, return_inverse=True)[1]
    among = np.isin(group, large)
    first = large[: 1 if len(large) == 2 else None]
    corrected = float(norm.ppf(1 - 0.025 / (len(first) * apart.width)))
    found, sure = {}, {}
    for name in first:
        by, errors, count = _against(*told, here=group == name, there=among & (group != name))
        for feature, difference, error in zip(apart.columns, by, errors, strict=True):
            half = corrected * error
            key = (str(name), feature)
            found[key] = Estimate(value=difference, low=difference - half, high=difference + half, n=count)
            sure[key] = abs(difference) / error
    return {key: found[key] for key in sorted(found, key=lambda key: -sure[key])}, apart.width


def _seen_everywhere(apart: np.ndarray, group: np.ndarray, groups: list[str]) -> bool:
    """Whether enough pairs of every group differ in a feature: of a handful, the error itself would be a guess."""
    return all(np.count_nonzero(apart[group == name]) >= RAREST for name in groups)


def _against(
    apart: np.ndarray, strength: np.ndarray, unit: np.ndarray, here: np.ndarray, there: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int]:
    """How far the weights of pairs here are from those of pairs there, the errors of that, and the units here.

    A unit that is in both moves both, so what it moves is subtracted before it is squared.
    """
    moved = np.zeros((unit.max() + 1, apart.shape[1]))
    weights = []
    for side, sign in ((here, 1), (there, -1)):
        fitted = fit(apart[side], strength[side], unit[side])
        moved[np.unique(unit[side])] += sign * fitted.influence
        weights.append(fitted.weights)
    return weights[0] - weights[1], spread(moved), len(np.unique(unit[here]))


def _opposed(grouped: pl.DataFrame, material: Material) -> dict[str, Estimate]:
    """How often two judgements of the same two answers are opposed, of two groups' and of one's."""
    prompt, chosen, rejected = (transcript(pl.col(name)).hash() for name in ("prompt", "chosen", "rejected"))
    votes = grouped.select("group", prompt=prompt, chosen=chosen, rejected=rejected).select(
        "group",
        "prompt",
        one=pl.min_horizontal("chosen", "rejected"),
        other=pl.max_horizontal("chosen", "rejected"),
        for_one=pl.col("chosen") < pl.col("rejected"),
    )
    same = ["prompt", "one", "other"]
    again = votes.filter(pl.len().over(same) > 1).with_columns(pl.col("for_one").cast(pl.Float64))
    # Votes for one answer times votes for the other are the opposed twos; n times n, halved, are all.
    ours, theirs, n = pl.col("for_one").sum(), (1 - pl.col("for_one")).sum(), pl.len().cast(pl.Float64)
    of_groups = again.group_by(*same, "group").agg(ours=ours, theirs=theirs, n=n)
    counts = of_groups.group_by(same).agg(
        opposed_within=(pl.col("ours") * pl.col("theirs")).sum(),
        within=(pl.col("n") * (pl.col("n") - 1) / 2).sum(),
        opposed=pl.col("ours").sum() * pl.col("theirs").sum(),
        twos=pl.col("n").sum() * (pl.col("n").sum() - 1) / 2,
    )
    between = counts.select(
        "prompt", hits=pl.col("opposed") - pl.col("opposed_within"), of=pl.col("twos") - pl.col("within")
    )
    kinds = {"between": between, "within": counts.select("prompt", hits="opposed_within", of="within")}
    found = {}
    for kind, told in kinds.items():
        met = told.filter(pl.col("of") > 0)
        unit = met["prompt"].to_numpy()
        if enough(unit):
            rates = (met["hits"] / met["of"]).to_numpy()
            found[f"data/opposed_{kind}_groups"] = share(rates, np.ones(len(rates)), unit, material)
    return found
