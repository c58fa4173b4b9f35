"""How often does the gate promote what it should, and what it should not?

    make bench-gate

A thousand simulated users ask, eight in ten of one group and two of another; champion and challenger answer, and the
asker's own taste compares. Each trial, one of 200 a kind, asks other questions. The challenger is

    again             the champion once more: its answers are drawn anew
    better            the better of two answers, so often that it truly wins 55%
    worse for some    better for the large group, and for the small one so much worse that it wins 44% and loses 56%
                      there: 12 points between them
    longer            the champion once more, saying the same in more words, before a judge who likes many words

The gate is the one that workspaces begin with. The rule it stands beside is the one most teams use: promote whatever
has the higher mean. Exits with 1 where `again` is promoted more than 8 times, `better` fewer than 160, or one of the
others more than 10.
"""

import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from components.config.settings import Evaluate
from components.evaluation.evidence import Answers, Evidence, MustPass, Pairs, Probes, Trial
from components.evaluation.judges import Verdicts
from components.evaluation.scoring import measure_all
from components.records.handles import ModelVersion, Scorecard
from components.registry.gate import DEFAULT_POLICY, decide, read_policy
from components.simulation import world
from components.simulation.tastes import TASTES

TRIALS, PROMPTS, POOL = 200, 1000, 20_000
LARGE, SMALL, SHARE = "curious", "hurried", 0.8
WORTH, LIKED, HARMED = 0.55, 0.5875, 0.44  # true win rates
WORDY, LIKING = 60, 0.02  # characters that are added, and what a character is worth to the judge who likes them
SETTINGS = Evaluate(resamples=400)
ASKED = {"again": (0, 8), "better": (160, TRIALS), "worse for some": (0, 10), "longer": (0, 10)}
"""Kind of challenger to how many promotions there may be, at the least and at the most."""


@dataclass(frozen=True)
class Asked:
    """Questions with three answers each, all by the same assistant: n of each.

    Attributes:
        large: whether a user of the large group asks, shape (n,).
        worth: what each answer is worth to whoever asks, shape (n, 3).
        length: characters, shape (n, 3).
    """

    large: np.ndarray
    worth: np.ndarray
    length: np.ndarray

    def some(self, draw: np.random.Generator) -> "Asked":
        """A thousand of them."""
        of_large, of_small = np.flatnonzero(self.large), np.flatnonzero(~self.large)
        many = round(PROMPTS * SHARE)
        rows = np.concatenate([draw.choice(of_large, many, False), draw.choice(of_small, PROMPTS - many, False)])
        return Asked(self.large[rows], self.worth[rows], self.length[rows])


def asked(seed: int) -> Asked:
    draw = np.random.default_rng(seed)
    large = draw.random(POOL) < SHARE
    worth, length = np.zeros((POOL, 3)), np.zeros((POOL, 3))
    for row in range(POOL):
        prompt = world.prompt(draw)
        answers = [world.answer(prompt, draw) for _ in range(3)]
        taste = TASTES[LARGE if large[row] else SMALL]
        worth[row] = [taste.utility(prompt, answer) for answer in answers]
        length[row] = [len(answer) for answer in answers]
    return Asked(large, worth, length)


def wins(challenger: np.ndarray, champion: np.ndarray) -> np.ndarray:
    """1 where the challenger's answer is worth more, 0 where less, 0.5 where as much."""
    gain = challenger - champion
    return np.where(np.abs(gain) < 1e-9, 0.5, (gain > 0).astype(float))


def share_for(pool: Asked, rate: float, among: np.ndarray, pick: Callable[..., np.ndarray]) -> float:
    """How often an answer has to be picked of two, for so many wins among some of the questions."""
    picked = wins(pick(pool.worth[:, 1], pool.worth[:, 2]), pool.worth[:, 0])[among].mean()
    plain = wins(pool.worth[:, 1], pool.worth[:, 0])[among].mean()
    return float((rate - plain) / (picked - plain))


def picked(some: Asked, share: float, pick: Callable[..., np.ndarray], draw: np.random.Generator) -> np.ndarray:
    """Which of the second and third answer is given: the second, but so often the one that is picked; shape (n,)."""
    better = pick(some.worth[:, 1], some.worth[:, 2]) != some.worth[:, 1]
    return np.where((draw.random(len(better)) < share) & better, 2, 1)


def promoted(kind: str, pool: Asked, trial: int) -> tuple[bool, bool]:
    """What the gate and the usual rule make of a trial."""
    draw = np.random.default_rng([trial, list(ASKED).index(kind)])
    some, everybody = pool.some(draw), np.full(POOL, True)
    rows, given, wordy, liking = np.arange(PROMPTS), np.ones(PROMPTS, int), 0, 0.0
    if kind == "better":
        given = picked(some, share_for(pool, WORTH, everybody, np.maximum), np.maximum, draw)
    if kind == "worse for some":
        liked = picked(some, share_for(pool, LIKED, pool.large, np.maximum), np.maximum, draw)
        given = np.where(
            some.large, liked, picked(some, share_for(pool, HARMED, ~pool.large, np.minimum), np.minimum, draw)
        )
    if kind == "longer":
        wordy, liking = WORDY, LIKING
    length = some.length[rows, given] + wordy
    worth = some.worth[rows, given] + liking * length
    verdicts = wins(worth, some.worth[:, 0] + liking * some.length[:, 0])
    evidence = observed(some, verdicts, length)
    scorecard = Scorecard(
        challenger=MODEL,
        champion=MODEL,
        reward=MODEL,
        dataset="",
        judge="",
        measures=measure_all(evidence, SETTINGS),
        run_id="",
    )
    return decide(scorecard, read_policy(DEFAULT_POLICY)).outcome == "promote", bool(verdicts.mean() > 0.5)


MODEL = ModelVersion(name="heed-policy", version=1, run_id="", dataset="", step="")


def observed(some: Asked, verdicts: np.ndarray, length: np.ndarray) -> Evidence:
    """Evidence in which only the answers are in question: the judge is a good one."""
    zeros, rows = np.zeros(PROMPTS), np.arange(PROMPTS)
    none = np.zeros(0, dtype=bool)
    right = np.where(rows % 5 == 0, 0.0, 1.0)
    return Evidence(
        pairs=Pairs(1.4 * (2 * right - 1), zeros, zeros, zeros, zeros, zeros + 1, zeros + 1, [None] * PROMPTS, rows),
        answers=Answers(
            prompts=[[{"role": "user", "content": ""}]] * PROMPTS,
            groups=np.where(some.large, LARGE, SMALL).tolist(),
            challenger=["x" * int(characters) for characters in length],
            champion=["x" * int(characters) for characters in some.length[:, 0]],
            challenger_tokens=length,
            champion_tokens=some.length[:, 0],
            challenger_seconds=zeros + 1,
            champion_seconds=zeros + 1,
            challenger_logp=zeros,
            reference_logp=zeros,
            verdicts=Verdicts(verdicts, verdicts),
        ),
        trial=Trial(Verdicts(right, right), zeros, rows),
        probes=Probes(right, zeros, right, rows),
        must_pass=MustPass([], [], [], none, none),
        beta=0.1,
    )


def trials(kind: str) -> tuple[int, int]:
    """How often the gate promotes, and how often the usual rule would."""
    pool = asked(0)
    found = np.array([promoted(kind, pool, trial) for trial in range(TRIALS)])
    return int(found[:, 0].sum()), int(found[:, 1].sum())


def main() -> None:
    with ProcessPoolExecutor(2) as pool:
        found = dict(zip(ASKED, pool.map(trials, ASKED), strict=True))
    table = Table(f"of {TRIALS} challengers, {PROMPTS:,} prompts", "promoted", "asked", "the higher mean promotes")
    for kind, (gate, usual) in found.items():
        least, most = ASKED[kind]
        table.add_row(kind, str(gate), f"{least} to {most}", str(usual))
    Console().print(table)
    sys.exit(int(any(not ASKED[kind][0] <= gate <= ASKED[kind][1] for kind, (gate, _) in found.items())))


if __name__ == "__main__":
    main()
