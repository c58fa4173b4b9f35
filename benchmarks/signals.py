"""How well do the detectors find dissatisfied users, and how fast are those that are on by default?

    make bench-signals       (needs the USS files; SHARED_DATA names the folder, ../shared/data by default)

Dissatisfied is a turn whose ratings are below 2.75 in the mean; every user turn counts, the first ones too. The peers
are what one would write first: a list of words of negation, and logistic regression on words and pairs of words. Who
learns, learns from one file and is tested on the other. Speed is from a file to a file, in a process of its own.
"""

import gzip
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from components.config import Settings
from components.feedback.readers import read
from components.feedback.signals.learning import train
from components.feedback.signals.scoring import score
from components.workspace import Workspace

FOLDER = Path(os.environ.get("SHARED_DATA", "../shared/data")) / "uss"
FILES = {name: FOLDER / f"{name}.txt.gz" for name in ("MWOZ", "SGD")}
LOW = 2.75
NEGATION = r"(?i)\b(no|not|none|never|nothing|nope|cannot|\w+n't)\b"
MANY, FEW = 1_000_000, 250_000
SCORE = """
import sys
from pathlib import Path
from components.config import Settings
from components.feedback.signals.scoring import score
from components.workspace import Workspace

source, target, workspace = map(Path, sys.argv[1:])
with target.open("w") as out:
    for piece in score(Workspace(workspace, Settings()), source, detectors=["explicit", "rubrics"]):
        out.write(piece.write_ndjson())
"""


def rated(file: Path) -> pl.DataFrame:
    """Every user turn of a file: `text`, and whether it is rated low, `low`."""
    lines = [line.split("\t") for line in gzip.decompress(file.read_bytes()).decode().splitlines()]
    users = [cells for cells in lines if cells[0] == "USER" and cells[1] != "OVERALL"]
    low = [np.mean([float(rating) for rating in cells[3].split(",")]) < LOW for cells in users]
    return pl.DataFrame({"text": [cells[1] for cells in users], "low": low})


def against(workspace: Workspace, file: Path, detector: str) -> np.ndarray:
    """How strongly each turn is found dissatisfied, below 0 where it is found satisfied."""
    scored = pl.concat(list(score(workspace, file, detectors=[detector])))
    sign = scored["polarity"].replace_strict({"dissatisfied": 1.0, "satisfied": -1.0, "none": 0.0})
    return (scored["strength"] * sign).to_numpy()


def learned(seen: Path, unseen: Path) -> np.ndarray:
    """What the learned detector says of a file after it was trained on the other."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder), Settings())
        train(workspace, read([seen], None))
        return against(workspace, unseen, "learned")


def negation(file: pl.DataFrame) -> np.ndarray:
    return np.array([bool(re.search(NEGATION, text)) for text in file["text"]])


def ngrams(seen: pl.DataFrame, unseen: pl.DataFrame) -> np.ndarray:
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), min_df=2), LogisticRegression(C=2, max_iter=1000))
    return model.fit(seen["text"], seen["low"]).decision_function(unseen["text"])


def timed(turns: int, folder: Path) -> tuple[float, float, int]:
    """Seconds, peak memory in GB and number of lines, for a file of at least so many turns."""
    source, target = folder / f"{turns}.txt", folder / f"{turns}.jsonl"
    once = b"\n".join(gzip.decompress(file.read_bytes()) for file in FILES.values())
    held = sum(rated(file).height for file in FILES.values())
    source.write_bytes(b"\n".join([once] * -(-turns // held)))
    start = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", SCORE, source, target, folder])
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit("scoring failed")
    with target.open("rb") as lines:
        return time.monotonic() - start, used.ru_maxrss / 2**20, sum(1 for _ in lines)


def main() -> None:
    if not all(file.exists() for file in FILES.values()):
        sys.exit(f"the USS files are not in {FOLDER}; name the folder above it with SHARED_DATA")
    out = Console(highlight=False)
    turns = {name: rated(file) for name, file in FILES.items()}
    here = Workspace(Path(), Settings())
    table = Table("area under the ROC curve, tested on", *FILES)
    others = {"MWOZ": "SGD", "SGD": "MWOZ"}
    ranked = {
        "rubrics": lambda name: against(here, FILES[name], "rubrics"),
        "a list of words of negation": lambda name: negation(turns[name]),
        "learned, from the other file": lambda name: learned(FILES[others[name]], FILES[name]),
        "words and pairs of words, from the other file": lambda name: ngrams(turns[others[name]], turns[name]),
    }
    for who, rank in ranked.items():
        table.add_row(who, *(f"{roc_auc_score(turns[name]['low'], rank(name)):.3f}" for name in FILES))
    out.print(table)
    speed = Table("turns, default detectors", "seconds", "peak GB", "turns a second")
    with tempfile.TemporaryDirectory() as folder:
        runs = [timed(count, Path(folder)) for count in (FEW, MANY)]
    for seconds, memory, lines in runs:
        speed.add_row(f"{lines:,}", f"{seconds:.0f}", f"{memory:.2f}", f"{lines / seconds:,.0f}")
    out.print(speed)
    (few, _, fewer), (many, _, more) = runs
    out.print(f"{more / fewer:.2f} times the turns take {many / few:.2f} times as long")


if __name__ == "__main__":
    main()
