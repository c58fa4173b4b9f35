"""What a person can see that sets two answers apart, as numbers with names. Knows nothing of which is preferred.

Words are words where a script parts them; where it does not (Japanese, Chinese, Korean) each character is one.
"""

import polars as pl

from components.phrases import FORMS, REFUSES, opening, says
from components.validation.pairs import answers, question

LONGEST = 4000
"""Characters of a text that are read."""

RAREST = 20
"""Pairs that have to differ in a feature, or it is left out."""

_UNPARTED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}ー"
WORD = rf"[{_UNPARTED}]|[\w--{_UNPARTED}]+"

ENDS_ASKING = r"[?\x{FF1F}][\s\"'”」』)]*$"

COUNTED: dict[str, tuple[str, ...]] = {
    "sentences": (r"[.!?。\x{FF01}\x{FF1F}]+",),
    "paragraphs": (r"\n\s*\n",),
    **{name: (pattern,) for name, pattern in FORMS.items()},
    "brackets": (r"[(\[{\x{FF08}【「『〈《]",),
    "digits": (r"\d+",),
    "exclamations": (r"[!\x{FF01}]",),
    "first_person": (
        r"(?i)\b(?:i|me|my|mine|we|our|us|ich|mir|mich|je|moi|yo|eu|io)\b",
        r"私|僕|わたし|我们?",
    ),
    "second_person": (
        r"(?i)\b(?:you|your|yours|du|dich|dein|ihnen|vous|tu|usted|você)\b",
        r"あなた|你|您",
    ),
    "hedging": (
        r"(?i)\b(?:may|might|perhaps|possibly|probably|likely|seems?|generally|usually|often|sometimes|could be)\b",
        r"(?i)\b(?:it depends|vielleicht|wahrscheinlich|peut-être|quizás?|talvez)\b",
        r"かもしれ|でしょう|と思われ|可能|也许|或许",
    ),
    "apology": (
        r"(?i)\b(?:sorry|apologi[sz]e|apologies|entschuldig\w*|désolée?|lo siento|desculp\w*)\b",
        r"すみません|申し訳|抱歉|对不起",
    ),
    "politeness": (
        r"(?i)\b(?:please|thank you|thanks|welcome|(?:happy|glad) to|gladly)\b",
        r"(?i)\b(?:bitte|danke|gerne?|merci|s['’]il vous plaît|por favor|gracias|obrigad[oa])\b",
        r"ください|下さい|ありがとう|どうぞ|ございます|请|谢谢",
    ),
}
"""Patterns whose occurrences are counted together."""


def differences(pairs: pl.DataFrame) -> pl.DataFrame:
    """How much more of each feature chosen has than rejected.

    Counts and lengths are compared as logarithms, so that the second list item says more than the twentieth.

    Args:
        pairs: records of `Preference`, shape (n,).

    Returns:
        Shape (n, k), a column a feature, each in standard deviations of its own; without features in which hardly any
        of the pairs differ.
    """
    asked = question(pairs).str.head(LONGEST)
    chosen, rejected = (_seen(answers(pairs, side).str.head(LONGEST), asked) for side in ("chosen", "rejected"))
    apart = chosen.select(pl.col(name) - rejected[name] for name in chosen.columns)
    told = [name for name in apart.columns if (apart[name].abs() > 0).sum() >= RAREST]
    # About zero and not about the mean: that chosen has more of it on the whole is what is looked for.
    return apart.select(pl.col(name) / (pl.col(name) ** 2).mean().sqrt() for name in told)


def _seen(texts: pl.Series, asked: pl.Series) -> pl.DataFrame:
    """The features of each text by itself."""
    said = pl.DataFrame({"text": texts, "refuses": says(opening(texts), REFUSES), "asked": asked}).lazy()
    text = pl.col("text")
    words = said.with_columns(
        words=text.str.to_lowercase().str.extract_all(WORD),
        asked_words=pl.col("asked").str.to_lowercase().str.extract_all(WORD),
    ).with_columns(distinct=pl.col("words").list.unique())
    count, different = (pl.col(name).list.len().clip(1).cast(pl.Float64) for name in ("words", "distinct"))
    letters = pl.col("words").list.eval(pl.element().str.len_chars()).list.sum()
    shared = pl.col("distinct").list.set_intersection("asked_words").list.len()
    return words.select(
        length=text.str.len_chars().cast(pl.Float64).log1p(),
        **{name: _count(text, patterns).log1p() for name, patterns in COUNTED.items()},
        question_back=text.str.contains(ENDS_ASKING).cast(pl.Float64),
        refusal=pl.col("refuses").cast(pl.Float64),
        overlap=shared / different,
        variety=(different / count).log(),
        word_length=letters / count,
    ).collect()


def _count(text: pl.Expr, patterns: tuple[str, ...]) -> pl.Expr:
    return pl.sum_horizontal(text.str.count_matches(pattern) for pattern in patterns).cast(pl.Float64)
