"""Users who do in minutes what others do in days. Looks at when something was done and by whom, never at what."""

import polars as pl

from components.validation.finding import SUSPECTS
from components.validation.material import Material, busiest

FEWEST = 20  # things in that time that a person may well do, whatever others do
FENCE = 4.0  # times what the busiest quarter of users does
SETTLED = 8  # users, fewer of whom are no crowd to compare with


def suspect(material: Material) -> pl.DataFrame:
    """Pairs of users whose busiest ten minutes are far outside what others' are.

    Users are compared with the upper quartile of all users' busiest ten minutes, which a tenth of them cannot move.
    """
    peaks = _peaks(material)
    if peaks.height < SETTLED:
        return pl.DataFrame(schema=SUSPECTS)
    usual = peaks["most"].quantile(0.75, "higher") or 0
    outside = peaks.filter(pl.col("most") > max(FEWEST, FENCE * usual))
    reason = pl.format(
        "burst: {} things within 10 minutes, three users in four do at most {}", "most", pl.lit(int(usual))
    )
    held = material.preferences.join(outside, on="rater", maintain_order="left")
    return held.select("id", reason=reason)


def _peaks(material: Material) -> pl.DataFrame:
    """`rater`, and the `most` that each did in ten minutes, in feedback or in pairs."""
    told = busiest(material.feedback.select(rater="user", at="created_at")) if material.busy is None else material.busy
    made = busiest(material.preferences.select("rater", at="created_at"))
    return pl.concat([told, made]).group_by("rater").agg(pl.col("most").max())
