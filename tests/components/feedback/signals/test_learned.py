"""Shown how people rated turns, a detector learns words that no table of phrases holds."""

import json
from pathlib import Path

import polars as pl
import pytest

from components.config import Settings
from components.config.settings import Signals
from components.feedback.readers import Reading, read
from components.feedback.signals import appoint
from components.feedback.signals.findings import FINDING
from components.feedback.signals.learned import Trained
from components.feedback.signals.learning import train
from components.feedback.signals.reactions import REACTION
from components.feedback.signals.scoring import score
from components.records.errors import BadInput
from components.workspace import Workspace

# Said of tea, so that the words themselves are what differs; none of them is among the phrases.
LIKED = ["The kettle sings and so do I", "My cup runs over with it", "A warm sunny garden of a reply", "It glows"]
DISLIKED = ["The kettle is cold and empty", "My cup has a crack in it", "A grey rainy ditch of a reply", "It stinks"]
PLACES = ["in Assam", "in Kyoto", "at home", "on the train", "by the sea", "up the hill", "at school", "at noon"]


def rated(path: Path, talks: int, liked: float = 1.0, disliked: float = -0.5) -> Reading:
    """Conversations about tea with a followup each, and what two people thought of it."""
    lines: list[dict[str, object]] = []
    for i in range(talks):
        words, rating = (LIKED, liked) if i % 3 else (DISLIKED, disliked)
        about = {"type": "feedback", "interaction": f"t{i}"}
        asked = f"Tell me about tea {PLACES[i % 8]}, part {i}."
        said = f"{words[i % 4]} {PLACES[i // 4 % 8]}"
        lines += [
            {"type": "interaction", "id": f"t{i}", "prompt": asked, "response": "Tea is a drink."},
            {**about, "kind": "followup", "text": said},
            {**about, "kind": "rating", "score": rating, "user": "rater-1"},
            {**about, "kind": "rating", "score": rating / 2, "user": "rater-2"},
        ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return read([path], None)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("learned"), Settings())


@pytest.fixture(scope="module")
def trained(workspace: Workspace) -> Trained:
    return train(workspace, rated(workspace.root / "tea.jsonl", 96))


def reactions(*turns: str) -> pl.DataFrame:
    known = {"kind": "followup", "asked": "Tell me about tea.", "answered": "Tea is a drink.", "earlier": 1}
    return pl.DataFrame([{**dict.fromkeys(REACTION), **known, "text": turn} for turn in turns], schema=REACTION)


def test_it_tells_turns_apart_that_it_was_not_shown(workspace: Workspace, trained: Trained) -> None:
    assert (trained.turns, trained.dissatisfied, trained.files) == (96, 32, ["tea.jsonl"])
    assert trained.auc > 0.9
    (learned,) = appoint(["learned"], workspace)
    assert learned.name == trained.name
    found = learned.find(
        reactions("My cup has a crack", "", "What a warm garden, it glows", "The kettle is cold again")
    )
    assert dict(found.schema) == FINDING
    assert found.select("row", "polarity").rows() == [(0, "dissatisfied"), (2, "satisfied"), (3, "dissatisfied")]
    assert found["strength"].is_between(0, 1).all()
    assert learned.find(reactions()).is_empty()


def test_it_names_the_rubric_and_the_words_where_phrases_show_the_same(workspace: Workspace, trained: Trained) -> None:
    (learned,) = appoint([trained.name.split("/")[0]], workspace)
    cracked, wrong = learned.find(reactions("My cup has a crack", "That's wrong, it stinks")).iter_rows(named=True)
    assert (cracked["rubric"], cracked["evidence"]) == ("learned", "My cup has a crack")
    assert (wrong["rubric"], wrong["evidence"]) == ("factual_error", "That's wrong")


def test_the_same_ratings_make_the_same_detector_and_others_replace_it(workspace: Workspace, trained: Trained) -> None:
    assert train(workspace, rated(workspace.root / "tea.jsonl", 96)) == trained
    kept = sorted(file.name for file in workspace.detector.iterdir())
    other = train(workspace, rated(workspace.root / "tea.jsonl", 90))
    assert other.name != trained.name
    assert sorted(file.name for file in workspace.detector.iterdir()) != kept
    assert len(list(workspace.detector.iterdir())) == 2
    assert train(workspace, rated(workspace.root / "tea.jsonl", 96)) == trained


def test_the_weights_it_learned_count_until_others_are_given(workspace: Workspace, trained: Trained) -> None:
    assert trained.weights["learned"] > 0

    def first(detectors: list[str], **weights: float) -> float:
        settings = Settings(signals=Signals(weights=weights))
        path = workspace.root / "tea.jsonl"
        scored = pl.concat(list(score(Workspace(workspace.root, settings), path, detectors=detectors)))
        assert scored["polarity"][0] == "none"  # it opens the conversation
        assert scored["text"][1] == f"{DISLIKED[0]} {PLACES[0]}"
        return float(scored["strength"][1])

    both = ["rubrics", "learned"]
    assert first(both) == first(["learned"])  # the phrases say nothing of a kettle
    assert 0 < first(both, learned=0.1) < first(both)
    assert first(both, learned=0.0) == 0


def test_without_training_it_says_how_to_train(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"has not been trained.*heed signals train FILE"):
        appoint(["learned"], Workspace(tmp_path, Settings()))


@pytest.mark.parametrize(("talks", "disliked", "message"), [(30, -0.5, "10 user turns.*low"), (96, 0.5, "0 user.*low")])
def test_too_few_turns_or_one_kind_of_them_teach_nothing(
    talks: int, disliked: float, message: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=rf"{message}.*too few to learn from.*tea\.jsonl"):
        train(Workspace(tmp_path, Settings()), rated(tmp_path / "tea.jsonl", talks, disliked=disliked))
    assert not (tmp_path / ".heed").exists()


def test_a_damaged_detector_is_told_so(workspace: Workspace, trained: Trained, tmp_path: Path) -> None:
    copy = Workspace(tmp_path, Settings())
    copy.detector.mkdir(parents=True)
    for file in workspace.detector.iterdir():
        (copy.detector / file.name).write_bytes(file.read_bytes())
    appoint(["learned"], copy)
    (weights,) = copy.detector.glob("*.npz")
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(BadInput, match=r"damaged.*heed signals train"):
        appoint(["learned"], copy)
