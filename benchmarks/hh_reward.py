"""How good is the reward model on people's real preferences, and what does reading them cost?

    make bench-hh            (needs the HH-RLHF file; SHARED_DATA names the folder, ../shared/data by default)

Trains on the training and validation sides of the file and tests on the test side, once with cold and once with warm
features. The peer is what one would write first: logistic regression on the difference of the encoder's own sentence
embeddings, read by sentence-transformers in the order of the file, in the same process.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from sentence_transformers import SentenceTransformer
from sklearn.linear_model import LogisticRegression

from components.config import Settings
from components.encoder import packaged
from components.evaluation.calibration import expected_calibration_error, probability_chosen
from components.feedback.readers import read
from components.preferences.sharing import prompt_groups
from components.preferences.splitting import Sides, split
from components.records.messages import text_of
from components.training.rewards.fitting import fit

FILE = Path(os.environ.get("SHARED_DATA", "../shared/data")) / "hh-rlhf" / "harmless-base-test.jsonl.gz"


def heed(sides: Sides, memory: Path) -> np.ndarray:
    """Margins r(chosen) - r(rejected) of heed's reward model on the test side, shape (n,)."""
    groups = prompt_groups(sides.seen)
    reward = fit(Settings(), sides.train, sides.validation, groups, "", memory, memory, None)
    prompts = sides.test["prompt"].to_list()
    chosen, rejected = _answers(sides.test)
    return reward.score(prompts, chosen) - reward.score(prompts, rejected)


def peer(sides: Sides) -> np.ndarray:
    """The same for the peer, shape (n,)."""
    encoder = SentenceTransformer(packaged(), device="cpu")

    def difference(side: pl.DataFrame) -> np.ndarray:
        chosen, rejected = (
            np.vstack([encoder.encode([text], show_progress_bar=False) for text in texts]) for texts in _answers(side)
        )
        return chosen - rejected

    seen, held = difference(sides.seen), difference(sides.test)
    turned = np.where(np.arange(len(seen)) % 2, -1.0, 1.0)
    weights = LogisticRegression(fit_intercept=False, max_iter=1000).fit(seen * turned[:, None], turned).coef_[0]
    return held @ weights


def _answers(side: pl.DataFrame) -> list[list[str]]:
    return [side.select(text_of(pl.col(column))).to_series().to_list() for column in ("chosen", "rejected")]


def main() -> None:
    if not FILE.exists():
        sys.exit(f"{FILE} is not here; name the folder that holds it with SHARED_DATA")
    sides = split(read([FILE], None).frames["preferences"], Settings().split)
    table = Table("reward model", "accuracy", "ECE", "seconds", "times heed, cold")
    with tempfile.TemporaryDirectory() as memory:
        runs = {
            "heed, cold features": lambda: heed(sides, Path(memory)),
            "heed, warm features": lambda: heed(sides, Path(memory)),
            "last layer + logistic regression": lambda: peer(sides),
        }
        cold = 0.0
        for name, run in runs.items():
            start = time.monotonic()
            margins = run()
            seconds = time.monotonic() - start
            cold = cold or seconds
            ece = expected_calibration_error(probability_chosen(margins)).item()
            table.add_row(name, f"{np.mean(margins > 0):.3f}", f"{ece:.3f}", f"{seconds:.0f}", f"{seconds / cold:.2f}")
    out = Console(highlight=False)
    out.print(table)
    out.print(f"{sides.seen.height} pairs to learn from, {sides.test.height} to test on")


if __name__ == "__main__":
    main()
