"""A language model over real HTTP: asked in parallel, never twice, within a budget, whatever the server does."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from components.config.settings import Endpoint as Settings
from components.endpoint import Answer, Endpoint, Request, Shape, Unanswered, first_object, tell
from components.records.errors import BadInput

Body = dict[str, Any]
ROOT = Path(__file__).parents[2]
SOON = {"retry-after-ms": "5"}


class Mood(Shape):
    mood: str


def asking(text: str, shape: type[Shape] | None = None) -> Request:
    return Request([{"role": "user", "content": text}], shape)


def said(body: Body) -> str:
    return body["messages"][-1]["content"]


def echo(body: Body) -> str:
    return f"{body['model']}: {said(body)}"


@pytest.fixture
def endpoint(tmp_path: Path) -> Callable[..., Endpoint]:
    """An endpoint as a new command has it, all of a test's with one memory."""

    def make(url: str, **settings: object) -> Endpoint:
        chosen = {"base_url": url, "model": "m", "timeout": 5.0, **settings}
        return Endpoint(Settings(**chosen), tmp_path / "deep" / "answers.db")

    return make


def test_answers_come_in_order_and_nothing_is_asked_twice(serving: Callable, endpoint: Callable) -> None:
    server = serving(echo)
    texts = [f"question {i} – ünïcödé 🙂\x00" for i in range(30)]
    outcomes = endpoint(server.url).ask([asking(text) for text in [*texts, *texts]], "Ask")
    assert outcomes == [Answer(f"m: {text}") for text in [*texts, *texts]]
    assert len(server.asked) == 30
    again = endpoint(server.url)
    assert again.ask([asking(text) for text in reversed(texts)], "Ask") == outcomes[29::-1]
    assert again.recall([asking(texts[3]), asking("new")]) == [outcomes[3], None]
    assert len(server.asked) == 30
    assert endpoint(server.url, model="other").ask([asking(texts[0])], "Ask") == [Answer(f"other: {texts[0]}")]
    assert again.ask([], "Ask") == []


def test_every_way_a_request_can_fail_is_an_outcome_with_its_reason(
    serving: Callable, endpoint: Callable, reply: type
) -> None:
    tries: Counter[str] = Counter()
    behaviours = {
        "fine": "yes",
        "thinking": "<think>hm {</think>\n yes",
        "half a character": reply(raw='{"choices": [{"message": {"content": "a\\ud83d"}, "finish_reason": "stop"}]}'),
        "refuses": reply(None, refusal="I would rather not"),
        "filtered": reply("…", finish="content_filter"),
        "empty": "  \n",
        "cut off": reply("Once upon a", finish="length"),
        "too long": reply("context of 4096 exceeded", status=413),
        "down": reply("oh no, key-123", status=503, headers=SOON),
        "a web page": reply(raw="<html>", headers={"content-type": "text/html"}),
        "broken JSON": reply(raw='{"choices": ['),
        "no choices": reply(raw='{"error": {"message": "no"}}'),
        "odd": reply(raw='{"choices": [{"message": {"content": [1]}, "finish_reason": "stop"}]}'),
        "deep": reply(raw="[" * 100_000),
        "hangs": reply(hangs=True),
        "cuts": reply("yes", cuts=True),
    }

    def script(body: Body) -> object:
        tries[said(body)] += 1
        if said(body) == "busy" and tries["busy"] < 3:
            return reply("slow down", status=429, headers={"retry-after": "0.05"})
        return behaviours.get(said(body), "at last")

    server = serving(script)
    served = endpoint(server.url, timeout=0.4, parallel=20, api_key=SecretStr("key-123"))
    names = [*behaviours, "busy"]
    assert served.ask([asking("fine")], "Ask") == [Answer("yes")]
    outcomes = dict(zip(names, served.ask([asking(name) for name in names], "Ask"), strict=True))
    answered = {name: outcome.text for name, outcome in outcomes.items() if isinstance(outcome, Answer)}
    assert answered == {"fine": "yes", "thinking": "yes", "half a character": "a?", "busy": "at last"}
    causes = {name: (o.cause, o.reason) for name, o in outcomes.items() if isinstance(o, Unanswered)}
    assert causes == {
        "refuses": ("model", "the model refused"),
        "filtered": ("model", "the model refused"),
        "empty": ("model", "the answer is empty"),
        "cut off": ("model", "the answer was cut off at the most tokens one may have"),
        "too long": ("request", "HTTP 413: context of 4096 exceeded"),
        "down": ("server", "HTTP 503: oh no, …"),
        "a web page": ("server", "the reply is no chat completion"),
        "broken JSON": ("server", "the reply cannot be read (JSONDecodeError)"),
        "no choices": ("server", "the reply is no chat completion"),
        "odd": ("server", "the reply is no chat completion"),
        "deep": ("server", "the reply cannot be read (RecursionError)"),
        "hangs": ("server", "no reply within 0.4 s"),
        "cuts": ("server", "the connection broke"),
    }
    # What the model would not say it would not say again; what the server failed to do it may do the next time.
    behaviours.clear()
    later = endpoint(server.url).ask([asking(name) for name in ("refuses", "cut off", "down", "hangs")], "Ask")
    assert later == [outcomes["refuses"], outcomes["cut off"], Answer("at last"), Answer("at last")]


def test_a_command_asks_no_more_than_its_budget_and_the_next_one_goes_on(serving: Callable, endpoint: Callable) -> None:
    server = serving(echo)
    requests = [asking(str(i)) for i in range(10)]
    outcomes = endpoint(server.url, budget=4).ask(requests, "Ask")
    assert len(server.asked) == 4
    assert sum(isinstance(outcome, Answer) for outcome in outcomes) == 4
    unasked = {outcome for outcome in outcomes if isinstance(outcome, Unanswered)}
    assert unasked == {Unanswered("the budget of 4 requests is spent (endpoint.budget)", "budget")}
    following = endpoint(server.url, budget=6)
    assert all(isinstance(outcome, Answer) for outcome in following.ask(requests, "Ask"))
    assert len(server.asked) == 10
    assert following.ask([asking("one more")], "Ask") == [
        Unanswered("the budget of 6 requests is spent (endpoint.budget)", "budget")
    ]


def test_json_is_asked_for_where_the_server_takes_it_and_done_without_where_not(
    serving: Callable, endpoint: Callable, reply: type
) -> None:
    def choosy(body: Body) -> object:
        strange = body.keys() - {"model", "messages"}
        return reply(f"unknown: {', '.join(sorted(strange))}", status=400) if strange else '{"mood": "fine"}'

    easy, strict = serving(lambda body: '{"mood": "good"}'), serving(choosy)
    assert endpoint(easy.url).ask([asking("How?", Mood)], "Ask") == [Answer('{"mood": "good"}')]
    wanted = easy.asked[0]["response_format"]["json_schema"]
    assert (wanted["strict"], wanted["schema"]["required"]) == (True, ["mood"])
    assert wanted["schema"]["additionalProperties"] is False
    served = endpoint(strict.url, parallel=1)
    assert served.ask([asking("How?", Mood), asking("And now?", Mood)], "Ask") == [Answer('{"mood": "fine"}')] * 2
    keys = [sorted(body.keys() - {"model", "messages"}) for body in strict.asked]
    assert keys == [["max_tokens", "response_format", "temperature"], ["max_tokens", "temperature"], [], []]


def test_a_server_that_only_fails_is_given_up_on(serving: Callable, endpoint: Callable, reply: type) -> None:
    server = serving(lambda body: reply("down", status=500, headers=SOON))
    outcomes = endpoint(server.url, parallel=2).ask([asking(str(i)) for i in range(200)], "Ask")
    reasons = Counter(outcome.reason for outcome in outcomes)
    assert reasons["it failed 25 times in a row and was asked no more"] >= 173
    assert len(server.asked) <= 4 * 27  # with three retries each


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"url": ""}, r"no language model to ask \(endpoint.base_url\)"),
        ({"model": ""}, r"no language model to ask \(endpoint.model\)"),
        ({"url": "localhost:8000/v1"}, r"'localhost:8000/v1' is no web address \(endpoint.base_url\)"),
        ({"url": "http://[::1/v1"}, r"is no web address \(endpoint.base_url\)"),
        ({"api_key": SecretStr("key\n")}, r"the key has signs that no key has \(endpoint.api_key\)"),
        ({"status": 401}, r"does not let us in: HTTP 401: nope .*HEED_ENDPOINT_API_KEY"),
        ({"status": 403}, r"does not let us in: HTTP 403: nope \(endpoint.api_key\)"),
        ({"status": 404}, r"knows no 'm': HTTP 404: nope \(endpoint.model\)"),
        ({"url": "http://127.0.0.1:9/v1"}, r"cannot connect to http://127.0.0.1:9/v1: .*\(endpoint.base_url\)"),
    ],
)
def test_what_a_person_can_mend_ends_the_command_and_says_how(
    wrong: dict, message: str, serving: Callable, endpoint: Callable, reply: type
) -> None:
    server = serving(lambda body: reply("nope", status=wrong.get("status", 200)))
    settings = {"url": server.url, **wrong}
    settings.pop("status", None)
    with pytest.raises(BadInput, match=message):
        endpoint(settings.pop("url"), **settings).ask([asking(str(i)) for i in range(20)], "Ask")


def test_one_forbidden_request_among_many_is_an_outcome(serving: Callable, endpoint: Callable, reply: type) -> None:
    server = serving(lambda body: reply("moderated", status=403) if said(body) == "2" else "yes")
    outcomes = endpoint(server.url, parallel=1).ask([asking(str(i)) for i in range(4)], "Ask")
    assert outcomes == [Answer("yes"), Answer("yes"), Unanswered("HTTP 403: moderated", "request"), Answer("yes")]


def test_a_key_goes_only_where_it_is_set(serving: Callable, endpoint: Callable, monkeypatch: Any) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-for-somebody-else")
    server = serving(echo)
    endpoint(server.url).ask([asking("a")], "Ask")
    endpoint(server.url, api_key=SecretStr("mine")).ask([asking("b")], "Ask")
    assert "somebody-else" not in str(server.headers)
    assert server.headers[1]["authorization"] == "Bearer mine"


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_a_command_ends_at_once_and_what_was_answered_is_not_asked_again(
    ending: signal.Signals, serving: Callable, endpoint: Callable, tmp_path: Path
) -> None:
    enough, go_on = threading.Event(), threading.Event()

    def script(body: Body) -> str:
        if len(server.asked) > 12:
            enough.set()
            go_on.wait()
        return echo(body)

    server = serving(script)
    program = f"""
from pathlib import Path
from components.config.settings import Endpoint as Settings
from components.endpoint import Endpoint, Request
settings = Settings(base_url={server.url!r}, model="m", parallel=1)
requests = [Request([{{"role": "user", "content": str(i)}}]) for i in range(40)]
Endpoint(settings, Path({str(tmp_path / "deep" / "answers.db")!r})).ask(requests, "Ask")
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    assert enough.wait(60)
    process.send_signal(ending)
    process.wait(timeout=50)  # the server hangs, and would be waited for four times 60 seconds
    go_on.set()
    outcomes = endpoint(server.url).ask([asking(str(i)) for i in range(40)], "Ask")
    assert outcomes == [Answer(f"m: {i}") for i in range(40)]
    # Only what was under way when it died: the one that hung, and one whose answer had not been written yet.
    assert 40 < len(server.asked) <= 42


def test_a_memory_that_is_something_else_is_not_overwritten(serving: Callable, tmp_path: Path) -> None:
    other = tmp_path / "answers.db"
    other.write_text("notes that matter, " * 100)
    settings = Settings(base_url=serving(echo).url, model="m")
    with pytest.raises(BadInput, match="not a memory of answers"):
        Endpoint(settings, other).ask([asking("a")], "Ask")
    assert other.read_text().startswith("notes that matter")


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ('{"mood": "good"}', "good"),
        ('Sure! Here it is:\n```json\n{"mood": "good"}\n```\nAnything else?', "good"),
        ('The set {1, 2} is no {"mood"}; {"other": 1} {"mood": "good"} {"mood": "bad"}', "good"),
        ('{"mood": "line\nbreak", "why": {"more": []}}', "line\nbreak"),
        ('{"mood": 7}', None),
        ('{"mood": "\\ud83d"}', None),
        ('{"mood": ' * 2000, None),
        ("{" * 100_000, None),
        ("I'm sorry, but I can't help with that.", None),
        ("", None),
    ],
)
def test_the_first_json_object_of_the_shape_is_found_whatever_stands_around_it(text: str, mood: str | None) -> None:
    found = first_object(text, Mood)
    assert (found and found.mood) == mood


def test_what_has_no_answer_is_told_with_the_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    tell("Turns", [], 5)
    assert capsys.readouterr().err == ""
    tell("Turns", ["HTTP 500: [red]"] * 2 + ["refused"], 5)
    assert " ".join(capsys.readouterr().err.split()) == (
        "! Turns: 3 of 5 without an answer: 2 × HTTP 500: [red]; 1 × refused"
    )
