"""The rubrics asked of a language model over HTTP: one that behaves, one that does not, one that really generates."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, set_seed

from components.config import Settings
from components.config.settings import Endpoint
from components.feedback.signals import FINDING, appoint
from components.feedback.signals.reactions import REACTION
from components.feedback.signals.rubric_names import DISSATISFIED, POLARITY, SATISFIED
from components.records.errors import BadInput
from components.training.scratch import tokenizer
from components.workspace import Workspace

Body = dict[str, Any]
SAYS = ('{"turns": [{"turn": 1, "shows"', ': [{"rubric": "gratitude", "strength": 0.75', ', "evidence": "thanks"}]}]}')

RULES = {
    "thank": {"rubric": "gratitude", "strength": 0.9, "evidence": "thanks"},
    "wrong": {"rubric": "factual_error", "strength": 0.8, "evidence": "that is wrong"},
    "shorter": {"rubric": "style", "strength": 0.6, "evidence": None},
}


def turns_of(body: Body) -> list[dict]:
    return json.loads(body["messages"][-1]["content"])["turns"]


def shown(turn: dict) -> list[dict]:
    return [shows for word, shows in RULES.items() if word in turn["said"].lower()]


def judged(body: Body) -> list[dict]:
    return [{"turn": turn["turn"], "shows": shown(turn)} for turn in turns_of(body)]


def faithful(body: Body) -> str:
    return json.dumps({"turns": judged(body)})


def reactions(*texts: str | None, kind: str = "followup") -> pl.DataFrame:
    rows = {"kind": kind, "score": None, "text": list(texts), "asked": "Capital of Australia?", "answered": "Sydney."}
    return pl.DataFrame(rows, schema_overrides=REACTION)


@pytest.fixture
def detector(tmp_path: Path) -> Callable[..., Any]:
    """The detector as a new command has it; the memory is the workspace's."""

    def make(url: str, **settings: object) -> Any:
        endpoint = Endpoint(**{"base_url": url, "model": "tiny-1", "timeout": 20.0, **settings})
        return appoint(["llm"], Workspace(tmp_path, Settings(endpoint=endpoint)))[0]

    return make


def test_it_finds_polarity_rubric_strength_and_the_users_own_words(serving: Callable, detector: Callable) -> None:
    server = serving(faithful)
    llm = detector(server.url)
    assert llm.name == "llm/1:tiny-1"
    found = llm.find(reactions("Thanks  a lot!", "And Perth?", "No, THAT is\nwrong. Shorter please", None, " "))
    assert found.schema == FINDING
    assert found.rows() == [
        (0, "satisfied", "gratitude", 0.9, "Thanks"),
        (2, "dissatisfied", "factual_error", 0.8, "THAT is\nwrong"),
        (2, "dissatisfied", "style", 0.6, None),
    ]
    assert [turn["said"] for body in server.asked for turn in turns_of(body)] == [
        "Thanks  a lot!",
        "And Perth?",
        "No, THAT is\nwrong. Shorter please",
    ]
    asked = server.asked[0]["messages"][0]["content"]
    assert [name for name in POLARITY if f"- {name}: " not in asked] == []
    assert (len(SATISFIED), len(DISSATISFIED)) == (9, 9)


def test_only_what_users_say_is_asked_about(serving: Callable, detector: Callable) -> None:
    server = serving(faithful)
    llm = detector(server.url)
    assert llm.find(reactions("thanks", kind="edit")).is_empty()
    assert llm.find(reactions().clear()).schema == FINDING
    assert server.asked == []
    assert llm.find(reactions("thanks", kind="comment")).height == 1


def test_turns_share_requests_but_are_remembered_one_by_one(serving: Callable, detector: Callable) -> None:
    server = serving(faithful)
    said = [f"{i}: thanks" for i in range(20)]
    first = detector(server.url).find(reactions(*said, *said))
    assert [len(turns_of(body)) for body in server.asked].count(8) == 2
    assert (first.height, len(server.asked)) == (40, 3)
    # Another order, and new turns between them: only the new ones are asked about.
    detector(server.url, budget=999).find(reactions("new", *reversed(said), "and new: thanks"))
    assert [turn["said"] for turn in turns_of(server.asked[-1])] == ["new", "and new: thanks"]
    assert len(server.asked) == 4


def test_a_reply_that_is_not_as_asked_for_costs_only_the_turns_it_garbles(
    serving: Callable, detector: Callable, reply: type, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each turn says how the reply to it goes wrong, in company and alone."""

    def script(body: Body) -> object:
        turns, items = turns_of(body), judged(body)
        said = turns[0]["said"]
        if len(turns) > 1:
            if "prose" in said:
                return f"Here you are:\n```json\n{json.dumps({'turns': items})}\n```\nShall I go on?"
            if "bare list" in said:
                return json.dumps(items)
            if "too few" in said:
                return json.dumps({"turns": items[:5]})
            if "too many" in said:
                return json.dumps({"turns": [*items, {"turn": 99, "shows": []}, "and more", items[2]]})
            if "refused in company" in said:
                return "I'm sorry, I can't read that."
            if "too long together" in said:
                return reply("context exceeded", status=400)
            return json.dumps({"turns": items})
        if "unknown rubric" in said:
            items[0]["shows"] = [{"rubric": "boredom", "strength": 0.5, "evidence": None}]
        if "out of range" in said:
            items[0]["shows"] = [{"rubric": "praise", "strength": 7, "evidence": None}]
        if "refused alone" in said:
            return reply(None, refusal="No.")
        return json.dumps({"turns": items})

    server = serving(script)
    llm = detector(server.url, parallel=1)
    for trouble, alone in [
        ("prose", 0),
        ("bare list", 8),
        ("too few", 3),
        ("too many", 1),
        ("refused in company", 8),
        ("too long together", 8),
    ]:
        before = len(server.asked)
        found = llm.find(reactions(*(f"{trouble} {i}, thanks" for i in range(8))))
        assert found["rubric"].to_list() == ["gratitude"] * 8, trouble
        extra = 2 if trouble == "too long together" else 0  # the same without what a server may not know
        assert len(server.asked) - before == 1 + alone + extra, trouble
    capsys.readouterr()
    for hopeless in ("unknown rubric", "out of range", "refused alone"):
        assert llm.find(reactions(f"{hopeless}, thanks")).is_empty()
    told = " ".join(capsys.readouterr().err.split())
    assert "1 of 1 without an answer: 1 × the reply is not the JSON that was asked for" in told
    assert "1 × the model refused" in told


def test_evidence_the_user_never_said_and_strength_of_nothing_are_left_out(
    serving: Callable, detector: Callable
) -> None:
    shows = [
        {"rubric": "praise", "strength": 0.5, "evidence": "a wonderful answer"},
        {"rubric": "praise", "strength": 0.4, "evidence": "great"},
        {"rubric": "humor", "strength": 0, "evidence": None},
        {"rubric": "style", "strength": "0.25", "evidence": "“(too) long…”", "polarity": "satisfied"},
    ]
    server = serving(lambda body: json.dumps({"turns": [{"turn": 1, "shows": shows}]}))
    found = detector(server.url).find(reactions("great, but (too) long"))
    assert found.rows() == [(0, "satisfied", "praise", 0.5, None), (0, "dissatisfied", "style", 0.25, "(too) long")]


def test_a_budget_leaves_the_rest_for_the_next_command_and_says_so(
    serving: Callable, detector: Callable, capsys: pytest.CaptureFixture[str]
) -> None:
    server = serving(faithful)
    said = [f"{i}: thanks" for i in range(24)]
    assert detector(server.url, budget=2).find(reactions(*said)).height == 16
    assert "8 of 24 without an answer: 8 × the budget of 2 requests is spent" in " ".join(
        capsys.readouterr().err.split()
    )
    assert detector(server.url, budget=3).find(reactions(*said)).height == 24
    assert len(server.asked) == 3


def test_without_an_endpoint_it_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no language model to ask \(endpoint.base_url\)"):
        appoint(["llm"], Workspace(tmp_path, Settings()))


@pytest.fixture(scope="module")
def generating(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Base URL and name of a tiny model behind `transformers serve`, which finds gratitude everywhere."""
    folder = _parrot(tmp_path_factory.mktemp("serve") / "tiny")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = str(Path(sys.executable).parent / "transformers")
    command = [program, "serve", str(folder), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    quiet = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    log = folder.with_suffix(".log")
    with log.open("w") as told, subprocess.Popen(command, env=quiet, stdout=told, stderr=told) as server:
        try:
            while not _healthy(port):
                if server.poll() is not None:
                    pytest.skip(f"transformers serve does not run here: {log.read_text()[-300:]}")
                threading.Event().wait(0.05)
            yield f"http://127.0.0.1:{port}/v1", str(folder)
        finally:
            server.terminate()


def _healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").is_success
    except httpx.TransportError:
        return False


def _parrot(folder: Path) -> Path:
    """A Llama that says one thing whatever it is asked: its layers add nothing, and each token foretells the next."""
    words = tokenizer(["thanks"])
    words.add_tokens(list(SAYS))
    size = {"hidden_size": 256, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    ends = {"bos_token_id": None, "eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id}
    set_seed(0)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(words), max_position_embeddings=8192, **size, **ends))
    says = words.convert_tokens_to_ids(["<|assistant|>", *SAYS, words.eos_token])
    with torch.no_grad():
        model.model.layers[0].self_attn.o_proj.weight.zero_()
        model.model.layers[0].mlp.down_proj.weight.zero_()
        for now, then in pairwise(says):
            seen = model.model.embed_tokens.weight[now]
            model.lm_head.weight[then] = seen / seen.norm()
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def test_what_a_real_server_really_generates_becomes_findings(generating: tuple[str, str], detector: Callable) -> None:
    url, model = generating
    llm = detector(url, model=model)
    found = llm.find(reactions("thanks", "I do appreciate it"))
    # The model has only the one thing to say, of one turn: the second is found when it is asked about alone.
    assert found.drop("row").rows() == [
        ("satisfied", "gratitude", 0.75, "thanks"),
        ("satisfied", "gratitude", 0.75, None),
    ]
