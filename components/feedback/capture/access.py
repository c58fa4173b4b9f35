"""Who may do what, and how often: keys, scopes and rates. Knows nothing of what is done."""

import asyncio
import ipaddress
import math
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from fastapi import Request

from components.feedback.capture.refusals import Refused, not_stored
from components.feedback.capture.store import TOKEN_PREFIX, Key, Store, StoreDown
from components.records.errors import BadInput

FRESH_SECONDS = 1.0
"""How long it may take until a key that was made or revoked is known to be."""

REMEMBERED = 10_000
"""Keys, and callers, that are remembered; those that came first are forgotten first."""

WRITE = frozenset(("write",))
READ = frozenset(("read",))
EITHER = WRITE | READ


@dataclass(slots=True)
class Bucket:
    """A rate: so many at once, then so many a second."""

    rate: float
    left: float = field(init=False)
    at: float = field(init=False)

    def __post_init__(self) -> None:
        self.left, self.at = self.capacity, time.monotonic()

    @property
    def capacity(self) -> float:
        return max(1.0, self.rate)

    def take(self) -> float:
        """Take one; returns 0, or the seconds until there is one to take."""
        now = time.monotonic()
        self.left = min(self.capacity, self.left + (now - self.at) * self.rate)
        self.at = now
        if self.left < 1:
            return (1 - self.left) / self.rate
        self.left -= 1
        return 0.0


@dataclass(slots=True)
class _Known:
    key: Key | None
    at: float


class Access:
    """Lets requests in, or raises why not.

    Args:
        store: where the keys are.
        host: the address the service listens on.
        rate: requests a second for each key; without keys, for each caller's address.

    Raises:
        BadInput: there is no key, and others than this machine could reach the service.
    """

    def __init__(self, store: Store, host: str, rate: float) -> None:
        self._store, self._rate = store, rate
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._needs_keys, self._looked_at = bool(store.keys()), time.monotonic()
        if not self._needs_keys and not is_loopback(host):
            raise BadInput(
                "without keys anybody who reaches this address could write to it",
                f"capture.host = {host}",
                "Make a key with `heed keys add NAME`, or listen on 127.0.0.1.",
            )

    async def admit(self, request: Request, scopes: frozenset[str]) -> None:
        """Let a request in that has a key with one of these scopes, or needs none.

        Raises:
            Refused: 401, 403 or 429; 503 where the key is not known and the store does not answer.
        """
        caller = f"address {request.client.host if request.client else ''}"
        if await self._keys_are_needed():
            token = token_of(request)
            if token is None:
                raise _unauthorized(
                    "a key is needed", "Send it as `Authorization: Bearer heed_…` or `heed-key: heed_…`."
                )
            if token not in self._known:
                self._take(caller)  # so that nobody can try keys without end
            key = await self._key(token)
            if key is None:
                raise _unauthorized("this key is unknown or revoked", "Ask for another; `heed keys list` shows them.")
            if not key.scopes & scopes:
                needed = " or ".join(sorted(scopes))
                raise Refused(403, f"the key {key.name!r} may not do this", "key", f"Use one with the scope {needed}.")
            caller = f"key {key.name}"
        self._take(caller)

    async def _keys_are_needed(self) -> bool:
        """Once there is a key, revoked or not, there is no way back to none."""
        now = time.monotonic()
        if not self._needs_keys and now - self._looked_at > FRESH_SECONDS:
            self._looked_at = now
            try:
                self._needs_keys = bool(await asyncio.to_thread(self._store.keys))
            except StoreDown:
                return self._needs_keys
        return self._needs_keys

    async def _key(self, token: str) -> Key | None:
        now, known = time.monotonic(), self._known.get(token)
        if known is not None and now - known.at <= FRESH_SECONDS:
            return known.key
        if known is not None:
            known.at = now  # whoever asks meanwhile goes by what was known, and only one looks
        try:
            key = await asyncio.to_thread(self._store.key, token)
        except StoreDown:
            if known is None:
                raise not_stored() from None
            return known.key  # a dead store must not cost anybody their model's reply
        self._known[token] = _Known(key, time.monotonic())
        _forget_beyond(self._known)
        return key

    def _take(self, caller: str) -> None:
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._buckets[caller] = Bucket(self._rate)
            _forget_beyond(self._buckets)
        if wait := bucket.take():
            raise Refused(
                429,
                f"more than {self._rate:g} requests a second",
                caller,
                "Wait as long as Retry-After says, or send many events as one batch.",
                {"retry-after": str(math.ceil(wait))},
            )


def token_of(request: Request) -> str | None:
    """The key a request shows: `heed-key`, or else a bearer's."""
    headers = request.headers
    if token := headers.get("heed-key"):
        return token
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def is_heeds_own(authorization: str) -> bool:
    """Whether an Authorization header carries a key of heed's, which is nobody else's business."""
    return authorization.partition(" ")[2].strip().startswith(TOKEN_PREFIX)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _unauthorized(what: str, fix: str) -> Refused:
    return Refused(401, what, "Authorization", fix, {"www-authenticate": "Bearer"})


def _forget_beyond(remembered: "OrderedDict[str, _Known] | OrderedDict[str, Bucket]") -> None:
    while len(remembered) > REMEMBERED:
        remembered.popitem(last=False)
