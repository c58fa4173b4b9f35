"""The card answers what a person asks of a model."""

from pathlib import Path

import pytest

from components.records.errors import BadInput
from components.records.handles import Decision, Estimate, ModelVersion, Scorecard
from components.registry.card import model_card

POLICY = ModelVersion(name="heed-policy", version=7, run_id="run7", dataset="4fd1", step="s")
SCORECARD = Scorecard(
    challenger=POLICY,
    champion=POLICY.model_copy(update={"version": 5}),
    reward=POLICY.model_copy(update={"name": "heed-reward", "version": 3}),
    dataset="9ab2",
    judge="reward",
    measures={
        "policy/win_rate": Estimate(value=0.62, low=0.5612, high=0.68, n=300),
        "reward/accuracy/a|b": Estimate(value=0.7, low=0.6, high=0.8, n=40),
    },
    run_id="run8",
)


def card(outcome: str) -> str:
    return model_card(SCORECARD, Decision(outcome=outcome, reasons=("pass: one.", "hold: two.")))


def test_it_names_the_model_what_it_learned_from_and_what_it_was_held_against() -> None:
    text = card("promote")
    assert text.startswith("# heed-policy version 7\n")
    for fact in ("`4fd1`", "`9ab2`", "heed-policy version 5", "heed-reward version 3", "`run7`", "`run8`"):
        assert fact in text


def test_it_tables_every_measure_with_its_interval() -> None:
    rows = card("promote").splitlines()
    assert "| policy/win_rate | 0.620 | 0.561 to 0.680 | 300 |" in rows
    assert "| reward/accuracy/a\\|b | 0.700 | 0.600 to 0.800 | 40 |" in rows


@pytest.mark.parametrize(("outcome", "word"), [("promote", "Promoted"), ("hold", "Held"), ("refuse", "Refused")])
def test_it_gives_the_decision_and_its_reasons(outcome: str, word: str) -> None:
    text = card(outcome)
    assert f"\n{word}: " in text
    assert "- pass: one.\n- hold: two.\n" in text


def test_it_loads_the_champion_by_its_alias_only_when_promoted() -> None:
    alias, pinned = 'load_model("models:/heed-policy@champion")', 'load_model("models:/heed-policy/7")'
    assert alias in card("promote")
    assert pinned in card("promote")
    assert alias not in card("hold")
    assert pinned in card("hold")


def test_a_team_writes_cards_of_its_own_and_is_told_what_is_wrong_with_them(tmp_path: Path) -> None:
    own = tmp_path / "card.md"
    own.write_text("{{ scorecard.challenger.version }} <{{ decision.outcome }}>: {{ measures[0].value }}")
    decision = Decision(outcome="hold", reasons=())
    assert model_card(SCORECARD, decision, own) == "7 <hold>: 0.62"
    own.write_text("{{ licence }}")
    with pytest.raises(BadInput, match="'licence' is undefined") as wrong:
        model_card(SCORECARD, decision, own)
    assert wrong.value.where == str(own)
