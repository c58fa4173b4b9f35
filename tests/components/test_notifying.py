"""A team hears what became of a retraining, and a listener that is away stops nothing."""

from pathlib import Path

import pytest

from components.config import load
from components.notifying import notify
from components.workspace import Workspace
from tests.listening import listening


def workspace(address: str) -> Workspace:
    return Workspace(Path("/somewhere/support-bot"), load(overrides=[f"notify.webhook={address}"]))


@pytest.mark.parametrize("refuses", [0, 2])
def test_a_listener_hears_it_once_also_where_it_was_away_for_a_moment(refuses: int) -> None:
    with listening(refuses) as listener:
        assert notify(workspace(listener.address), "promoted", "it wins 61%", {"challenger": 7})
    [heard] = listener.heard
    assert heard["text"] == "heed, support-bot: a retraining was promoted. it wins 61%"
    assert (heard["outcome"], heard["challenger"]) == ("promoted", 7)


def test_who_does_not_listen_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with listening(refuses=99) as listener:
        assert not notify(workspace(listener.address), "failed", "no disk", {})
    said = capsys.readouterr().err
    assert "HTTP 503" in said
    assert "secret-token" not in said
    assert not notify(workspace("http://127.0.0.1:9/"), "failed", "no disk", {})
    assert not notify(workspace(""), "failed", "no disk", {})
