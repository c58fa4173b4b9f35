"""What a person does in the web pages of Prefect and MLflow, in a real browser. Knows nothing of who serves them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, Route, expect, sync_playwright

OPEN = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
PATIENCE = 60_000
"""Milliseconds: both are large programs, and the machine may be busy."""


@contextmanager
def fresh_browser() -> Iterator[Page]:
    """A page as somebody sees it who was never there; nothing on it may need another machine."""
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("no chromium is installed; Debian's package of that name is what this drives")
    elsewhere = []

    def ask(route: Route) -> None:
        if urlsplit(route.request.url).hostname == "127.0.0.1":
            route.continue_()
        else:
            elsewhere.append(route.request.url)
            route.abort()

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as play:
        page = play.chromium.launch(executable_path=chromium, args=list(OPEN)).new_page()
        page.set_default_timeout(PATIENCE)
        page.route("http*://**", ask)
        yield page
    assert elsewhere == []


def click(*places: Locator) -> None:
    """One click each."""
    for place in places:
        place.click()


def submit(form: Locator, button: str, to: str, *written: str) -> None:
    """Write into the fields of a form of Prefect's, and press a button until the server has time for it.

    Args:
        form: a dialog.
        button: what stands on it.
        to: how the address ends that the button posts to.
        written: into the fields from the top.
    """
    for field, text in zip(form.get_by_role("textbox").all(), written, strict=True):
        field.fill(text)
    accepted = False
    while not accepted:
        with form.page.expect_response(lambda response: response.url.endswith(to)) as answered:
            form.get_by_role("button", name=button, exact=True).click()
        # Whoever writes to Prefect's SQLite at the same moment is told so, and may press again.
        assert answered.value.ok or answered.value.status == 503, answered.value.text()
        accepted = answered.value.ok
