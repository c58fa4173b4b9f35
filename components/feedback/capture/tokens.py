"""Finds keys, tokens and passwords. Knows their shapes, and the words people put before them."""

import re

from components.feedback.capture.detector import Detector

PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:[^-]|-(?!-)){0,20000}-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
    r"|(?:\s{0,4}[A-Za-z0-9+/=]{40,128}){0,400})"  # the end was cut off
)

JWT = re.compile(r"(?<![\w-])eyJ[\w-]{8,8192}\.eyJ[\w-]{4,16384}\.[\w-]{0,8192}", re.A)

WITH_UNDERSCORE = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"[rs]k_(?=[\w-]{0,99}?\d)[\w-]{16,250}"  # Stripe
    r"|gh[oprsu]_[A-Za-z0-9]{20,255}|github_pat_\w{20,255}"
    r"|hf_[A-Za-z0-9]{20,64}|heed_[\w-]{32,64}|npm_[A-Za-z0-9]{30,64}|gsk_[A-Za-z0-9]{30,128}"
    r"|whsec_[A-Za-z0-9+/]{20,128}|shp(?:at|ca|ss)_[a-fA-F0-9]{32}|dop_v1_[a-f0-9]{64}"
    r")",
    re.A,
)
WITH_HYPHEN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"[rs]k-(?=[\w-]{0,99}?\d)[\w-]{16,250}"  # OpenAI, Anthropic
    r"|glpat-[\w-]{16,255}|xox[a-z]-[\w-]{10,255}|xapp-[\w-]{20,255}"  # GitLab, Slack
    r"|gocspx-[\w-]{20,64}|pypi-[\w-]{40,512}|xai-[A-Za-z0-9]{30,128}"
    r")",
    re.A | re.I,
)
WITH_NEITHER = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"  # AWS
    r"|AIza[\w-]{30,64}|ya29\.[\w-]{20,512}"  # Google
    r"|SG\.[\w-]{16,64}\.[\w-]{16,128}|\d{8,10}:AA[\w-]{32,40}"  # SendGrid, Telegram
    r")",
    re.A,
)

BEARER = re.compile(r"(?i:(?<!\w)bearer[ \t]{1,3})(?P<it>(?=[^\s\d]{0,99}\d)[A-Za-z0-9._~+/=-]{12,4096})")
BASIC = re.compile(r"(?i:authorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?basic\s{1,3})(?P<it>[A-Za-z0-9+/=]{8,512})")
IN_URL = re.compile(r"(?<=://)[^\s/:@\[\]]{0,100}:(?P<it>[^\s/@\[\]]{1,200})@")

PASSWORD = (
    "pass(?:word|wd|phrase|code|wort)|pwd|kennwort|contraseña|mot de passe|senha|wachtwoord|пароль|密码|密碼|パスワード"
)
KEY = "secret|token|(?:api|access|secret|private|auth|account|signing|encryption|master)[ _-]?key|credential"
SAID = r"[\"'`]?\s{0,3}(?:=>|:=|[=:：]|(?<=[\s\"'`])(?:is|ist|est|es)(?:\s?[:：]|(?=\s)))\s{0,3}[\"'`]?"
VALUE = r"(?P<it>[^\s\"'`,;<>\[\](){}]{6,256}+)(?![(\[])"
TOLD_PASSWORD = re.compile(rf"(?i:{PASSWORD}){SAID}{VALUE}")
TOLD_KEY = re.compile(rf"(?i:{KEY})s?{SAID}{VALUE}")


def _like_a_password(match: re.Match[str]) -> bool:
    """Not a word, nor a name in code: it has digits, or signs that words have not."""
    value = match["it"].rstrip(".!?")
    return len(value) >= 6 and (any(map(str.isdecimal, value)) or re.search(r"\w[!@#$%^&*?~+]\w?", value) is not None)


def _like_a_key(match: re.Match[str]) -> bool:
    """Letters and digits, many of them, and no version or name of a model."""
    value = match["it"].rstrip(".!?")
    digits = sum(map(str.isdecimal, value))
    mixed = len(value) >= 16 and value != value.lower() and value != value.upper()
    return len(value) >= 8 and digits >= (1 if mixed else 2) and any(map(str.isalpha, value))


WITH_HYPHEN_HINTS = ("sk-", "rk-", "glpat-", "xox", "xapp-", "gocspx-", "pypi-", "xai-")
WITH_NEITHER_HINTS = ("akia", "asia", "aiza", "ya29.", "sg.", ":aa")
PASSWORD_HINTS = ("pass", "pwd", "kennwort", "contras", "senha", "wachtw", "пароль", "密码", "密碼", "パスワード")
KEY_HINTS = ("secret", "token", "key", "credential")

SECRETS = (
    Detector("secret", PRIVATE_KEY, hints=("private key",)),
    Detector("secret", JWT, hints=("eyj",)),
    Detector("secret", WITH_UNDERSCORE, hints=("_",)),
    Detector("secret", WITH_HYPHEN, hints=WITH_HYPHEN_HINTS),
    Detector("secret", WITH_NEITHER, hints=WITH_NEITHER_HINTS),
    Detector("secret", BEARER, hints=("bearer",)),
    Detector("secret", BASIC, hints=("basic",)),
    Detector("secret", IN_URL, hints=("://",)),
    Detector("secret", TOLD_PASSWORD, _like_a_password, PASSWORD_HINTS),
    Detector("secret", TOLD_KEY, _like_a_key, KEY_HINTS),
)
