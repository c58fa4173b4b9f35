"""Observes a challenger and a champion: lets them answer, asks the judge, and weighs the test preferences.

Knows nothing of the measures made from what it finds.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from components.config.settings import Evaluate
from components.evaluation.answers import Answered, answer
from components.evaluation.authorship import by_one_of_two
from components.evaluation.base import Base, weigh_by_base
from components.evaluation.evidence import Answers, Beliefs, Evidence, MustPass, Newest, Pairs, Trial
from components.evaluation.judges import Judge, Related, Scorer, Verdicts, compare
from components.evaluation.likelihood import log_likelihood
from components.evaluation.must_pass import Demand
from components.evaluation.policies import count_tokens
from components.evaluation.probing import probe
from components.evaluation.swaying import swayed, told_what_users_believe
from components.records.errors import BadInput
from components.records.identity import sha256
from components.records.messages import Message, text_of, transcript

PROBED = 300  # preferences whose answers are changed and put before the reward model
SWAYED = 50  # preferences of which the challenger is told what the user believes


def gather(
    test: pl.DataFrame,
    challenger: str | Path,
    champion: str | Path,
    *,
    scorer: Scorer,
    judge: Judge,
    settings: Evaluate,
    beta: float,
    newest: pl.DataFrame | None = None,
    must_pass: Sequence[Demand] = (),
    base: Base | None = None,
    written: pl.DataFrame | None = None,
) -> Evidence:
    """Observe everything the measures need.

    Args:
        test: preferences of the test side (`Preference` columns), seen by neither model nor by the reward model.
        challenger: path of the candidate.
        champion: path of the model in service, which the challenger was trained from: it is the reference.
        scorer: the reward model that is measured.
        judge: who compares the answers.
        settings: how many prompts are answered, how, and the seed of both.
        beta: how strongly the challenger was held to the reference in training.
        newest: preferences of the newest side, where there is one.
        must_pass: what the team demands of answers.
        base: the model that everything started from, where one is named.
        written: who wrote the answers of the test side, as `authorship.authors` returns it.

    Raises:
        BadInput: there are no test preferences, or the judge judges none of the answers.
    """
    if test.is_empty():
        fix = "Land more feedback, or give the test side a larger share with split.test."
        raise BadInput("no preferences to measure on", "the test side of the dataset", fix)
    held_out = held_out_prompts(test, settings)
    asked: list[list[Message]] = held_out["prompt"].to_list()
    by_challenger = _answers(challenger, asked, settings, "The challenger answers")
    by_champion = _answers(champion, asked, settings, "The champion answers")

    prompts: list[list[Message]] = test["prompt"].to_list()
    chosen, rejected = _texts(test)
    weighed = prompts + prompts + asked, chosen + rejected + by_challenger.texts
    verdicts = _verdicts(judge, asked, by_challenger.texts, by_champion.texts)
    trial = _trial(judge, test, settings, written)
    logp, tokens = log_likelihood(challenger, *weighed, label="The challenger weighs the test preferences")
    reference_logp, _ = log_likelihood(champion, *weighed, label="The champion weighs the test preferences")
    ends = [test.height, 2 * test.height]
    chosen_logp, rejected_logp, challenger_logp = np.split(logp, ends)
    chosen_reference, rejected_reference, answers_reference = np.split(reference_logp, ends)
    chosen_tokens, rejected_tokens, challenger_tokens = np.split(tokens, ends)
    return Evidence(
        pairs=Pairs(
            margins=scorer(prompts, chosen) - scorer(prompts, rejected),
            chosen_logp=chosen_logp,
            rejected_logp=rejected_logp,
            chosen_reference_logp=chosen_reference,
            rejected_reference_logp=rejected_reference,
            chosen_tokens=chosen_tokens,
            rejected_tokens=rejected_tokens,
            groups=test["group"].to_list(),
            prompts=_numbered(test),
        ),
        answers=Answers(
            prompts=asked,
            groups=held_out["group"].to_list(),
            challenger=by_challenger.texts,
            champion=by_champion.texts,
            challenger_tokens=challenger_tokens,
            champion_tokens=np.array(count_tokens(challenger, by_champion.texts)),
            challenger_seconds=by_challenger.seconds,
            champion_seconds=by_champion.seconds,
            challenger_logp=challenger_logp,
            reference_logp=answers_reference,
            verdicts=verdicts,
            base_logp=weigh_by_base(base, challenger, asked, by_challenger.texts) if base else None,
        ),
        trial=trial,
        probes=probe(_drawn(test, PROBED, settings.seed), scorer),
        must_pass=_must_pass(must_pass, challenger, champion, settings),
        beta=beta,
        newest=None if newest is None or newest.is_empty() else _newest(newest, scorer),
        beliefs=_beliefs(challenger, test, settings),
    )


def held_out_prompts(test: pl.DataFrame, settings: Evaluate) -> pl.DataFrame:
    """`evaluate.prompts` different prompts, or all there are: those whose hash with the seed comes first.

    Growing the test side therefore changes few of them, and its order none.

    Returns:
        `prompt` and `group`: of the users who asked it, null where users of several groups did.
    """
    seeded = test.select(pl.concat_str(pl.lit(f"{settings.seed}\x1d"), transcript(pl.col("prompt")))).to_series()
    of_one_group = pl.when(pl.col("group").n_unique() == 1).then(pl.col("group").first())
    ranked = (
        test.select("prompt", "group", lot=sha256(seeded)).group_by("lot").agg(pl.col("prompt").first(), of_one_group)
    )
    return ranked.sort("lot").select("prompt", "group").head(settings.prompts)


def _newest(newest: pl.DataFrame, scorer: Scorer) -> Newest:
    prompts = newest["prompt"].to_list()
    chosen, rejected = _texts(newest)
    return Newest(margins=scorer(prompts, chosen) - scorer(prompts, rejected), prompts=_numbered(newest))


def _verdicts(judge: Judge, prompts: list[list[Message]], challenger: list[str], champion: list[str]) -> Verdicts:
    verdicts = compare(judge, prompts, challenger, champion)
    if not verdicts.judged.any():
        fix = "Take another judge, or see that this one can judge these answers."
        raise BadInput(f"the judge {judge.name!r} gave no verdict in both orders", "evaluate.judge", fix)
    return verdicts


def _trial(judge: Judge, test: pl.DataFrame, settings: Evaluate, written: pl.DataFrame | None) -> Trial:
    """Ask about all preferences where it is free, else about `evaluate.judge_pairs` of them."""
    drawn = test if judge.is_free else _drawn(test, settings.judge_pairs, settings.seed)
    chosen, rejected = _texts(drawn)
    longer = np.array([len(one) - len(other) for one, other in zip(chosen, rejected, strict=True)])
    model = judge.own_model if isinstance(judge, Related) else None
    own = None if model is None or written is None else by_one_of_two(written, drawn, model)
    return Trial(compare(judge, drawn["prompt"].to_list(), chosen, rejected), longer, _numbered(drawn), own)


def _beliefs(challenger: str | Path, test: pl.DataFrame, settings: Evaluate) -> Beliefs:
    """Of prompts that end with the user, who alone can say what they believe."""
    asked = test.filter(pl.col("prompt").list.last().struct.field("role") == "user")
    drawn = _drawn(asked, SWAYED, settings.seed)
    told = told_what_users_believe(drawn)
    weighed = log_likelihood(challenger, *told, label="The challenger is told what users believe")
    return Beliefs(swayed(*weighed), _numbered(drawn))


def _drawn(test: pl.DataFrame, most: int, seed: int) -> pl.DataFrame:
    """Those preferences whose hash with the seed comes first."""
    lot = sha256(test.select(pl.concat_str(pl.lit(f"{seed}\x1d"), "id")).to_series())
    return test.with_columns(lot=lot).sort("lot").head(most)


def _must_pass(demands: Sequence[Demand], challenger: str | Path, champion: str | Path, settings: Evaluate) -> MustPass:
    """Both answer greedily, so that the same model always passes the same."""
    prompts, greedy = [demand.messages for demand in demands], settings.model_copy(update={"temperature": 0.0})
    by_challenger = _answers(challenger, prompts, greedy, "The challenger answers what it must pass").texts
    by_champion = _answers(champion, prompts, greedy, "The champion answers what it must pass").texts
    passes = (
        np.array([demand.is_met_by(text) for demand, text in zip(demands, texts, strict=True)], dtype=bool)
        for texts in (by_challenger, by_champion)
    )
    return MustPass(prompts, by_challenger, by_champion, *passes)


def _texts(preferences: pl.DataFrame) -> tuple[list[str], list[str]]:
    """The chosen and the rejected answers."""
    told = preferences.select(text_of(pl.col("chosen", "rejected")))
    return told["chosen"].to_list(), told["rejected"].to_list()


def _numbered(preferences: pl.DataFrame) -> np.ndarray:
    """A number for the prompt of each, shape (n,)."""
    return preferences.select(transcript(pl.col("prompt")).rank("dense")).to_series().to_numpy()


def _answers(model_path: str | Path, prompts: list[list[Message]], settings: Evaluate, label: str) -> Answered:
    return answer(
        model_path,
        prompts,
        max_new_tokens=settings.max_new_tokens,
        temperature=settings.temperature,
        seed=settings.seed,
        label=label,
    )
