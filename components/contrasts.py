"""What sets two answers apart, as numbers: words, form, and how well each goes with what was asked. Knows no labels.

Nothing here is learned from which answer was preferred, so a model of preferences can be judged on the same pairs.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import sparse
from sklearn.decomposition import TruncatedSVD

from components.records.messages import asked, text_of

WORDS = 2**14  # columns that words are hashed into
TOPICS = 32
LONGEST = 4000  # characters of a text that are read
FORM = (r"\w+", r"[.!?。！？]+", r"\n", r"[?？]", r"(?m)^\s*(?:[-*•]|\d+[.)])\s", r"`")
"""Words, sentences, lines, questions, list items, code: the patterns whose occurrences are counted."""


@dataclass(frozen=True)
class Reader:
    """Reads pairs as numbers.

    Attributes:
        rarity: inverse document frequency of each hashed word, shape (WORDS,).
        topics: hashed words to topics, by latent semantic analysis, shape (WORDS, topics).
        spread: standard deviation of each column that is no word, shape (columns,).
    """

    rarity: np.ndarray
    topics: np.ndarray
    spread: np.ndarray

    def read(self, pairs: pl.DataFrame) -> sparse.csr_matrix:
        """What chosen has more than rejected.

        Args:
            pairs: records of `Preference`, shape (n,).

        Returns:
            Shape (n, WORDS + columns). Words by whether they occur; the columns are how well the answer goes with the
            prompt in each topic, in all of them, and for its length; variety; form. All but words in units of `spread`.
        """
        prompt = _unit(self._topics_of(_words(_prompts(pairs))))
        (chosen, chosen_rest), (rejected, rejected_rest) = (
            self._described(prompt, _answers(pairs, side)) for side in ("chosen", "rejected")
        )
        rest = (chosen_rest - rejected_rest) / self.spread
        return sparse.hstack([chosen - rejected, sparse.csr_matrix(rest)]).tocsr()

    def _described(self, prompt: np.ndarray, answers: pl.Series) -> tuple[sparse.csr_matrix, np.ndarray]:
        words = _words(answers)
        found = self._topics_of(words)
        shared = prompt * found
        fit = [shared, shared.sum(1, keepdims=True), (prompt * _unit(found)).sum(1, keepdims=True)]
        return words.sign(), np.hstack([*fit, _variety(words), _form(answers)])

    def _topics_of(self, words: sparse.csr_matrix) -> np.ndarray:
        return np.asarray(words.sign() @ (self.rarity[:, None] * self.topics))


def reader(pairs: pl.DataFrame) -> Reader:
    """Learn from prompts and their answers which words are rare and which go together.

    Args:
        pairs: records of `Preference`; which answer was chosen does not matter.
    """
    prompt = _words(_prompts(pairs))
    documents = sparse.vstack([prompt + _words(_answers(pairs, side)) for side in ("chosen", "rejected")]).sign()
    rarity = np.log((1 + documents.shape[0]) / (1 + np.asarray(documents.sum(0)).ravel()))
    analysis = TruncatedSVD(min(TOPICS, documents.shape[0] - 1), random_state=0)
    analysis.fit(documents.multiply(rarity).tocsr())
    plain = Reader(rarity, analysis.components_.T, np.ones(1))
    spread = plain.read(pairs)[:, WORDS:].toarray().std(0)
    return Reader(plain.rarity, plain.topics, np.where(spread > 0, spread, 1.0))


def _prompts(pairs: pl.DataFrame) -> pl.Series:
    return pairs.select(asked(pl.col("prompt")).fill_null("").str.tail(LONGEST)).to_series()


def _answers(pairs: pl.DataFrame, side: str) -> pl.Series:
    return pairs.select(text_of(pl.col(side)).fill_null("").str.head(LONGEST)).to_series()


def _words(texts: pl.Series) -> sparse.csr_matrix:
    """Count hashed words: shape (n, WORDS)."""
    found = (
        texts.to_frame("text")
        .with_row_index("row")
        .select("row", word=pl.col("text").str.to_lowercase().str.extract_all(r"\w+|[^\w\s]"))
        .explode("word", empty_as_null=False)
    )
    columns = found.select(pl.col("word").hash(seed=0) % WORDS).to_series().to_numpy()
    counts = np.ones(found.height, dtype=np.float32)
    return sparse.csr_matrix((counts, (found["row"].to_numpy(), columns)), shape=(len(texts), WORDS))


def _variety(words: sparse.csr_matrix) -> np.ndarray:
    """The share of words that are not said again: shape (n, 1)."""
    distinct, all_ = (np.asarray(counts.sum(1)) for counts in (words.sign(), words))
    return distinct / np.maximum(all_, 1)


def _form(texts: pl.Series) -> np.ndarray:
    """Logarithms of the counts of characters that are seen and of `FORM`: shape (n, 1 + forms)."""
    seen = texts.str.len_chars() - texts.str.count_matches(r"\s")
    counts = [seen.alias("seen"), *(texts.str.count_matches(pattern).alias(pattern) for pattern in FORM)]
    return pl.DataFrame(counts).select(pl.all().cast(pl.Float64).log1p()).to_numpy()


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
