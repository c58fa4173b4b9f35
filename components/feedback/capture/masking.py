"""Masks personal data in what people write, before it is kept. Knows nothing of where the text comes from.

Each kind has its detectors in a file of its own; here they are put in order. The first to see a text takes what it
knows: a card number would pass for a telephone number, and a password may hold anything.
"""

import re
from collections import Counter

from components.feedback.capture.accounts import CARDS, IBANS
from components.feedback.capture.addresses import EMAILS, IPS, IPV4_HINT
from components.feedback.capture.detector import Detector
from components.feedback.capture.phones import PHONES
from components.feedback.capture.tokens import SECRETS

ANY = re.compile(r"[\d@=:]")
"""Every text with personal data has one of these; most texts are through after this one look."""

LONG_NUMBER = re.compile(r"\d(?:\W{0,3}\d){6}")
"""Seven digits not far apart, as every number of a card, an account or a telephone has."""

WORK = 200_000
"""A text is gone through again until nothing is found in it, or until this many characters have been looked at.

What was hidden against its neighbour shows once that is masked. One more time does for all that people write; a text
made to take a thousand would stop the service.
"""

WITHOUT_NUMBERS = (*SECRETS, *EMAILS)
WITH_ADDRESSES = (*WITHOUT_NUMBERS, *IPS)
ALL = (*SECRETS, *EMAILS, *IBANS, *CARDS, *IPS, *PHONES)


def mask(text: str) -> tuple[str, dict[str, int]]:
    """Put "[email]", "[phone]", "[card]", "[iban]", "[ip]" or "[secret]" in place of personal data.

    The time it takes grows in proportion to the text, whatever is in it. Masking what was masked changes nothing,
    short of texts made so that it does (see `WORK`).

    Returns:
        The masked text, and how many of each kind were masked, without the kinds of which there were none.
    """
    counts: Counter[str] = Counter()
    looked_at = 0
    while looked_at < WORK and ANY.search(text):
        looked_at += len(text)
        text, found = _mask_once(text)
        counts += found
        if not found:
            break
    return text, dict(counts)


def _mask_once(text: str) -> tuple[str, Counter[str]]:
    counts: Counter[str] = Counter()
    lower = text.lower()
    for detector in _possible(text):
        if any(map(lower.__contains__, detector.hints)):
            text, found = detector.mask(text)
            if found:
                counts[detector.kind] += found
    return text, counts


def _possible(text: str) -> tuple[Detector, ...]:
    """The detectors, in their order, without those of numbers that are not there."""
    number = LONG_NUMBER.search(text) is not None
    address = "::" in text or text.count(":") > 6 or IPV4_HINT.search(text) is not None
    if number:
        return ALL
    return WITH_ADDRESSES if address else WITHOUT_NUMBERS
