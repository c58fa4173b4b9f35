"""A real browser for the tests of pages; without one they skip."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

OPEN = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("no chromium is installed; Debian's package of that name is what these tests drive")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=list(OPEN))
        yield browser
        browser.close()
