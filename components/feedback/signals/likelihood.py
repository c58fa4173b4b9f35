"""How likely a language model finds it that the user is pleased, or displeased, with an answer.

Follow-up likelihood as reward, https://arxiv.org/abs/2409.13948: fixed things that pleased and displeased users say are
set after the answer, and the model tells how likely each is:

    score(x, y) = mean over pleased f of log p(f | x, y) - mean over displeased f of log p(f | x, y)     [nats]

Some replies are likelier whatever came before, so the score of exchanges that please nobody and displease nobody is its
zero (https://arxiv.org/abs/2102.09690). Then 2 sigmoid(score) - 1 = P(pleased) - P(displeased) is how strongly the
answer pleases. It needs no reply of the user: it reads the answer. Knows nothing of who made the model.
"""

import copy
import hashlib
import inspect
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from components.feedback.signals.findings import FINDING
from components.progress import step
from components.records.errors import BadInput
from components.records.messages import Message
from components.workspace import Workspace

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PLEASED = (
    "Thank you, that is exactly what I needed.",
    "Great, that makes sense.",
    "Perfect, that is right.",
    "That answers my question, thanks.",
    "Wow, this is really helpful!",
)
DISPLEASED = (
    "No, that is not what I asked for.",
    "Sorry, that makes no sense.",
    "No, that is wrong.",
    "That does not answer my question.",
    "This is not helpful at all.",
)
FOLLOW_UPS = (*PLEASED, *DISPLEASED)
NEUTRAL = (
    ("Hello", "Hello. What can I do for you?"),
    ("I have a question.", "Go ahead, what is your question?"),
    ("Are you there?", "Yes, I am here."),
)
LONGEST = 2048  # tokens of an exchange that are read: its last ones
ROWS, TOKENS = 64, 8192  # exchanges, and tokens of them, in a batch at most


Tokens = list[int]


class Likelihood:
    """One finding for each reaction whose answer is known, of any kind.

    Its evidence is the follow-up that the answer made likelier than any other of its polarity.

    Raises:
        BadInput: `signals.language_model` is empty, or names no model that can be loaded.
    """

    def __init__(self, workspace: Workspace) -> None:
        named = workspace.settings.signals.language_model
        if not named:
            fix = "Name a causal language model, by its folder or hub name."
            raise BadInput("the detector likelihood has no language model to ask", "signals.language_model", fix)
        folder = workspace.root / named
        self.model, self.tokenizer, version = _load(folder if folder.is_dir() else None, named)
        self.name = f"likelihood/1:{version}"

    def find(self, reactions: pl.DataFrame) -> pl.DataFrame:
        """See `Detector.find`."""
        known = reactions.with_row_index("row").drop_nulls("answered").with_columns(pl.col("asked").fill_null(""))
        exchanges = known.select("asked", "answered").unique(maintain_order=True)
        gains = self.log_likelihood(exchanges) - self._unmoved
        pleased, displeased = np.split(gains, [len(PLEASED)], axis=1)
        score = pleased.mean(axis=1) - displeased.mean(axis=1)
        likeliest = np.where(score > 0, pleased.argmax(axis=1), len(PLEASED) + displeased.argmax(axis=1))
        read = exchanges.with_columns(
            polarity=pl.Series(np.where(score > 0, "satisfied", "dissatisfied"), dtype=pl.String),
            rubric=pl.lit("likelihood"),
            strength=pl.Series(np.abs(np.tanh(score / 2)), dtype=pl.Float64),
            evidence=pl.Series([FOLLOW_UPS[i] for i in likeliest], dtype=pl.String),
        ).filter(pl.col("strength") > 0, pl.col("strength").is_not_nan())
        return known.join(read, on=["asked", "answered"], maintain_order="left").select(*FINDING)

    def log_likelihood(self, exchanges: pl.DataFrame) -> np.ndarray:
        """How likely each follow-up is after each exchange.

        Of an exchange longer than the model's context the beginning is left out.

        Args:
            exchanges: `asked` and `answered`, texts, shape (n, 2).

        Returns:
            Nats, summed over the follow-up's tokens, shape (n, follow-ups), in the order of FOLLOW_UPS.
        """
        said = self._follow_ups
        room = min(LONGEST, _context(self.model, self.tokenizer) - max(map(len, said)))
        before = [tokens[-room:] for tokens in self._before(exchanges)]
        by_length = sorted(range(len(before)), key=lambda i: len(before[i]), reverse=True)
        nats, done = np.zeros((len(before), len(said))), 0
        with step("How likely is it that users are pleased?", total=len(before)) as advance:
            while done < len(before):
                batch = by_length[done : done + max(1, min(ROWS, TOKENS // len(before[by_length[done]])))]
                nats[batch] = _batch(self.model, [before[i] for i in batch], said)
                done += len(batch)
                advance(done)
        return nats

    @cached_property
    def _unmoved(self) -> np.ndarray:
        """How likely each follow-up is where there is nothing to be pleased or displeased with, shape (follow-ups,)."""
        return self.log_likelihood(pl.DataFrame(NEUTRAL, schema=["asked", "answered"], orient="row")).mean(axis=0)

    @cached_property
    def _follow_ups(self) -> list[Tokens]:
        """What a user's turn is after it has begun, for each follow-up."""
        if self.tokenizer.chat_template:
            _, end = self._around(_talk("Hello", "Hello."))
            turns = [f"{follow_up}{end}" for follow_up in FOLLOW_UPS]
        else:
            turns = [f" {follow_up}\n" for follow_up in FOLLOW_UPS]
        return self.tokenizer(turns, add_special_tokens=False)["input_ids"]

    def _before(self, exchanges: pl.DataFrame) -> list[Tokens]:
        """Exchanges up to where the user's next turn has begun, in the model's chat template where it has one."""
        if self.tokenizer.chat_template:
            begins: Tokens = []
            texts = [self._around(_talk(*exchange))[0] for exchange in exchanges.iter_rows()]
        else:
            begins = [] if self.tokenizer.bos_token_id is None else [self.tokenizer.bos_token_id]
            texts = [f"User: {asked}\nAssistant: {answered}\nUser:" for asked, answered in exchanges.iter_rows()]
        tokens = self.tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
        return [begins + text for text in tokens]

    def _around(self, talk: list[Message]) -> tuple[str, str]:
        """What the chat template writes before and after a follow-up.

        It is written with one and cut apart: some templates write the same answer otherwise where nothing follows it.
        """
        whole = self.tokenizer.apply_chat_template([*talk, {"role": "user", "content": FOLLOW_UPS[0]}], tokenize=False)
        before, _, after = whole.rpartition(FOLLOW_UPS[0])
        return before, after


def _talk(asked: str, answered: str) -> list[Message]:
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]


def _context(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> int:
    """The most tokens the model can look at."""
    return int(getattr(model.config.get_text_config(), "max_position_embeddings", tokenizer.model_max_length))


def _batch(model: "PreTrainedModel", before: list[Tokens], said: list[Tokens]) -> np.ndarray:
    """Log-likelihood of each follow-up after each exchange, in nats, shape (exchanges, follow-ups).

    Every exchange is read once, padded on the left so that all end in the same column; then each follow-up goes on from
    what the model remembers of them. It begins with the exchange's last token, which foretells its first.
    """
    import torch

    width = max(map(len, before))
    padded = torch.tensor([[0] * (width - len(tokens)) + tokens for tokens in before], device=model.device)
    lengths = torch.tensor([[len(tokens)] for tokens in before], device=model.device)
    seen = torch.arange(width, device=model.device) >= width - lengths

    def go_on(reader: "PreTrainedModel", tokens: torch.Tensor, attended: torch.Tensor, memory: Any) -> Any:
        told = {"input_ids": tokens, "attention_mask": attended.long(), "use_cache": True}
        if memory is not None:
            told["past_key_values"] = memory
        if "position_ids" in inspect.signature(reader.forward).parameters:
            told["position_ids"] = (attended.long().cumsum(dim=1) - 1).clamp(min=0)[:, -tokens.shape[1] :]
        return reader(**told)

    with torch.inference_mode():
        # The model without its head: nobody asks what it foretells inside the exchange.
        memory = getattr(go_on(model.base_model, padded[:, :-1], seen[:, :-1], None), "past_key_values", None)
        # A model with a memory of its own kind, as Mamba, reads the exchange again each time.
        begun = padded if memory is None else padded[:, -1:]
        nats = []
        for tokens in said:
            follow_up = torch.tensor(tokens, device=model.device).expand(len(before), -1)
            fed = torch.cat([begun, follow_up[:, :-1]], dim=1)
            attended = torch.cat([seen, torch.ones_like(follow_up[:, 1:], dtype=torch.bool)], dim=1)
            logits = go_on(model, fed, attended, copy.deepcopy(memory)).logits[:, -len(tokens) :].float()
            told = logits.log_softmax(dim=-1).gather(2, follow_up[:, :, None])
            nats.append(told.sum(dim=(1, 2), dtype=torch.float64))
        return torch.stack(nats, dim=1).cpu().numpy()


def _load(folder: Path | None, named: str) -> tuple["PreTrainedModel", "PreTrainedTokenizerBase", str]:
    """The model, its tokenizer, and a name that another version of it does not have."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from components.hub import place

    gpu = torch.cuda.is_available()
    try:
        found = str(folder) if folder else place(named)
        model = AutoModelForCausalLM.from_pretrained(found, dtype="auto" if gpu else torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(found)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"no language model can be loaded from {named!r}: {str(error).strip().splitlines()[0]}",
            "signals.language_model",
            "Name a folder with a saved Transformers model, or a hub name this machine can reach.",
        ) from None
    if folder:
        version = f"{folder.name}@{_content(folder)}"
    else:
        commit = Path(found).name if Path(found).is_dir() else getattr(model.config, "_commit_hash", None)
        version = f"{named}@{(commit or 'main')[:12]}"
    return model.to("cuda" if gpu else "cpu").eval(), tokenizer, version


def _content(folder: Path) -> str:
    """12 hex characters for what is in a model's folder."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*")):
        if file.suffix in (".safetensors", ".bin", ".json", ".jinja"):
            with file.open("rb") as content:
                digest.update(file.name.encode() + hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:12]
