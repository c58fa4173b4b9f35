"""Whether a server answers."""

from contextlib import suppress

import httpx


def answers(url: str) -> bool:
    """Whether a server says that it is well."""
    with suppress(httpx.HTTPError):
        return httpx.get(url, timeout=2).is_success
    return False
