"""Sends one request to a URL that a tenant chose.

The host's name is resolved once, each of its addresses is checked, and the connection goes to one
of those. A later change of the resolver's answer has no effect. Redirects are not followed, proxies
of the environment are not used, and of the answer only status and `Retry-After` are read.
"""

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpcore2
import httpx2

from models import DeliveryOutcome
from server.outbound.addresses import is_allowed
from server.web.client_address import Network

ANSWER_SECONDS = 20.0
MAX_RETRY_AFTER_SECONDS = 24 * 60 * 60
_CONNECT_SECONDS = 5.0
_MAX_ADDRESSES_TRIED = 3
_RESOLVING_THREADS = 16
_log = logging.getLogger("tessera.webhooks")
# Gives the addresses of a host's name. Raises `OSError`.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a request. `status` is None without an answer, `retry_after_seconds` often."""

    outcome: DeliveryOutcome
    status: int | None = None
    retry_after_seconds: int | None = None
    milliseconds: int = 0


class AddressNotAllowed(Exception):
    """The host has an address that this server must not connect to."""


class Resolver:
    """The system's resolver, in threads of its own: a slow name server holds up nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVING_THREADS, "resolver")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """The addresses of `host`. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    def close(self) -> None:
        """End the threads, once their resolving ends."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class _CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to allowed addresses alone. TLS still names and verifies the host."""

    def __init__(
        self, resolve: Resolve, networks: Sequence[Network], *, is_encrypted: bool
    ) -> None:
        self._resolve = resolve
        self._networks = networks
        self._is_encrypted = is_encrypted
        self._sockets = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's own signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError from error
        for address in addresses:
            if not is_allowed(address, self._networks, is_encrypted=self._is_encrypted):
                raise AddressNotAllowed
        failure: Exception = httpcore2.ConnectError()
        for address in addresses[:_MAX_ADDRESSES_TRIED]:
            try:
                return await self._sockets.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore2.AsyncNetworkStream:
        raise AddressNotAllowed


class Poster:
    """Sends requests to URLs that tenants chose.

    networks: those that the operator allows beside public addresses, by HTTP too. resolve: gives
    a host's addresses. tls: the context that verifies certificates; the system's by default.
    """

    def __init__(
        self,
        networks: Sequence[Network] = (),
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._networks = networks
        self._resolver = Resolver()
        self._resolve = resolve or self._resolver
        self._tls = tls
        self._answer_seconds = answer_seconds

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send `body` and wait for the answer, 20 seconds at most."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._answer_seconds):
                status, answered = await self._post(url, headers, body)
        except Exception as error:
            return Answer(_outcome_of(error), milliseconds=_since(started))
        return Answer(_outcome_of_status(status), status, _retry_after(answered), _since(started))

    def close(self) -> None:
        """End the threads that resolve names."""
        self._resolver.close()

    async def _post(
        self, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[bytes, bytes]]:
        if self._tls is None:
            # Reads the authorities' certificates, which takes tens of milliseconds.
            self._tls = await asyncio.to_thread(httpx2.create_ssl_context)
        backend = _CheckedBackend(
            self._resolve, self._networks, is_encrypted=url.startswith("https:")
        )
        # A pool for each request: no connection is used for a second one, and each is checked.
        async with (
            httpcore2.AsyncConnectionPool(self._tls, network_backend=backend) as pool,
            pool.stream(
                "POST",
                url,
                headers=[*headers.items(), ("Connection", "close")],
                content=body,
                extensions={"timeout": {"connect": _CONNECT_SECONDS}},
            ) as response,
        ):
            return response.status, {name.lower(): value for name, value in response.headers}


def _outcome_of(error: Exception) -> DeliveryOutcome:
    match error:
        case AddressNotAllowed():
            return DeliveryOutcome.ADDRESS_NOT_ALLOWED
        case TimeoutError() | httpcore2.TimeoutException():
            return DeliveryOutcome.TIMED_OUT
        case httpcore2.ConnectError() if _is_of_tls(error):
            return DeliveryOutcome.TLS_FAILED
        case httpcore2.ProtocolError():
            return DeliveryOutcome.NO_HTTP
        case httpcore2.NetworkError() | OSError():
            return DeliveryOutcome.UNREACHABLE
    _log.error("an event could not be sent", exc_info=error)
    return DeliveryOutcome.UNREACHABLE


def _is_of_tls(error: BaseException | None) -> bool:
    """Whether an error of TLS led to it: the sockets' libraries wrap that once or twice."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error is not None


def _outcome_of_status(status: int) -> DeliveryOutcome:
    if 200 <= status < 300:
        return DeliveryOutcome.DELIVERED
    return DeliveryOutcome.REDIRECTED if 300 <= status < 400 else DeliveryOutcome.REFUSED


def _retry_after(headers: Mapping[bytes, bytes]) -> int | None:
    """The seconds that `Retry-After` (RFC 9110, section 10.2.3) asks for, a day at most."""
    text = headers.get(b"retry-after", b"").decode("latin-1").strip()
    if text.isdecimal() and text.isascii():
        return min(int(text[:9]), MAX_RETRY_AFTER_SECONDS)
    try:
        at = parsedate_to_datetime(text[:64])
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    seconds = (at - datetime.now(UTC)).total_seconds()
    return round(min(max(seconds, 0), MAX_RETRY_AFTER_SECONDS))


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
