"""What counts as the same words. Knows nothing of where texts come from, or what is compared with what."""

import polars as pl

UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
"""Scripts that put no space between words: each of their signs counts as a word."""


def words_of(text: pl.Expr) -> pl.Expr:
    """A column of texts without case, punctuation and compatible forms: words with one space between them.

    A text of nothing but signs has no words; it is its own text.
    """
    plain = text.str.normalize("NFKC").str.to_lowercase().str.replace_all(UNSPACED, " ${0} ")
    words = plain.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars(" ")
    return pl.when(words == "").then(text).otherwise(words)


def spread(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """All words of a column that `words_of` made, each as a number that is the same for the same word.

    Args:
        texts: shape (n,), no nulls.

    Returns:
        64-bit hashes of the words in order, shape (words,), and how many each text has, at least 1, shape (n,).
        Hashes are the same in every process, but only for the same version of Polars.
    """
    words = texts.str.split(" ")
    return words.explode().hash(), words.list.len()
