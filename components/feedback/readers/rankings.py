"""Makes preferences of answers to one prompt that somebody put in order. Knows no format.

The best answer is preferred to each of the others. Neighbours in a ranking say least (a judge who ranks seven answers
swaps two neighbours easily) and would teach a bad answer over a worse one; the best against the rest teaches only good
answers, and grows with the number of answers, not with its square.
"""

import polars as pl


def best_against_rest(answers: pl.DataFrame, by: str, widest: pl.Expr) -> pl.DataFrame:
    """Pair the best answer to each prompt with all that are worse; where several are best, each of them.

    Args:
        answers: one a row: `answer`, `rank` (the smaller the better), the column `by`, and others that are kept.
        by: the column that is the same for answers to one prompt.
        widest: the largest distance between two ranks there can be, as an expression over `answers`.

    Returns:
        A row for each pair, with the columns of the better answer and `chosen`, `rejected` and `strength`, the
        distance of the two ranks as a share of the widest. Answers that are all equal give none.
    """
    best = answers.with_columns(widest=widest).filter(pl.col("rank") == pl.col("rank").min().over(by))
    others = answers.select(by, rejected="answer", lower="rank")
    return (
        best.join(others, on=by, maintain_order="left_right")
        .filter(pl.col("lower") > pl.col("rank"))
        .with_columns(chosen="answer", strength=(pl.col("lower") - pl.col("rank")) / pl.col("widest"))
        .drop("answer", "lower", "widest")
    )
