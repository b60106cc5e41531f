"""A request goes to a checked address and to no other, despite names, redirects and proxies."""

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest

from models import DeliveryOutcome
from server.outbound.posting import Answer, Poster, Resolve
from tests.support.certificates import make_certificate, server_tls
from tests.support.process import LOOPBACK
from tests.support.tcp_server import Serve, tcp_server
from tests.support.waiting import PATIENCE_SECONDS
from tests.support.webhooks import NETWORKS, Receiver, receiving

HOST = "hooks.example.com"
_PUBLIC = "93.184.215.14"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for `HOST` with its key, in one file."""
    return make_certificate(tmp_path_factory.mktemp("tls"), HOST)


def _resolving(*answers: Sequence[str]) -> tuple[Resolve, list[str]]:
    """A resolver that gives these answers in turn, the last for ever, and the names asked for."""
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    return resolve, asked


async def _post(poster: Poster, url: str) -> Answer:
    try:
        return await poster.post(url, {"webhook-id": "evt_1"}, b"{}")
    finally:
        poster.close()


async def test_tls_names_and_verifies_the_host_at_the_resolved_address(certificate: Path) -> None:
    receiver = Receiver(tls=server_tls(certificate))
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with receiving(receiver):
        resolve, asked = _resolving([LOOPBACK])
        url = f"https://{HOST}:{receiver.port}/x?y=z"
        answer = await _post(Poster(NETWORKS, resolve, trusting), url)
        assert (answer.outcome, answer.status) == (DeliveryOutcome.DELIVERED, 204)
        assert asked == [HOST]
        [received] = receiver.got
        assert received.line == "POST /x?y=z HTTP/1.1"
        assert received.headers["host"] == f"{HOST}:{receiver.port}"
        other = f"https://other.example.com:{receiver.port}/"
        misnamed = await _post(Poster(NETWORKS, resolve, trusting), other)
        untrusted = await _post(Poster(NETWORKS, resolve), url)
    for answer in (misnamed, untrusted):
        assert answer.outcome is DeliveryOutcome.TLS_FAILED
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    "addresses",
    [
        [LOOPBACK],
        ["10.0.0.1"],
        ["::1"],
        ["169.254.169.254"],
        # One public address does not make up for another one.
        [_PUBLIC, LOOPBACK],
        [LOOPBACK, _PUBLIC],
        ["::ffff:127.0.0.1"],
    ],
)
async def test_name_of_an_address_that_is_not_public_is_refused(addresses: list[str]) -> None:
    receiver = Receiver()
    async with receiving(receiver):
        for scheme in ("http", "https"):
            resolve, _ = _resolving(addresses)
            answer = await _post(Poster((), resolve), f"{scheme}://{HOST}:{receiver.port}/")
            assert answer.outcome is DeliveryOutcome.ADDRESS_NOT_ALLOWED
            assert answer.status is None
    assert receiver.got == []


async def test_resolver_that_changes_its_answer_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: public when it is checked, this machine when it is connected to."""
    receiver, connected = Receiver(), list[str]()
    resolve, asked = _resolving([_PUBLIC], [LOOPBACK])

    async def connect(_: object, host: str, *__: object) -> None:
        connected.append(host)
        raise OSError

    async with receiving(receiver):
        monkeypatch.setattr("httpcore2.AnyIOBackend.connect_tcp", connect)
        answer = await _post(Poster((), resolve), f"https://{HOST}:{receiver.port}/")
    assert answer.outcome is DeliveryOutcome.UNREACHABLE
    assert (asked, connected) == ([HOST], [_PUBLIC])
    assert receiver.got == []


async def test_each_request_is_checked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection outlives its request, so a later answer of the resolver is judged too."""
    receiver, resolve = Receiver(), _resolving([LOOPBACK], ["10.0.0.1"])[0]
    async with receiving(receiver):
        poster = Poster(NETWORKS, resolve)
        url = f"http://{HOST}:{receiver.port}/"
        outcomes = [(await poster.post(url, {}, b"{}")).outcome for _ in range(2)]
        poster.close()
    assert outcomes == [DeliveryOutcome.DELIVERED, DeliveryOutcome.ADDRESS_NOT_ALLOWED]
    assert len(receiver.got) == 1


async def test_unencrypted_request_to_a_public_address_is_refused() -> None:
    resolve, _ = _resolving([_PUBLIC])
    answer = await _post(Poster(NETWORKS, resolve), f"http://{HOST}/")
    assert answer.outcome is DeliveryOutcome.ADDRESS_NOT_ALLOWED


async def test_further_addresses_are_tried_where_the_first_does_not_answer() -> None:
    receiver = Receiver()
    async with receiving(receiver):
        resolve, _ = _resolving(["127.7.7.7", LOOPBACK])
        answer = await _post(Poster(NETWORKS, resolve), f"http://{HOST}:{receiver.port}/")
    assert answer.outcome is DeliveryOutcome.DELIVERED


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, receiver = Receiver(), Receiver()
    async with receiving(proxy, receiver):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{LOOPBACK}:{proxy.port}")
            monkeypatch.setenv(name.lower(), f"http://{LOOPBACK}:{proxy.port}")
        answer = await _post(Poster(NETWORKS), receiver.url)
    assert answer.outcome is DeliveryOutcome.DELIVERED
    assert (len(proxy.got), len(receiver.got)) == (0, 1)


async def test_system_resolver_knows_this_machine_and_it_is_refused() -> None:
    answer = await _post(Poster(), "https://localhost:8443/")
    assert answer.outcome is DeliveryOutcome.ADDRESS_NOT_ALLOWED


def _answering(content: bytes, *, ends: bool = True) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(content)
        if not ends:
            await reader.read()

    return serve


@pytest.mark.parametrize(
    ("content", "ends", "outcome"),
    [
        (b"", True, DeliveryOutcome.NO_HTTP),
        (b"SSH-2.0-x\r\n", True, DeliveryOutcome.NO_HTTP),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000, True, DeliveryOutcome.NO_HTTP),
        (b"HTTP/1.1 200 OK\r\n", False, DeliveryOutcome.TIMED_OUT),
        (b"", False, DeliveryOutcome.TIMED_OUT),
        # Its body is not waited for.
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", False, DeliveryOutcome.DELIVERED),
    ],
)
async def test_odd_answers_end_in_an_outcome(
    content: bytes, ends: bool, outcome: DeliveryOutcome
) -> None:
    async with tcp_server(_answering(content, ends=ends)) as port:
        url = f"http://{LOOPBACK}:{port}/"
        seconds = 0.5 if outcome is DeliveryOutcome.TIMED_OUT else PATIENCE_SECONDS
        answer = await _post(Poster(NETWORKS, answer_seconds=seconds), url)
    assert answer.outcome is outcome


async def test_closed_port_and_unknown_name_are_unreachable() -> None:
    async with receiving(receiver := Receiver()):
        pass
    assert (await _post(Poster(NETWORKS), receiver.url)).outcome is DeliveryOutcome.UNREACHABLE

    async def unknown(_host: str, _port: int) -> Sequence[str]:
        raise OSError("Name or service not known")

    answer = await _post(Poster(NETWORKS, unknown), f"https://{HOST}/")
    assert answer.outcome is DeliveryOutcome.UNREACHABLE
