"""Lets a model talk with many people at once, piece by piece. Knows nothing of who they are or how they reach it.

Whoever asks while others ask is answered together with them. Every answer draws from a seed of its own, so it does not
depend on who else asked.
"""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedTokenizerBase,
    StoppingCriteria,
    StoppingCriteriaList,
)
from transformers.generation.streamers import BaseStreamer

from components.evaluation.policies import Tokens, context_of, open_policy, padding, prompt_tokens
from components.records.messages import Message

TOGETHER = 64  # answers written at a time
LINGER = 0.005  # seconds to wait for others who ask at the same moment
UNFINISHED = "\ufffd"  # what a tokenizer writes for the first bytes of a character


@dataclass(frozen=True)
class Question:
    """What somebody wants answered.

    Attributes:
        messages: the conversation, ending with what the user asked.
        max_new_tokens: where the answer is cut off.
        temperature: 0 answers greedily.
        seed: of the sampling.
    """

    messages: list[Message]
    max_new_tokens: int
    temperature: float
    seed: int


@dataclass(frozen=True)
class Piece:
    """The next of an answer, or its end.

    Attributes:
        text: what was said since the last piece.
        ended: "stop" where the model ended its answer, "length" where it was cut off; None while it goes on.
    """

    text: str
    ended: str | None = None


@dataclass(eq=False)
class _Turn:
    """A question on its way through the speaker's thread."""

    question: Question
    tokens: Tokens
    loop: asyncio.AbstractEventLoop
    pieces: "asyncio.Queue[Piece | Exception]" = field(default_factory=asyncio.Queue)
    answer: Tokens = field(default_factory=list)
    told: int = 0  # characters
    over: bool = False

    def tell(self, piece: Piece | Exception) -> None:
        self.loop.call_soon_threadsafe(self.pieces.put_nowait, piece)


class Speaker:
    """A model with a thread of its own.

    Args:
        model_path: a folder or hub name; its tokenizer has a chat template.
    """

    def __init__(self, model_path: str | Path) -> None:
        self.model, self.tokenizer = open_policy(model_path, torch.bfloat16)
        self.context = context_of(self.model, self.tokenizer)
        self._turns: queue.SimpleQueue[_Turn | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    async def say(self, question: Question) -> AsyncIterator[Piece]:
        """The answer as it is written; whoever stops listening ends it.

        A prompt longer than the model's context loses its beginning.

        Raises:
            ValueError: max_new_tokens leaves the model no room for a prompt.
        """
        room = self.context - question.max_new_tokens
        if room < 1:
            raise ValueError(f"max_tokens must be below {self.context}, the model's context")
        tokens = prompt_tokens(self.tokenizer, [question.messages])[0][-room:]
        turn = _Turn(question, tokens, asyncio.get_running_loop())
        self._turns.put(turn)
        try:
            while True:
                piece = await turn.pieces.get()
                if isinstance(piece, Exception):
                    raise piece
                yield piece
                if piece.ended:
                    return
        finally:
            turn.over = True

    def close(self) -> None:
        """End the thread once what was asked is answered."""
        self._turns.put(None)
        self._thread.join()

    def _work(self) -> None:
        while turns := self._gathered():
            try:
                self._answer(turns)
            except Exception as error:
                for turn in turns:
                    turn.tell(error)

    def _gathered(self) -> list[_Turn]:
        """Whoever asks together; nobody once the speaker is closed."""
        first = self._turns.get()
        turns = [first] if first else []
        while turns and len(turns) < TOGETHER:
            try:
                turn = self._turns.get(timeout=LINGER)
            except queue.Empty:
                break
            if turn is None:
                self._turns.put(None)
                break
            turns.append(turn)
        return turns

    @torch.inference_mode()
    def _answer(self, turns: list[_Turn]) -> None:
        pad = padding(self.tokenizer)
        width = max(len(turn.tokens) for turn in turns)
        padded = [[pad] * (width - len(turn.tokens)) + turn.tokens for turn in turns]
        attended = [[0] * (width - len(turn.tokens)) + [1] * len(turn.tokens) for turn in turns]
        ends = self.model.generation_config.eos_token_id or self.tokenizer.eos_token_id
        config = GenerationConfig(
            max_new_tokens=max(turn.question.max_new_tokens for turn in turns),
            eos_token_id=ends,
            pad_token_id=pad,
            do_sample=False,
        )
        self.model.generate(
            input_ids=torch.tensor(padded, device=self.model.device),
            attention_mask=torch.tensor(attended, device=self.model.device),
            generation_config=config,
            logits_processor=LogitsProcessorList([_Draw(turns)]),
            stopping_criteria=StoppingCriteriaList([_Over(turns)]),
            streamer=_Listeners(turns, self.tokenizer, {ends} if isinstance(ends, int) else set(ends)),
        )


class _Draw(LogitsProcessor):
    """Sampling as the greatest of the logits with Gumbel noise, each row's noise from its own seed."""

    def __init__(self, turns: list[_Turn]) -> None:
        self.turns = turns
        self.draws = [np.random.default_rng(turn.question.seed) for turn in turns]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        drawn = scores.float().clone()
        for row, (turn, draw) in enumerate(zip(self.turns, self.draws, strict=True)):
            if turn.question.temperature and not turn.over:
                noise = torch.from_numpy(draw.gumbel(size=scores.shape[1])).to(drawn)
                drawn[row] = drawn[row] / turn.question.temperature + noise
        return drawn


class _Over(StoppingCriteria):
    """Ends the rows that are said, and those nobody listens to any more."""

    def __init__(self, turns: list[_Turn]) -> None:
        self.turns = turns

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        return torch.tensor([turn.over for turn in self.turns], device=input_ids.device)


class _Listeners(BaseStreamer):
    """Tells every listener what is new for them; is given the prompts first, then one token a row at a time."""

    def __init__(self, turns: list[_Turn], tokenizer: PreTrainedTokenizerBase, ends: set[int]) -> None:
        self.turns, self.tokenizer, self.ends = turns, tokenizer, ends
        self.began = False

    def put(self, value: torch.Tensor) -> None:
        if not self.began:
            self.began = True
            return
        for turn, token in zip(self.turns, value.tolist(), strict=True):
            if not turn.over:
                self._hear(turn, token)

    def end(self) -> None:
        """Every row has told its own end."""

    def _hear(self, turn: _Turn, token: int) -> None:
        ended = "stop" if token in self.ends else None
        if not ended:
            turn.answer.append(token)
            ended = "length" if len(turn.answer) == turn.question.max_new_tokens else None
        text = self.tokenizer.decode(turn.answer, skip_special_tokens=True)
        if not ended and text.endswith(UNFINISHED):
            return
        turn.tell(Piece(text[turn.told :], ended))
        turn.told, turn.over = len(text), bool(ended)
