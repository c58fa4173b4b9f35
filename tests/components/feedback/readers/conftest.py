import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.feedback.readers import Reading, read


@pytest.fixture
def read_rows(tmp_path: Path) -> Callable[..., Reading]:
    """Write rows as JSON lines and read them back."""

    def written(*rows: Any, format: str | None = None) -> Reading:
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")
        return read([path], format)

    return written
