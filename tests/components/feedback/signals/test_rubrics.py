"""What users say next shows how they found the answer, by its words and by what it answers."""

import tomllib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from components.config import Settings
from components.feedback.signals import appoint
from components.feedback.signals.findings import FINDING
from components.feedback.signals.reactions import REACTION
from components.feedback.signals.rubric_names import DISSATISFIED, POLARITY, SATISFIED
from components.feedback.signals.scoring import score
from components.workspace import Workspace

HERE = Workspace(Path(), Settings())
(RUBRICS,) = appoint(["rubrics"], HERE)
WEAK = 0.3


def reactions(*turns: str | None, asked: str | None = None, answered: str | None = None) -> pl.DataFrame:
    known = {"kind": "followup", "asked": asked, "answered": answered}
    rows = [{**dict.fromkeys(REACTION), **known, "text": text} for text in turns]
    return pl.DataFrame(rows, schema=REACTION)


def find(*turns: str | None, asked: str | None = None, answered: str | None = None) -> pl.DataFrame:
    return RUBRICS.find(reactions(*turns, asked=asked, answered=answered))


def signed(*turns: str, asked: str | None = None, answered: str | None = None) -> list[float]:
    """Strength of dissatisfaction of each turn, below 0 for satisfaction, 0 for neither."""
    found = find(*turns, asked=asked, answered=answered)
    against = pl.when(polarity="dissatisfied").then("strength").otherwise(-pl.col("strength"))
    strengths = dict(found.select("row", against).rows())
    return [strengths.get(row, 0.0) for row in range(len(turns))]


def test_everyday_turns_are_read_as_a_person_would_read_them() -> None:
    table = tomllib.loads(Path(__file__).with_name("everyday_turns.toml").read_text(encoding="utf-8"))
    turns = [(text, polarity, rubric) for rubric, by in table.items() for polarity in by for text in by[polarity]]
    assert len(turns) > 140
    expected = pl.DataFrame(turns, schema=["text", "expected", "rubric"], orient="row").with_row_index("row")
    assert set(expected["rubric"]) == {*SATISFIED, *DISSATISFIED, "nothing"}
    found = find(*expected["text"], asked="Write me a summary of this report.", answered="It is about trade.")
    read = expected.join(found.rename({"rubric": "found"}), on="row", how="left")
    silent = (pl.col("expected") == "none") & (pl.col("strength").fill_null(0.0) < WEAK)
    right = silent | ((pl.col("expected") == pl.col("polarity")) & (pl.col("rubric") == pl.col("found"))).fill_null(
        False
    )
    wrong = read.filter(~right)
    assert wrong.height <= 0.05 * expected.height, wrong.select("text", "rubric", "found", "strength").rows()


def test_words_of_complaint_that_do_not_complain_are_told_apart() -> None:
    pairs = {
        "No": "no problem",
        "no, not that one": "no, thanks",
        "No.": "No, that's all, thank you.",
        "this is bad": "this is not bad",
        "that is not helpful": "that is very helpful",
        "You never answer my question": "I can't thank you enough",
        "Try again.": 'What is "try again" in Finnish?',
        "that's wrong": "Explain `that's wrong` as a shell command",
        "It's wrong": "Find what's wrong with my code",
        "that doesn’t work": "that works",
        "not what I wanted": "exactly what I wanted",
        "never mind": "don't worry",
    }
    assert [(turn, against) for turn, against in zip(pairs, signed(*pairs), strict=True) if against < WEAK] == []
    harmless = zip(pairs.values(), signed(*pairs.values()), strict=True)
    assert [(turn, against) for turn, against in harmless if against > WEAK / 2] == []


def test_other_languages_are_read() -> None:
    satisfied = [
        "Danke, das ist perfekt!",
        "¡Muchas gracias!",
        "Merci, c’est très clair",
        "谢谢，太好了",
        "ありがとう、完璧です",
    ]
    dissatisfied = ["Nein, das stimmt nicht.", "Eso no es lo que pedí", "Ça ne marche pas", "不对，你错了", "違います"]
    neither = [
        "Wie heißt die Hauptstadt von Peru?",
        "¿Cuál es la capital de Perú?",
        "秘鲁的首都是哪里？",
        "ペルーの首都は？",
    ]
    assert max(signed(*satisfied)) < -WEAK
    assert min(signed(*dissatisfied)) > WEAK
    assert set(signed(*neither)) == {0}


def test_several_cues_add_up_and_the_stronger_side_names_the_rubric() -> None:
    perfect, thanks, mixed, wrong = signed("Thanks, perfect!", "Thanks", "Thanks, but that's wrong.", "That's wrong.")
    assert perfect < thanks < 0 < mixed < wrong
    found = find("Thanks, but that's wrong.").row(0, named=True)
    assert (found["rubric"], found["evidence"]) == ("factual_error", "that's wrong")


def test_what_the_answer_was_tells_beside_the_words() -> None:
    assert signed("And in July?", answered="It rains a lot in June.") == [0]
    refusal = "I'm sorry, but I can't look that up."
    refused = find("And in July?", answered=refusal).row(0, named=True)
    assert (refused["polarity"], refused["rubric"]) == ("dissatisfied", "unrealistic_expectation")
    assert 0 < refused["strength"] < WEAK
    assert refused["evidence"] == "And in July?"
    assert signed("Thank you!", answered=refusal)[0] < 0


def test_asking_the_same_again_is_a_wish_for_another_answer() -> None:
    asked = "Which restaurants in Lisbon have vegetarian food?"
    found = find(asked, "Is Porto cheaper in winter?", asked=asked, answered="Lisbon lies on the Tagus.")
    assert found.select("row", "polarity", "rubric").rows() == [(0, "dissatisfied", "revision")]
    assert found["strength"].item() > 0.5


def test_a_long_text_that_a_user_pastes_is_not_what_they_say() -> None:
    page = "The first attempt was wrong and the second did not work. Nobody was happy with this terrible result. " * 40
    request = "Summarise this page for my class. " + "It is about the war of the roses in England. " * 8
    asks, complains = find(f"{request}{page}", f"That's not what I asked for.\n\n{page}").iter_rows(named=True)
    assert asks["strength"] < 0.75
    assert complains["strength"] > 0.95
    assert complains["evidence"] == "That's not what I asked for"


def test_the_evidence_is_in_the_users_own_words() -> None:
    turns = {
        "Hmm — I don’t LIKE   this,   sorry": "I don’t LIKE   this",
        "👍🏽👍🏽 danke": "👍🏽",
        "İyi… NO, that's WRONG!!": "that's WRONG",
        "'n' rock 'n' roll: that isn't true.": "that isn't true",
        "ok\n\n\nYou forgot the Ünïcödé part": "You forgot",
        "不对，你错了。": "不对",
    }
    assert find(*turns)["evidence"].to_list() == list(turns.values())


def test_only_words_are_read_and_every_finding_names_its_row() -> None:
    turns = reactions("That's wrong", "", "   ", None, "!!!", "And in Peru?", "Thanks")
    others = turns.with_columns(kind=pl.Series(["edit", "opening", "thumb", "rating", "choice", "report", "copy"]))
    found = RUBRICS.find(pl.concat([others, turns]))
    assert found.select("row", "polarity").rows() == [(7, "dissatisfied"), (13, "satisfied")]
    assert dict(found.schema) == FINDING
    assert found["rubric"].is_in(list(POLARITY)).all()
    empty = RUBRICS.find(turns.clear())
    assert empty.is_empty()
    assert dict(empty.schema) == FINDING


def test_the_same_turns_are_always_read_the_same() -> None:
    turns = [f"no {i}, that's wrong, try again, thanks" for i in range(3000)]
    assert find(*turns).equals(find(*turns))
    assert find(*turns)["strength"].n_unique() == 1


@pytest.mark.parametrize(("file", "turns", "least"), [("MWOZ", 11553, 0.71), ("SGD", 12833, 0.80)])
def test_real_turns_are_ranked_as_people_rated_them(file: str, turns: int, least: float, shared_data: Path) -> None:
    path = shared_data / "uss" / f"{file}.txt.gz"
    lines = pl.read_csv(path, separator="\t", has_header=False, quote_char=None, new_columns=["role", "text", "", "by"])
    rated = lines.filter((pl.col("role") == "USER") & (pl.col("text") != "OVERALL"))
    low = rated["by"].str.split(",").list.eval(pl.element().cast(pl.Float64)).list.mean().to_numpy() < 2.75
    scored = pl.concat(list(score(HERE, path, detectors=["rubrics"])))
    assert scored.height == turns
    assert scored["text"].equals(rated["text"])
    sign = scored["polarity"].replace_strict({"dissatisfied": 1.0, "satisfied": -1.0, "none": 0.0})
    against = (scored["strength"] * sign).to_numpy()
    assert roc_auc_score(low, against) > least
    assert roc_auc_score(low, np.maximum(against, 0)) > least - 0.02
    assert scored["strength"].n_unique() > 100
