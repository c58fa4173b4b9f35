"""Makes checklists of what users say they want, in their own words. Knows nothing of how answers are checked."""

import polars as pl

from components.preferences.evidence import with_raters
from components.records.schemas import Checklist, as_records

WISHFUL_RUBRICS = ("revision", "style", "insufficient_detail")
WISHFUL_WORDS = (
    r"(?i)\b(please|pls|should(n.?t)?|must(n.?t)?|want(ed)?|wish|prefer|would like|i.?d like|need(ed)?|hop(ing|ed) for"
    r"|don.?t|do not|avoid|stop|without|instead|leave out|remove|drop|skip|keep|stick to|only|use|add|include|give me"
    r"|make it|say it|write|rewrite|rephrase|explain|shorten|simplify|translate|summari[sz]e|elaborate|expand"
    r"|shorter|longer|simpler|clearer|briefer|brief|concise|more|less|fewer|too (long|short|much|many|few|little))\b"
)
LONGEST = 300  # characters; more is a text to work on, of which only the words that show the wish are taken
SPOKEN = ("followup", "comment")


def checklists(said: pl.DataFrame, known: pl.DataFrame, signals: pl.DataFrame) -> pl.DataFrame:
    """What each user wants of the answer to each prompt they spoke about.

    A comment or complaint is a wish where its rubric says so (it asks for a revision, another style, more detail), or
    where it is worded as one. Thanks are no wish, nor is a follow-up that no detector found a complaint in: it asks
    something new. The same wish in other capitals or signs is said once.

    Args:
        said: as `evidence.evidence` gives it.
        known: interactions as `evidence.keyed` gives them.
        signals: records of `Signal`.

    Returns:
        Records of `Checklist`.
    """
    wishes = _wishes(said, signals).with_columns(
        # Nobody known may be anybody: what they want of one answer is one person's wish.
        anybody=pl.when(pl.col("user").is_null()).then("interaction"),
        plain=pl.col("wish").str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars(),
    )
    whose = ["who", "prompt_key", "anybody"]
    lists = (
        wishes.unique([*whose, "plain"], keep="first", maintain_order=True)
        .group_by(whose, maintain_order=True)
        .agg(
            pl.col("created_at").max(),
            about=pl.col("interaction").first(),
            wishes="wish",
            provenance="feedback",
        )
    )
    return as_records(with_raters(lists, said, known), Checklist).unique("id", keep="first", maintain_order=True)


def _wishes(said: pl.DataFrame, signals: pl.DataFrame) -> pl.DataFrame:
    """Feedback that states a wish, with the words that do (`wish`), oldest first."""
    disliked = pl.col("polarity") == "dissatisfied"
    by_rubric = disliked & pl.col("rubric").is_in(WISHFUL_RUBRICS)
    read = signals.group_by("feedback").agg(
        by_rubric=by_rubric.any(), evidence=pl.col("evidence").filter(disliked).first()
    )
    text = pl.col("text").str.strip_chars()
    words = pl.when(text.str.len_chars() <= LONGEST).then(text).otherwise("evidence").str.strip_chars()
    complained = pl.col("said") < 0
    unread_comment = (pl.col("kind") == "comment") & (pl.col("said") == 0)
    return (
        said.filter(pl.col("kind").is_in(SPOKEN), pl.col("prompt_key").is_not_null())
        .join(read, on="feedback", how="left", maintain_order="left")
        .with_columns(wish=words)
        .filter(
            pl.col("wish").str.contains(r"[\p{L}\p{N}]"),
            (complained & pl.col("by_rubric").fill_null(False))
            | ((complained | unread_comment) & pl.col("wish").str.contains(WISHFUL_WORDS)),
        )
    )
