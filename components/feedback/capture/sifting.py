"""Finds out quickly which of many texts have to be looked at for personal data. Knows no more than what masking tells.

Masking looks at one text at a time, and at each for every kind of sign. Here one pass of a linear-time regular
expression over all texts of a batch, without the interpreter's lock, finds those that have any sign at all.
"""

import re
from collections.abc import Sequence

import polars as pl

from components.feedback.capture.addresses import IPV4_HINT
from components.feedback.capture.masking import ANY, LONG_NUMBER, WITHOUT_NUMBERS

COLONS = 6
"""More of them make masking look for addresses."""

HINTS = sorted({hint for detector in WITHOUT_NUMBERS for hint in detector.hints})
SIGNS = "(?i)" + "|".join([LONG_NUMBER.pattern, IPV4_HINT.pattern, "::", *map(re.escape, HINTS)])


def suspects(texts: Sequence[str]) -> set[str]:
    """The texts in which masking may find something; it would leave the others as they are.

    Args:
        texts: shape (n,).
    """
    column = pl.Series(texts, dtype=pl.String)
    signs = column.str.contains(SIGNS) | (column.str.count_matches(":", literal=True) > COLONS)
    return set(column.filter(signs & column.str.contains(ANY.pattern)))
