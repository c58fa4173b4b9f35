"""Turns evidence into what a person looks at: every measure, every figure, the table of answers.

Knows nothing of how the evidence was gathered, or where the results are kept.
"""

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from components.config.settings import Evaluate
from components.evaluation.evidence import Evidence
from components.evaluation.metrics import METRICS
from components.evaluation.plots import (
    answers_figure,
    by_group_figure,
    margins_figure,
    reliability_diagram,
    win_rate_figure,
)
from components.records.handles import Estimate, Verdict
from components.records.messages import Message
from components.records.words import UNSPACED, words_of

TOLD_APART = 10
"""Answers that were won, and answers that were lost, in the table of the most different ones."""


def measure_all(evidence: Evidence, settings: Evaluate) -> dict[str, Estimate]:
    """Every metric there is.

    Returns:
        Estimates by name, the metrics in the order of the registry.
    """
    measures: dict[str, Estimate] = {}
    for measure in METRICS.values():
        measures |= measure(evidence, settings.resamples, settings.seed)
    return measures


def figures(evidence: Evidence, measures: dict[str, Estimate]) -> dict[str, Figure]:
    """Every figure there is, by the name of its file.

    Args:
        evidence: what was observed.
        measures: of that evidence, as `measure_all` returns them.
    """
    verdicts = evidence.answers.verdicts
    return {
        "win_rate.png": win_rate_figure(verdicts.challenger_wins[verdicts.judged], measures["policy/win_rate"]),
        "win_rate_by_group.png": by_group_figure(measures, "policy/win_rate"),
        "reliability.png": reliability_diagram(evidence.pairs.margins, measures["reward/ece"]),
        "margins.png": margins_figure(evidence.pairs.margins),
        "answers.png": answers_figure(answers_table(evidence)),
    }


def verdicts_of(evidence: Evidence) -> tuple[Verdict, ...]:
    """What the judge said of each pair of answers, in the order of the prompts."""
    answers = evidence.answers
    wins = answers.verdicts.challenger_wins.tolist()
    pairs = zip(wins, answers.verdicts.judged, answers.challenger, answers.champion, strict=True)
    return tuple(
        Verdict(win=win if judged else None, longer=len(challenger) - len(champion))
        for win, judged, challenger, champion in pairs
    )


def tables(evidence: Evidence) -> dict[str, pl.DataFrame]:
    """Every table there is, by the name of its file; that of what must pass only where anything must."""
    answers = answers_table(evidence)
    found = {"answers.json": answers, "most_different.json": most_different(answers)}
    return found | ({"must_pass.json": must_pass_table(evidence)} if evidence.must_pass.prompts else {})


def must_pass_table(evidence: Evidence) -> pl.DataFrame:
    """What both answered to the team's own prompts, what broke first.

    Returns:
        Columns prompt, champion, challenger (texts), champion_passes and challenger_passes; one row a prompt.
    """
    asked = evidence.must_pass
    table = pl.DataFrame(
        {
            "prompt": [_shown(prompt) for prompt in asked.prompts],
            "champion": asked.champion,
            "challenger": asked.challenger,
            "champion_passes": asked.champion_passes,
            "challenger_passes": asked.challenger_passes,
        }
    )
    return table.sort(~pl.col("champion_passes") | pl.col("challenger_passes"), maintain_order=True)


def answers_table(evidence: Evidence) -> pl.DataFrame:
    """What was asked, what both answered, and which was better.

    Returns:
        Columns prompt, champion, challenger (texts), verdict ("challenger", "champion", "tie" or "not judged"),
        consistent (whether the judge said so in both orders) and why (in its words, null of a judge that gives no
        reasons); one row a prompt.
    """
    answers = evidence.answers
    verdicts = answers.verdicts
    wins = verdicts.challenger_wins
    named = np.select([wins > 0.5, wins < 0.5, verdicts.judged], ["challenger", "champion", "tie"], "not judged")
    return pl.DataFrame(
        {
            "prompt": [_shown(prompt) for prompt in answers.prompts],
            "champion": answers.champion,
            "challenger": answers.challenger,
            "verdict": named.tolist(),
            "consistent": verdicts.consistent.tolist(),
            "why": pl.Series(verdicts.why or [None] * len(answers.prompts), dtype=pl.String),
        }
    )


def most_different(answers: pl.DataFrame) -> pl.DataFrame:
    """Where the two models have parted: the ten answers each, won and lost, that share the fewest words.

    Args:
        answers: as `answers_table` returns them.

    Returns:
        The columns of `answers`, and in_common: how many of all the words of both answers are in both, 0 to 1. The
        least alike come first.
    """
    champion, challenger = (_words(pl.col(name)) for name in ("champion", "challenger"))
    both = champion.list.set_intersection(challenger).list.len()
    either = champion.list.set_union(challenger).list.len()
    ranked = answers.with_columns(in_common=pl.when(either > 0).then(both / either).otherwise(1.0)).sort(
        "in_common", maintain_order=True
    )
    sides = (ranked.filter(pl.col("verdict") == side).head(TOLD_APART) for side in ("challenger", "champion"))
    return pl.concat(sides).sort("in_common", maintain_order=True)


def _words(text: pl.Expr) -> pl.Expr:
    """All words of each text, once; of a script without spaces between words, all two signs in a row, as words are
    about as long and single signs are in every text."""
    word, following = pl.element(), pl.element().shift(-1)
    in_a_row = word.str.contains(UNSPACED) & following.str.contains(UNSPACED)
    words = words_of(text).str.split(" ")
    return words.list.eval(pl.when(in_a_row).then(word + following).otherwise(word)).list.unique()


def _shown(prompt: list[Message]) -> str:
    """One message as it stands; several with who said what."""
    if len(prompt) == 1:
        return prompt[0]["content"]
    return "\n".join(f"{message['role']}: {message['content']}" for message in prompt)
