"""Makes training data out of feedback: pairs, examples with no partner, checklists, and an account of every signal.

Knows the order of the steps; the builders know where pairs come from, and `doubting` which of them not to believe.
"""

from dataclasses import dataclass

import polars as pl

from components.config.settings import Preferences
from components.preferences import pairing
from components.preferences.accounting import account
from components.preferences.builders import BUILDERS
from components.preferences.doubting import doubt
from components.preferences.evidence import evidence, keyed, standings
from components.preferences.unpairing import left_over, unpaired
from components.preferences.wishing import checklists


@dataclass(frozen=True)
class Made:
    """What follows from feedback.

    Attributes:
        preferences: records of `Preference`, not yet validated; each names the signals it was made from.
        unpaired: records of `Unpaired`, of answers that are in no pair.
        checklists: records of `Checklist`.
        doubted: pairs kept out of `preferences` because all the others speak against them: the columns of
            `Preference` and a `reason`.
        account: a row for each kind of feedback: `kind`, how many `signals` spoke, and what became of them (the
            columns of `accounting.account`, which add up to `signals`).
    """

    preferences: pl.DataFrame
    unpaired: pl.DataFrame
    checklists: pl.DataFrame
    doubted: pl.DataFrame
    account: pl.DataFrame


@dataclass(frozen=True)
class Draft:
    """What follows from feedback before any pair is doubted.

    Attributes:
        pairs: records of `Preference`.
        unpaired: as in `Made`.
        checklists: as in `Made`.
        behind: what the account is made of: what was said, what was weighed, and opinions that are in no pair.
    """

    pairs: pl.DataFrame
    unpaired: pl.DataFrame
    checklists: pl.DataFrame
    behind: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]


def build(
    feedback: pl.DataFrame, interactions: pl.DataFrame, signals: pl.DataFrame, settings: Preferences | None = None
) -> Made:
    """Make all that can be made of feedback.

    Args:
        feedback: records of `Feedback`.
        interactions: records of `Interaction`, at least those the feedback is about.
        signals: records of `Signal` found in the feedback.
        settings: the section `preferences`; None is all at its default.
    """
    drafted = draft(feedback, interactions, signals, settings)
    believed, doubted = doubt(drafted.pairs)
    said, weighed, opinions = drafted.behind
    return Made(
        preferences=believed,
        unpaired=drafted.unpaired,
        checklists=drafted.checklists,
        doubted=doubted,
        account=account(said, weighed, opinions, believed, doubted, drafted.unpaired),
    )


def draft(
    feedback: pl.DataFrame, interactions: pl.DataFrame, signals: pl.DataFrame, settings: Preferences | None = None
) -> Draft:
    """Make what can be made of feedback without knowing what all other feedback says.

    Nothing here reaches from one thread (`records.threads`) to another, so each may be drafted by itself.

    Args:
        feedback, interactions, signals, settings: as for `build`.
    """
    settings = settings or Preferences()
    known = keyed(interactions)
    said = evidence(feedback, known, signals)
    stood = standings(said)
    candidates = [builder(said, stood, known).select(*pairing.CANDIDATE) for builder in BUILDERS.values()]
    weighed = pairing.weigh_up(pl.concat(candidates), said, stood)
    clear = pairing.clear(weighed, settings.least_strength)
    opinions = left_over(said, clear)
    return Draft(
        pairs=pairing.as_preferences(clear, said, known),
        unpaired=unpaired(opinions, said, known, settings.least_strength),
        checklists=checklists(said, known, signals),
        behind=(said, weighed, opinions),
    )


def heard(feedback: pl.DataFrame, interactions: pl.DataFrame, signals: pl.DataFrame) -> pl.DataFrame:
    """Feedback with what it says (`signal`, `polarity`, `strength`) and what it is about (`prompt`, `response`).

    Feedback whose interaction is not known yet is left out: it is heard when the interaction has landed. A row for
    each signal; feedback in which nobody found one has a row without.
    """
    said = signals.select("polarity", "strength", "rubric", signal="id", id="feedback")
    about = interactions.select("prompt", "response", "language", interaction="id")
    known = feedback.join(about, on="interaction", maintain_order="left")
    return known.join(said, on="id", how="left", maintain_order="left")
