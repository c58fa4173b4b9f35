"""Makes records of two answers by models set side by side and what people thought of them. Knows no format.

The answers are interactions, so that nothing said of them is lost, whether it makes a preference or not:

- a vote for one answer, all or nothing, is a `choice`; the pair is built from it, with its provenance, as from any;
- a graded preference is a preference at once, because a choice has no strength;
- a tie prefers neither: two ratings of 0;
- a vote against both is two thumbs down.
"""

import polars as pl

from components.feedback.readers.conversations import answered, answers, followups, identified

SIDES = ("a", "b")
ABOUT = ("user", "group", "language", "created_at")


def voted(battles: pl.DataFrame, source: str) -> dict[str, pl.DataFrame]:
    """Records of two whole conversations and one vote.

    The vote is about where the conversations end: it names their last answers. What the user says between is a
    followup about the answer before it, on both sides.

    Args:
        battles: `line`, `row`, `reason`, unique in `line`; `user`, `group`, `language`, `created_at`; `model_a`,
            `model_b`; `a`, `b` (messages, shown in this order); `verdict`: "a", "b", "tie" or "neither"; null where
            nobody voted.
        source: the format's name.

    Returns:
        "interactions" and "feedback" with `line`, `row`, `reason`; battles with a reason are among the interactions.
    """
    bad = battles.filter(pl.col("reason").is_not_null()).select("line", "row", "reason")
    sound = battles.filter(pl.col("reason").is_null())
    turns = {side: _turns(sound, side) for side in SIDES}
    told = {side: _answers(sound, turns[side], side, source) for side in SIDES}
    verdicts = sound.drop(SIDES).with_columns(text=pl.lit(None, pl.String))
    for side, given in told.items():
        last = given.group_by("line").agg(pl.col("id").last().alias(side))
        verdicts = verdicts.join(last, on="line", how="left", maintain_order="left")
    said_between = [_said_between(turns[side], told[side]) for side in SIDES]
    heard = pl.concat([*said_between, _choices(verdicts), _equals(verdicts)])
    interactions = pl.concat([*told.values(), bad], how="diagonal").drop("answer")
    return {
        "interactions": interactions.sort("line", maintain_order=True),
        "feedback": heard.sort("line", maintain_order=True),
    }


def _turns(battles: pl.DataFrame, side: str) -> pl.DataFrame:
    """The turns of one side's conversations, as `conversations.answers` takes them."""
    numbers = pl.int_ranges(1, pl.col(side).list.len().cast(pl.Int64) + 1)
    return answered(battles.select("line", pl.col(side), turn=numbers).explode(side, "turn").unnest(side))


def _answers(battles: pl.DataFrame, turns: pl.DataFrame, side: str, source: str) -> pl.DataFrame:
    about = battles.select("line", "row", "reason", *ABOUT, model=f"model_{side}")
    told = answers(turns).join(about, on="line", maintain_order="left")
    return identified(told.with_columns(source=pl.lit(source)))


def _said_between(turns: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """What the user said after each answer but the last."""
    about = told.select("line", "answer", "row", "reason", *ABOUT, interaction="id")
    return _feedback(followups(turns).join(about, on=["line", "answer"], maintain_order="left"))


def graded(pairs: pl.DataFrame, grades: pl.DataFrame, source: str, *, as_shown: bool) -> dict[str, pl.DataFrame]:
    """Records of pairs of answers to one prompt and how much better each rater found one of them.

    Args:
        pairs: `line`, `row`, `reason`, unique in `line`; `prompt`, `a`, `b` (messages), `model_a`, `model_b`,
            `language`.
        grades: one row for each rater of a pair: `line`, `reason`; `user` (who the rater is), `margin` (from 1, a is
            better beyond doubt, to -1, b is; 0 for a tie; null for a rater who rejects both), `text` (why), and
            `say_a`, `say_b` (what the rater says of each answer; null where nothing). Grades of pairs with a reason
            are left out.
        source: the format's name.
        as_shown: whether raters saw a first and b second; else nobody knows what they saw first.

    Returns:
        "interactions", "feedback" and "preferences" with `line`, `row`, `reason`. What is wrong with a pair stands
        among the interactions, with a grade among the preferences. The raters of one pair share the weight of one.
    """
    bad = pairs.filter(pl.col("reason").is_not_null()).select("line", "row", "reason")
    sound = pairs.filter(pl.col("reason").is_null())
    told = {
        side: identified(
            sound.select(
                "line",
                "row",
                "reason",
                "prompt",
                "language",
                response=side,
                model=f"model_{side}",
                user=pl.lit(None, pl.String),
                source=pl.lit(source),
                created_at=pl.lit(None, pl.Datetime("us", "UTC")),
            )
        )
        for side in SIDES
    }
    interactions = pl.concat([*told.values(), bad], how="diagonal").sort("line", maintain_order=True)

    about = sound.with_columns(told[side]["id"].alias(f"id_{side}") for side in SIDES).drop("reason")
    judged = grades.join(about, on="line", maintain_order="left")
    valid = judged.filter(pl.col("reason").is_null()).with_columns(
        group=pl.lit(None, pl.String), created_at=pl.lit(None, pl.Datetime("us", "UTC"))
    )
    verdict = (
        pl.when(pl.col("margin").is_null()).then(pl.lit("neither")).when(pl.col("margin") == 0).then(pl.lit("tie"))
    )
    equals = _equals(valid.with_columns(a="id_a", b="id_b", verdict=verdict))
    comments = [
        valid.filter(pl.col(f"say_{side}").str.strip_chars() != "").with_columns(
            interaction=f"id_{side}", kind=pl.lit("comment"), text=f"say_{side}"
        )
        for side in SIDES
    ]
    feedback = pl.concat([equals, *(_feedback(said) for said in comments)])
    problems = judged.filter(pl.col("reason").is_not_null()).select("line", "row", "reason")
    return {
        "interactions": interactions,
        "feedback": feedback.sort("line", maintain_order=True),
        "preferences": pl.concat([_preferred(valid, as_shown), problems], how="diagonal").sort(
            "line", maintain_order=True
        ),
    }


def _preferred(valid: pl.DataFrame, as_shown: bool) -> pl.DataFrame:
    first = pl.col("margin") > 0
    return (
        valid.with_columns(weight=1.0 / pl.len().over("line"))
        .filter(pl.col("margin") != 0)
        .select(
            "line",
            "row",
            "reason",
            "prompt",
            "language",
            "weight",
            chosen=pl.when(first).then("a").otherwise("b"),
            rejected=pl.when(first).then("b").otherwise("a"),
            position=pl.when(as_shown).then(_place(first)),
            strength=pl.col("margin").abs(),
            rater="user",
        )
    )


def _choices(verdicts: pl.DataFrame) -> pl.DataFrame:
    """One answer was taken: `a`, `b` are the ids of the two."""
    first = pl.col("verdict") == "a"
    taken = verdicts.filter(pl.col("verdict").is_in(SIDES))
    return _feedback(
        taken.with_columns(
            kind=pl.lit("choice"),
            interaction=pl.when(first).then("a").otherwise("b"),
            other=pl.when(first).then("b").otherwise("a"),
            position=_place(first),
        )
    )


def _place(first: pl.Expr) -> pl.Expr:
    return pl.when(first).then(1).otherwise(2)


def _equals(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Both answers were found alike: ratings of 0 for a tie, thumbs down where neither is any good."""
    alike = verdicts.filter(pl.col("verdict").is_in(("tie", "neither")))
    down = pl.col("verdict") == "neither"
    alike = alike.with_columns(
        kind=pl.when(down).then(pl.lit("thumb")).otherwise(pl.lit("rating")),
        score=pl.when(down).then(-1.0).otherwise(0.0),
    )
    return pl.concat(_feedback(alike.with_columns(interaction=side)) for side in SIDES)


def _feedback(told: pl.DataFrame) -> pl.DataFrame:
    """The columns of feedback, those that are missing as null."""
    return told.select(
        "line",
        "row",
        "reason",
        "interaction",
        "kind",
        (pl.col("score") if "score" in told.columns else pl.lit(None, pl.Float64)).alias("score"),
        (pl.col("other") if "other" in told.columns else pl.lit(None, pl.String)).alias("other"),
        (pl.col("position") if "position" in told.columns else pl.lit(None)).cast(pl.Int64).alias("position"),
        "text",
        "user",
        "group",
        "created_at",
    )
