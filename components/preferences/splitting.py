"""The sides of a dataset version as records: what is trained on, and what is kept to measure with."""

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from components.config.settings import Split
from components.preferences.sharing import SIDES, share_out


@dataclass(frozen=True)
class Sides:
    """The sides of a dataset version, each records of `Preference` in the order they landed.

    A preference stays on the side it is on, with two exceptions. `newest` is held out from training only as long as it
    is the newest, and is trained on later; what was on another side never becomes newest. And what is found to be in an
    evaluation set is withheld from then on.

    Attributes:
        train: what models learn from.
        validation: what stops and calibrates them.
        test: what measures them; nothing is ever trained on it.
        newest: what would be trained on, were it not all newer than nearly everything; no prompt in it is like one
            of training. Measures models too: on what users begin to ask.
        withheld: prompts that are like one on two other sides, and what is in an evaluation set. On no side.
        reasons: `id` of every preference that is withheld, and `reason`: why; one may have several.
        groups: `id` of every preference and `group`, the same for prompts that are near duplicates.
    """

    train: pl.DataFrame
    validation: pl.DataFrame
    test: pl.DataFrame
    newest: pl.DataFrame
    withheld: pl.DataFrame
    reasons: pl.DataFrame
    groups: pl.DataFrame

    @property
    def named(self) -> dict[str, pl.DataFrame]:
        """Name of each side to its preferences."""
        return {"train": self.train, "validation": self.validation, "test": self.test, "newest": self.newest}

    @property
    def sizes(self) -> dict[str, int]:
        """How many preferences are on each side, and on none."""
        return {name: side.height for name, side in (self.named | {"withheld": self.withheld}).items()}

    @property
    def seen(self) -> pl.DataFrame:
        """All that may shape a model: training, then validation."""
        return pl.concat([self.train, self.validation])

    def groups_of(self, preferences: pl.DataFrame) -> pl.Series:
        """The group of each of some preferences, shape (n,)."""
        return preferences.select("id").join(self.groups, on="id", how="left", maintain_order="left")["group"]

    def without(self, found: pl.DataFrame) -> "Sides":
        """The same, but what may shape a model holds nothing of what was found: that is withheld.

        Args:
            found: `id` of a preference and `reason`; those on other sides stay there.
        """
        kept_out = pl.col("id").is_in(found["id"].implode())
        withheld = self.seen.filter(kept_out)
        return replace(
            self,
            train=self.train.filter(~kept_out),
            validation=self.validation.filter(~kept_out),
            withheld=pl.concat([self.withheld, withheld]),
            reasons=pl.concat([self.reasons, found.join(withheld, on="id", how="semi", maintain_order="left")]),
        )


def split(preferences: pl.DataFrame, shares: Split, memory: Path | None = None) -> Sides:
    """Share out.

    Args:
        preferences: records of `Preference` in the order they landed.
        shares: of each side. Test and validation have theirs of the prompt groups of every source and user group, which
            one being said by the first preference of a group.
        memory: a folder to remember in what a prompt is looked up by, and where it went; what is new is then all that
            takes time.
    """
    shared = share_out([preferences.lazy()], shares, memory)
    frames = {name: preferences.filter(shared["side"] == name) for name in SIDES}
    return Sides(
        **frames,
        reasons=frames["withheld"].select("id", reason=pl.lit("its prompt is like prompts on two different sides")),
        groups=preferences.select("id").hstack([shared["group"]]).unique("id", maintain_order=True),
    )
