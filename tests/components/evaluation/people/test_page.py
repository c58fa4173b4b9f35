"""The page that people judge on, in a real browser, before a real server in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.judged import HARM

SERVE = f"""
from components.evaluation.people.pairs import Pair
from components.evaluation.people.service import serve
harm = {HARM!r}
pairs = [
    Pair("v2-a", "Name a river." + harm, "The Elbe." + harm, "", "left", "champion"),
    Pair("v2-b", "x" * 300, "y" * 300, "long\\n" * 200, "right", "champion"),
    Pair("v2-c", "Name a lake.", "Lake Constance.", "A lake.", "left", "champion"),
]
serve(pairs, {{}}, lambda said: print(said.model_dump_json(), flush=True), 0, lambda url: print(url, flush=True))
print("ended", flush=True)
"""


@dataclass(frozen=True)
class Served:
    """The page's process, which prints each verdict that it is told to keep."""

    process: "subprocess.Popen[str]"
    url: str

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kept(self) -> tuple[str, str, str]:
        said = json.loads(self.line())
        return said["id"], said["better"], said["why"]


@pytest.fixture
def served() -> Iterator[Served]:
    root = Path(__file__).parents[4]
    with subprocess.Popen([sys.executable, "-c", SERVE], cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Served(process, process.stdout.readline().strip())
        process.kill()


def opened(browser: Browser, url: str, **how: Any) -> Page:
    page = browser.new_page(**how)
    page.set_default_timeout(10_000)
    page.goto(url)
    expect(page.locator("#prompt")).to_be_visible()
    return page


def test_each_key_says_what_it_stands_for_and_one_can_go_back_skip_and_come_again(
    browser: Browser, served: Served
) -> None:
    page = opened(browser, served.url)
    complaints: list[str] = []
    page.on("console", lambda told: told.type == "error" and complaints.append(told.text))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for key, says in (("1", "left"), ("ArrowLeft", "left"), ("2", "right"), ("ArrowRight", "right"), ("0", "tie")):
        page.keyboard.press(key)
        assert served.kept() == ("v2-a", says, "")
        expect(page.locator("#progress")).to_have_text("1 of 3 judged")
        page.keyboard.press("Backspace")
        expect(page.locator("[data-better][aria-pressed=true]")).to_have_attribute("data-better", says)
    page.keyboard.press("w")
    page.keyboard.type("1 and 2 are alike, s and 0")
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    assert served.kept() == ("v2-a", "tie", "1 and 2 are alike, s and 0")
    page.keyboard.press("s")
    page.keyboard.press("2")
    assert served.kept() == ("v2-c", "right", "")
    expect(page.locator("#done")).to_have_text("2 of 3 are judged")
    page.reload()  # it goes on where it was
    expect(page.locator("#prompt")).to_have_text("x" * 300)
    page.keyboard.press("1")
    assert served.kept() == ("v2-b", "left", "")
    expect(page.locator("#tally")).to_have_text("Better: left 1, right 1. Ties: 1. Skipped: 0.")
    served.process.kill()
    served.process.wait()
    page.keyboard.press("Backspace")
    page.keyboard.press("1")
    expect(page.locator("#note")).to_contain_text("Not kept: heed does not answer.")
    expect(page.locator("[data-better=right]")).to_have_attribute("aria-pressed", "true")
    assert {url.removeprefix(served.url).strip("/") for url in asked} <= {
        "",
        "look.css",
        "page.css",
        "page.js",
        "pairs",
        "verdicts",
    }
    assert [text for text in complaints if "Failed to load resource" not in text] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_a_model_writes_stays_text_and_a_phone_shows_all_of_it(
    browser: Browser, served: Served, scheme: str
) -> None:
    page = opened(
        browser, served.url, viewport={"width": 360, "height": 640}, is_mobile=True, has_touch=True, color_scheme=scheme
    )
    expect(page.locator("#prompt")).to_have_text("Name a river." + HARM)
    expect(page.locator("#left")).to_have_text("The Elbe." + HARM)
    assert page.locator("main :is(img, script, b)").count() == 0
    assert page.title() == "Which answer is better?"
    page.tap("[data-better=left]")
    assert served.kept()[:2] == ("v2-a", "left")
    expect(page.locator("#left")).to_have_text("y" * 300)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    sizes = page.evaluate("""[...document.querySelectorAll("button, input")].filter((it) => it.checkVisibility())
        .map((it) => it.getBoundingClientRect()).map((box) => Math.min(box.width, box.height))""")
    assert len(sizes) == 6
    assert min(sizes) >= 44
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(250, 249, 246)", "dark": "rgb(22, 24, 22)"}[scheme]


def test_nothing_that_is_served_tells_whose_a_side_is_and_only_the_page_may_ask(served: Served) -> None:
    served_pairs = httpx.get(f"{served.url}/pairs").json()
    assert {key for pair in served_pairs for key in pair} == {"id", "prompt", "left", "right", "better", "why"}
    everything = "".join(
        httpx.get(f"{served.url}/{file}").text for file in ("", "look.css", "page.css", "page.js", "pairs")
    )
    assert "challenger" not in everything
    assert "champion" not in everything
    said = {"id": "v2-a", "better": "left"}
    post = f"{served.url}/verdicts"
    # What another page in the same browser could send, without asking first whether it may.
    elsewhere = httpx.post(post, content=json.dumps(said), headers={"content-type": "text/plain"})
    renamed = httpx.get(f"{served.url}/pairs", headers={"host": "evil.example"})
    unknown = httpx.post(post, json=said | {"id": "v2-z"})
    wrong = httpx.post(post, json=said | {"better": "challenger"})
    assert [answer.status_code for answer in (elsewhere, renamed, unknown, wrong)] == [422, 400, 404, 422]
    assert httpx.post(post, json=said).status_code == 204
    served.process.terminate()
    assert served.kept() == ("v2-a", "left", "")
    assert served.line() == "ended"
