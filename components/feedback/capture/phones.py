"""Finds telephone numbers, as people in many countries write them. Knows nothing of who answers.

A number without a country's code is taken for a telephone number where it is grouped as some country groups them, or
where a word before it says so. Dates, prices, order numbers and ISBNs look much the same and are left.
"""

import re

from components.feedback.capture.detector import Detector

GAP = r"[ .\-/()\u00a0\u2011\u202f]{0,3}"
LETTER = r"A-Za-z_À-ɏͰ-ӿ"
"""No scripts that are written without spaces: there a number may stand right beside a word."""

BEFORE = rf"(?<![\d{LETTER}$€£¥#+.,/-])(?<!\d )(?<!\d\u00a0)"
AFTER = rf"(?![\d{LETTER}]|[.,-]\d| ?[%€$£¥])"

# The code of the country first; 00 for + where a gap shows that it is no order number.
INTERNATIONAL = rf"(?:\+|\b00(?=\d{{1,3}}[ .\-/(])){GAP}[1-9](?:{GAP}\d){{6,14}}"

NATIONAL = (
    r"(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])\d{3}[ .-]\d{4}",  # North America
    r"\(?0\d\)?(?:[ .-]\d\d){4}",  # France
    rf"\(?0\(?[1-9]\d?\)?(?:{GAP}\d){{7,10}}",  # a trunk 0: most of Europe, Australia, Japan, Korea, South Africa
    r"1[38]00[ -]\d{3}[ -]\d{3}",  # Australia
    r"8[ -]?\(?\d{3}\)?[ -]\d{3}[ -]?\d{2}[ -]?\d{2}",  # Russia
    r"\(\d{2}\) ?9?\d{4}[ -]\d{4}",  # Brazil
    r"1[3-9]\d(?:[ -]?\d{4}){2}",  # China
    r"[6-9]\d{4}[ -]\d{5}",  # India
)
NUMBER = re.compile(rf"{BEFORE}(?:{INTERNATIONAL}|{'|'.join(NATIONAL)}){AFTER}")

WORDS = (
    "phone|tel|telefon|telephone|téléphone|telefono|teléfono|telefone|mobile|mobil|mob|cell|móvil|celular|cellulare|"
    "portable|handy|rufnummer|whatsapp|sms|fax|call|calling|call me|call us|"
    "ring|ring me|text me|reach me|reach us|reached|anrufen|тел|телефон|电话|電話|手机|手機|전화|फ़ोन|هاتف"
)
LEADING = "number|no|nr|nummer|numéro|número|is|est|ist|es|at|on"
CALLED = re.compile(
    rf"(?i:(?<![{LETTER}])(?:{WORDS})(?![{LETTER}])[^\w\n+(]{{0,3}}(?:(?:{LEADING})[^\w\n+(]{{1,3}}){{0,3}})"
    rf"(?P<it>[(+]?\d(?:{GAP}\d){{6,14}})(?![\d{LETTER}]|[.,]\d)"
)

DATE = re.compile(r"\d{1,2}([./-])\d{1,2}\1(?:19|20)\d{2}(?!\d)|(?:19|20)\d{2}([./-])\d{1,2}\2\d{1,2}(?!\d)")
OTHERWISE_CALLED = re.compile(
    r"(?<![A-Za-z])(?:isbn|issn|order|invoice|bestellung|rechnung|ticket|case|sku|ref|reference|serial|tracking|id|part|item|no|nr|"
    r"account|konto|article)(?:[ -]?(?:number|no|nr|1[03]))?[.:#]{0,2} ?#?\Z",
    re.I,
)
"""What stands before a number that is none to call."""

POSTCODE = re.compile(r"\d{5}-\d{4}")


def _can_be_called(match: re.Match[str]) -> bool:
    """Whether it has as many digits as telephone numbers have, and is no date."""
    written = match["it"] if "it" in match.re.groupindex else match[0]
    return 7 <= sum(map(str.isdecimal, written)) <= 15 and not DATE.match(written)


def _looks_called(match: re.Match[str]) -> bool:
    """`_can_be_called`, where no word says that it is; it must not be said to be something else either."""
    written = match[0]
    before = match.string[max(0, match.start() - 24) : match.start()]
    otherwise = (
        POSTCODE.fullmatch(written)
        or OTHERWISE_CALLED.search(before)
        or (written.isdecimal() and written.startswith("0") and len(written) > 11)  # as on the goods in a shop
    )
    return _can_be_called(match) and (written.startswith("+") or not otherwise)


PHONES = (Detector("phone", CALLED, _can_be_called), Detector("phone", NUMBER, _looks_called))
