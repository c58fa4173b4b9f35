"""Tells a team's own address what became of a retraining: one POST of JSON. Knows nothing of who listens there.

`text` is what Slack, Mattermost and Teams' workflows show of it; the rest is for programs.
"""

import time
from typing import Any, Literal

import httpx

from components import journal
from components.progress import console
from components.workspace import Workspace

Outcome = Literal["promoted", "waiting", "tried", "rolled back", "held", "refused", "failed"]

TRIES, REST, PATIENCE = 3, 1.0, 10.0
"""How often it is tried, and the seconds between two tries and until an answer."""


def notify(workspace: Workspace, outcome: Outcome, because: str, facts: dict[str, Any]) -> bool:
    """Tell it; False where nobody is to be told, or nobody took it: a retraining does not fail because of that.

    Args:
        workspace: whose.
        outcome: of the retraining.
        because: why, in a sentence.
        facts: what else there is to know, as JSON takes it.
    """
    address = workspace.settings.notify.webhook.get_secret_value()
    if not address:
        return False
    happened = {
        "failed": "a retraining failed",
        "waiting": "a challenger waits for somebody to agree",
        "tried": "a challenger is tried on some of the users",
        "rolled back": "a challenger that was tried on some of the users was rolled back",
    }
    text = f"heed, {workspace.name}: {happened.get(outcome, f'a retraining was {outcome}')}. {because}"
    told = {"text": text, "workspace": workspace.name, "outcome": outcome, "because": because, **facts}
    said = ""
    for tried in range(TRIES):
        time.sleep(REST * tried)
        try:
            answer = httpx.post(address, json=told, timeout=PATIENCE)
            if answer.is_success:
                return True
            said = f"HTTP {answer.status_code}"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            said = type(error).__name__
    journal.trouble("retraining", "notify", said=said)
    console.print(f"nobody took the notification at notify.webhook: {said}", markup=False)
    return False
