"""The page at / and heed.js on somebody else's page, in a real browser, before a real service, store and model."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.components.feedback.live import Live, Model, listening, serving, until

LAST = ".turn:last-of-type "


class Elsewhere(BaseHTTPRequestHandler):
    """Somebody's own page, at an origin of its own."""

    html = ""

    def do_GET(self) -> None:
        body = self.html.encode()
        self.send_response(200 if self.path == "/" else 404)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def elsewhere(browser: Browser) -> Iterator[str]:
    with listening(Elsewhere) as url:
        yield url


@pytest.fixture(scope="module")
def live(elsewhere: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    root = tmp_path_factory.mktemp("page")
    with (
        listening(Model) as model,
        serving(root, f"capture.upstream={model}/v1", f"capture.cors_origins=['{elsewhere}']") as live,
    ):
        yield live
        Model.released.set()


@pytest.fixture
def visit(browser: Browser, live: Live) -> Iterator[Callable[..., Page]]:
    """Opens the page as somebody new; whatever the browser complains of fails the test."""
    contexts, complaints = [], []

    def opened(url: str = live.url, **how: Any) -> Page:
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], **how)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    # What a request is answered with is no fault of the page.
    assert [it for it in complaints if "Failed to load resource" not in it] == []


def ask(page: Page, question: str) -> None:
    """Ask, and wait for the whole answer."""
    page.fill("#said", question)
    page.keyboard.press("Enter")
    expect(page.locator(LAST + ".said")).to_have_text(question)
    expect(page.locator("#send")).to_be_visible()


def do(page: Page, what: str) -> None:
    page.locator(f"{LAST}[data-do={what}]:visible").first.click()


def saved(page: Page) -> None:
    expect(page.locator(LAST + ".note")).to_have_text("Saved")


def said_by(live: Live, question: str) -> list[dict[str, Any]]:
    return [event for event in live.events(type="interaction") if event["prompt"][-1]["content"] == question]


def test_an_answer_can_be_thumbed_corrected_rated_commented_on_and_reported(
    live: Live, visit: Callable[..., Page]
) -> None:
    page = visit()
    ask(page, "How do I bake bread?")
    expect(page.locator(LAST + ".text strong")).to_have_text("1")
    expect(page.locator(LAST + ".text li")).to_have_text(["first", "second"])

    do(page, "up")
    saved(page)
    do(page, "down")
    expect(page.locator(LAST + "[data-do=up]")).to_have_attribute("aria-pressed", "false")
    do(page, "edit")
    page.fill(LAST + "[name=text]", "Knead it, then *wait*.")
    page.click(LAST + ".correct .filled")
    expect(page.locator(LAST + ".text")).to_have_text("Knead it, then wait.")
    expect(page.locator(LAST + ".state")).to_have_text("Corrected by you")
    do(page, "comment")
    page.check(LAST + "[name=stars][value='4']", force=True)
    page.click(LAST + "[name=words]")
    page.keyboard.type("Where is the yeast? Write to ada@example.com")
    page.click(LAST + ".comment .filled")
    do(page, "comment")
    page.check(LAST + "[name=report]")
    page.click(LAST + ".comment .filled")

    [interaction] = until(lambda: said_by(live, "How do I bake bread?"))
    report = live.wait_for(kind="report", interaction=interaction["id"])
    about = live.events(interaction=interaction["id"])
    assert [(it["kind"], it.get("score"), it.get("text")) for it in about] == [
        ("thumb", 1.0, None),
        ("thumb", -1.0, None),
        ("edit", None, "Knead it, then *wait*."),
        ("rating", 0.5, None),
        ("comment", None, "Where is the yeast? Write to [email]"),
        ("report", None, None),
    ]
    # Who it is, the store knows as one and the same, and only by a hash.
    assert {it["user"] for it in about} == {interaction["user"]} != {page.evaluate("heed.user")}
    assert report["source"] == "page"
    saved(page)


def test_the_next_message_is_a_followup_and_the_talk_goes_on_from_what_is_shown(
    live: Live, visit: Callable[..., Page]
) -> None:
    page = visit()
    ask(page, "Name a river.")
    do(page, "edit")
    page.fill(LAST + "[name=text]", "The Elbe.")
    page.keyboard.press("Control+Enter")
    ask(page, "No, a longer one!")

    [second] = until(lambda: said_by(live, "No, a longer one!"))
    spoken = [message["content"] for message in second["prompt"]]
    assert spoken == ["Name a river.", "The Elbe.", "No, a longer one!"]
    [first] = said_by(live, "Name a river.")
    assert live.wait_for(kind="followup", interaction=first["id"])["text"] == "No, a longer one!"

    page.reload()
    expect(page.locator(".said")).to_have_text(["Name a river.", "No, a longer one!"])
    page.click("#new")
    expect(page.locator(".said")).to_have_count(0)


def test_a_retry_names_the_answer_that_came_instead_and_keeps_the_old_one(
    live: Live, visit: Callable[..., Page]
) -> None:
    page = visit()
    ask(page, "Tell me a joke.")
    do(page, "retry")
    expect(page.locator(LAST + ".text strong")).to_have_text("2")
    [old, new] = until(lambda: found if len(found := said_by(live, "Tell me a joke.")) == 2 else [])
    assert new["response"][0]["content"].startswith("Answer **2**")
    assert live.wait_for(kind="regenerate", interaction=old["id"])["other"] == new["id"]

    expect(page.locator(LAST + ".place")).to_have_text("2 of 2")
    do(page, "older")
    expect(page.locator(LAST + ".text strong")).to_have_text("1")
    do(page, "up")
    assert live.wait_for(kind="thumb", interaction=old["id"])["score"] == 1.0


def test_two_answers_are_compared_and_one_is_taken_with_the_keyboard_alone(
    live: Live, visit: Callable[..., Page]
) -> None:
    page = visit()
    expect(page.locator("#said")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator("#two")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#said")).to_be_focused()
    page.keyboard.type("Which tea? u d e r c")  # no shortcut while one types
    page.keyboard.press("Enter")
    expect(page.locator(LAST + ".take:enabled")).to_have_count(2)
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    expect(page.locator(LAST + ".take:visible")).to_have_count(0)
    expect(page.locator(LAST + ".answer")).to_be_focused()

    choice = live.wait_for(kind="choice")
    two = until(lambda: found if len(found := said_by(live, "Which tea? u d e r c")) == 2 else [])
    assert {choice["interaction"], choice["other"]} == {it["id"] for it in two}
    assert choice["position"] == 2
    assert page.locator(LAST + ".place").inner_text() == "2 of 2"

    for key in ("u", "y", "c"):
        page.keyboard.press(key)
    assert page.evaluate("navigator.clipboard.readText()").startswith("Answer **")
    expect(page.locator(LAST + ".take:enabled")).to_have_count(2)
    page.keyboard.press("1")
    until(lambda: len(live.events(kind="choice")) == 2)
    assert {it["kind"] for it in live.events(interaction=choice["interaction"])} == {"thumb", "copy", "choice"}
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#said")).to_be_focused()


@pytest.mark.parametrize("how", ["stop", "leave"])
def test_an_answer_left_while_it_comes_is_abandoned_and_what_was_said_is_kept(
    live: Live, visit: Callable[..., Page], how: str
) -> None:
    page = visit()
    question = f"slow, {how}"
    page.fill("#said", question)
    page.click("#send")
    expect(page.locator(LAST + ".text")).to_contain_text("Answer 1")
    if how == "stop":
        page.locator("#said").press("Escape")
        expect(page.locator(LAST + ".state")).to_have_text("Stopped")
        saved(page)
    else:
        page.goto("about:blank")
    [interaction] = until(lambda: said_by(live, question))
    assert interaction["response"][0]["content"] == "Answer **1** "
    live.wait_for(kind="abandon", interaction=interaction["id"])


def test_what_cannot_be_sent_waits_survives_a_reload_and_arrives_once(live: Live, visit: Callable[..., Page]) -> None:
    page = visit()
    ask(page, "Will it arrive?")
    page.route("**/v1/batch", lambda route: route.abort())
    do(page, "up")
    expect(page.locator(LAST + ".note")).to_have_text("Not saved yet, will be sent again")
    do(page, "down")
    expect(page.locator("#waiting")).to_have_text("2 to send")
    page.reload()
    expect(page.locator("#waiting")).to_have_text("2 to send")
    page.unroute("**/v1/batch")
    page.evaluate("dispatchEvent(new Event('online'))")
    saved(page)
    expect(page.locator("#waiting")).to_be_hidden()
    [interaction] = said_by(live, "Will it arrive?")
    assert [it["score"] for it in live.events(interaction=interaction["id"])] == [1.0, -1.0]
    assert page.evaluate("heed.waiting()") == 0


def test_a_model_that_fails_is_told_in_a_sentence_and_asked_again(live: Live, visit: Callable[..., Page]) -> None:
    page = visit()
    ask(page, "please fail")
    expect(page.locator(LAST + ".failed p")).to_have_text("The model could not answer: no GPU is free")
    page.click(LAST + "[data-do=again]")
    expect(page.locator(LAST + ".text")).to_contain_text("Answer 2 to message 1.")
    assert len(until(lambda: said_by(live, "please fail"))) == 1
    assert live.events(kind="regenerate", interaction=said_by(live, "please fail")[0]["id"]) == []


def test_what_a_model_writes_stays_text(visit: Callable[..., Page]) -> None:
    page = visit()
    ask(page, "html please")
    expect(page.locator(LAST + ".text")).to_contain_text("<img src=x onerror=")
    assert page.locator(LAST + ".text :is(img, script)").count() == 0
    assert page.title() == "heed"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_all_without_scrolling_sideways_and_nothing_is_too_small_to_touch(
    visit: Callable[..., Page], scheme: str
) -> None:
    page = visit(viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True, color_scheme=scheme)
    page.fill("#said", "x" * 200)
    page.click("#send")
    expect(page.locator("#send")).to_be_visible()
    for opened in ("comment", "retry", "compare"):
        do(page, opened)
        expect(page.locator("#send")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        sizes = page.evaluate("""[...document.querySelectorAll("button, select, textarea, label.check, .stars label")]
            .filter((it) => it.checkVisibility()).map((it) => it.getBoundingClientRect())
            .map((box) => Math.min(box.width, box.height))""")
        assert len(sizes) > 8
        assert min(sizes) >= 44
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(250, 249, 246)", "dark": "rgb(22, 24, 22)"}[scheme]


def test_everything_to_press_has_a_name_and_the_answer_is_told_as_it_comes(visit: Callable[..., Page]) -> None:
    page = visit()
    ask(page, "Say it aloud.")
    nameless = page.evaluate("""[...document.querySelectorAll("button, input, select, textarea")].filter((it) =>
        !(it.ariaLabel || it.innerText.trim() || [...(it.labels ?? [])].some((label) => label.textContent.trim())))
        .map((it) => it.outerHTML)""")
    assert nameless == []
    told = page.locator("#told p").all_inner_texts()
    assert told == [
        "The model is answering.",
        "Answer 1 to message 1.",
        "first second",
        "The answer is complete.",
    ]


def test_who_asks_to_be_forgotten_is_somebody_new(live: Live, visit: Callable[..., Page]) -> None:
    page = visit()
    ask(page, "Who am I?")
    before = page.evaluate("heed.user")
    page.click("#you-button")
    expect(page.locator("#user")).to_have_text(before)
    page.click("#forget")
    expect(page.locator(".turn")).to_have_count(0)
    ask(page, "Who am I now?")
    page.reload()
    after = page.evaluate("heed.user")
    assert before != after == page.evaluate("localStorage['heed.user']")
    assert (
        until(lambda: said_by(live, "Who am I?"))[0]["user"] != until(lambda: said_by(live, "Who am I now?"))[0]["user"]
    )


PAGE = """<!doctype html><title>An application</title>
<style>button, div {{ display: none !important }} main {{ display: block }}</style>
<script src="{heed}/heed.js" data-user="ada" defer></script>
<main><p id="old" data-heed-interaction="answer-1">An <b>old</b> answer.</p></main>"""


def test_heed_js_hears_on_somebody_else_s_page(live: Live, elsewhere: str, visit: Callable[..., Page]) -> None:
    Elsewhere.html = PAGE.format(heed=live.url)
    page = visit(elsewhere)
    page.click("[name=up]")
    expect(page.get_by_role("status")).to_have_text("Thank you")
    page.click("[name=edit]")
    expect(page.get_by_label("Correct it").last).to_have_value("An old answer.")
    page.get_by_label("Correct it").last.fill("A newer answer.")
    page.get_by_text("Send").click()
    page.evaluate("getSelection().selectAllChildren(document.getElementById('old')); document.execCommand('copy')")

    # One that comes later, as in an application that draws its own answers, and one that goes.
    page.evaluate("""{
        const late = document.createElement("p");
        late.dataset.heedInteraction = heed.interaction({prompt: "Hello?", response: "Hi!"});
        late.dataset.heedActions = "comment report";
        document.querySelector("main").append(late);
        document.getElementById("old").remove();
    }""")
    expect(page.locator("[name=up]")).to_have_count(0)
    page.click("[name=comment]")
    page.keyboard.type("Too short.")
    page.get_by_text("Send").click()

    late = live.wait_for(kind="comment", text="Too short.")["interaction"]
    assert live.wait_for(type="interaction", id=late)["response"] == "Hi!"
    old = live.events(interaction="answer-1")
    assert [(it["kind"], it.get("score"), it.get("text")) for it in old] == [
        ("thumb", 1.0, None),
        ("edit", None, "A newer answer."),
        ("copy", None, None),
    ]
    assert len({it["user"] for it in [*old, *live.events(id=late)]}) == 1


def test_a_service_with_keys_asks_for_one_and_sends_what_waited(
    tmp_path_factory: pytest.TempPathFactory, visit: Callable[..., Page]
) -> None:
    root = tmp_path_factory.mktemp("keys")
    with listening(Model) as model, serving(root, f"capture.upstream={model}/v1", key="page") as live:
        page = visit(live.url)
        expect(page.locator("#locked-why")).to_have_text("This service asks for a key.")
        ask(page, "Am I let in?")
        expect(page.locator(LAST + ".failed p")).to_contain_text("A key is needed.")
        page.fill("#key", live.key)
        page.keyboard.press("Enter")
        expect(page.locator(LAST + ".text")).to_contain_text("Answer 1 to message 1.")
        expect(page.locator("#locked")).to_be_hidden()

        page.evaluate("heed.key = 'heed_revoked'")
        do(page, "up")
        expect(page.locator(LAST + ".note")).to_have_text("Will be sent when there is a key")
        page.fill("#key", live.key)
        page.keyboard.press("Enter")
        saved(page)
        page.reload()
        do(page, "down")
        saved(page)
        assert [it["score"] for it in live.events(kind="thumb")] == [1.0, -1.0]
