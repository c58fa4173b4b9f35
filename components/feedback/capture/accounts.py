"""Finds numbers of accounts: payment cards and IBANs. Their check digits tell them from other numbers."""

import re
from collections import defaultdict

from components.feedback.capture.detector import Detector

IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27,
    "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25,
    "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18,
    "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33,
    "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28,
    "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip
"""Country to the characters of its IBANs (the SWIFT registry)."""

GAP = "[ \u00a0\u202f-]?"

GROUPED = (
    r"\d{4}([ .\u00a0-]?)\d{4}\1\d{4}\1\d{4}\1\d{3}",
    r"\d{4}([ .\u00a0-]?)\d{4}\1\d{4}\1\d{4}",
    r"\d{4}([ .\u00a0-]?)\d{6}\1\d{4,5}",
    r"\d{4}([ .\u00a0-]?)\d{4}\1\d{4}\1\d{1,3}",
)
"""How card numbers are grouped; without gaps, that is 19, 16, 14 to 15 and 13 to 15 digits."""

# First digits and lengths: American Express, Visa, Mastercard, UnionPay, Diners, JCB, Discover, Mir, Maestro.
ISSUED = re.compile(
    r"3[47]\d{13}|4\d{12}(?:\d{3}(?:\d{3})?)?|5[1-5]\d{14}|2[2-7]\d{14}|62\d{14}(?:\d{3})?|3(?:0[0-5]|[689]\d)\d{11}"
    r"|35\d{14}|6(?:011|4[4-9]\d|5\d\d)\d{12}|(?:50|5[6-9]|6[0-9])\d{11,17}",
)


def _iban_pattern() -> re.Pattern[str]:
    countries = defaultdict(list)
    for country, length in IBAN_LENGTHS.items():
        countries[length].append(country)
    kinds = (
        rf"(?:{'|'.join(countries[length])}){GAP}\d{GAP}\d(?:{GAP}[A-Z0-9]){{{length - 4}}}"
        for length in sorted(countries, reverse=True)
    )
    return re.compile(rf"(?<![A-Za-z0-9])(?=[A-Z]{{2}}{GAP}\d{GAP}\d)(?:{'|'.join(kinds)})(?![A-Za-z0-9])", re.I | re.A)


def _checks_as_iban(match: re.Match[str]) -> bool:
    """ISO 7064: with the first four characters last and letters as 10 to 35, the number leaves 1 modulo 97."""
    iban = re.sub(r"[^A-Z0-9]", "", match[0].upper())
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


def _checks_as_card(match: re.Match[str]) -> bool:
    """A known issuer's digits, and Luhn's sum: every second from the right doubled, its digits added."""
    digits = [int(character) for character in match[0] if character.isdecimal()]
    if not ISSUED.fullmatch("".join(map(str, digits))):
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


IBANS = (Detector("iban", _iban_pattern(), _checks_as_iban),)
CARDS = tuple(
    Detector("card", re.compile(rf"(?<!\w)(?<!\d[.,-]){grouped}(?!\w|[.,-]\d)"), _checks_as_card) for grouped in GROUPED
)
