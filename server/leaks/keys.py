"""The public keys with which an origin of reports signs, fetched by HTTPS and cached."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import httpx2
import orjson
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from server.monitoring.tracing import passed_on

MAX_KEYS = 100
MAX_DOCUMENT_BYTES = 64 * 1024
MAX_KEY_ID_LENGTH = 128
_MAX_PEM_LENGTH = 2048
_FETCH_SECONDS = 5.0
# GitHub limits the rate of requests for its keys.
_FRESH_SECONDS = 30 * 60
# For a key that is unknown too: a stranger may name any.
_MIN_SECONDS_BETWEEN = 60
# While the origin does not answer, its last keys stay in use for so long.
_USABLE_SECONDS = 24 * 60 * 60
_log = logging.getLogger("tessera.leaks")


class KeysUnavailable(Exception):
    """The origin's keys could not be fetched."""


class _Unusable(Exception):
    """The origin answers with something else than its keys."""


class SigningKeys:
    """The keys of one origin, by their identifiers.

    url: of the document that lists them. clock: seconds that only grow.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._keys: dict[str, EllipticCurvePublicKey] = {}
        self._etag = ""
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._fetching = asyncio.Lock()

    async def find(self, key_id: str) -> EllipticCurvePublicKey | None:
        """The key of that identifier; None if the origin lists none.

        Fetches the list if it is older than 30 minutes, or lacks the key; once a minute at most.
        Raises `KeysUnavailable` while no list of the last day is there.
        """
        if key_id not in self._keys or self._age() > _FRESH_SECONDS:
            async with self._fetching:
                await self._refresh()
        if self._age() > _USABLE_SECONDS:
            raise KeysUnavailable
        return self._keys.get(key_id)

    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else self._clock() - self._fetched_at

    async def _refresh(self) -> None:
        tried_at, now = self._tried_at, self._clock()
        if tried_at is not None and now - tried_at < _MIN_SECONDS_BETWEEN:
            return
        self._tried_at = now
        try:
            async with asyncio.timeout(_FETCH_SECONDS):
                found = await _fetch(self._url, self._etag)
            if found is not None:
                self._keys, self._etag = _keys_in(found[0]), found[1]
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, _Unusable) as error:
            _log.warning("the keys of leak reports could not be fetched", exc_info=error)
        else:
            self._fetched_at = now


def is_signed(key: EllipticCurvePublicKey, signature: bytes, content: bytes) -> bool:
    """Whether `signature` (DER; ECDSA with SHA-256) is of `content` and by `key`."""
    try:
        key.verify(signature, content, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


async def _fetch(url: str, etag: str) -> tuple[bytes, str] | None:
    """The document at `url` and its tag; None if it is still the one of `etag`."""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Tessera"}
    headers |= passed_on()
    if etag:
        headers["If-None-Match"] = etag
    # Reads the authorities' certificates, which takes tens of milliseconds.
    context = await asyncio.to_thread(httpx2.create_ssl_context)
    async with (
        httpx2.AsyncClient(verify=context, timeout=_FETCH_SECONDS) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        if response.status_code == 304 and etag:
            return None
        if response.status_code != 200:
            raise _Unusable
        content = bytearray()
        # Raw: a compressed document could grow beyond the limit within one part.
        async for part in response.aiter_raw():
            content += part
            if len(content) > MAX_DOCUMENT_BYTES:
                raise _Unusable
        return bytes(content), response.headers.get("etag", "")[:MAX_DOCUMENT_BYTES]


def _keys_in(content: bytes) -> dict[str, EllipticCurvePublicKey]:
    """The P-256 keys of `{"public_keys": [{"key_identifier", "key"}]}`; skips other ones."""
    try:
        document = orjson.loads(content)
    except ValueError:
        raise _Unusable from None
    listed = document.get("public_keys") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise _Unusable
    keys = ((_text(one, "key_identifier"), _key(_text(one, "key"))) for one in listed)
    return {key_id: key for key_id, key in keys if key and 0 < len(key_id) <= MAX_KEY_ID_LENGTH}


def _text(entry: Any, name: str) -> str:
    text = entry.get(name) if isinstance(entry, dict) else None
    return text if isinstance(text, str) else ""


def _key(pem: str) -> EllipticCurvePublicKey | None:
    if not 0 < len(pem) <= _MAX_PEM_LENGTH:
        return None
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    return None
