"""One e-mail by a real mail server: encrypted as the settings say, and every step in time."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest

from server.outbound import mailing
from server.outbound.mailing import Attempt, Mailer, MailOutcome
from server.smtp_url import SmtpServer, Tls
from tests.support.certificates import make_certificate, server_tls
from tests.support.mail_server import SENDER, MailServer
from tests.support.process import LOOPBACK
from tests.support.tcp_server import tcp_server
from tests.support.waiting import PATIENCE_SECONDS

HOST = "mail.example.com"
_USER = ("ada@example.com", "pass/word:é")
_RECIPIENT = "grace@example.com"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for `HOST` with its key, in one file."""
    return make_certificate(tmp_path_factory.mktemp("tls"), HOST)


def _message() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, _RECIPIENT, "Zoë"
    message.set_content("Ünïcode\n")
    return message


async def _send(
    server: MailServer, tls: Tls, trusted: Path | None = None, user: tuple[str, str] = ("", "")
) -> Attempt:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return [LOOPBACK]

    context = ssl.create_default_context(cafile=None if trusted is None else str(trusted))
    named = SmtpServer(HOST, server.port, tls, *user)
    mailer = Mailer(named, "tessera.example.com", context, resolve)
    try:
        return await mailer.send(_message(), SENDER, _RECIPIENT)
    finally:
        mailer.close()


@pytest.mark.parametrize(
    ("tls", "offers", "outcome", "is_encrypted"),
    [
        (Tls.REQUIRED, True, MailOutcome.SENT, True),
        (Tls.REQUIRED, False, MailOutcome.FAILED, None),
        (Tls.OFFERED, True, MailOutcome.SENT, True),
        (Tls.OFFERED, False, MailOutcome.SENT, False),
        (Tls.OFF, True, MailOutcome.SENT, False),
    ],
)
async def test_starttls_is_used_where_it_is_offered_and_insisted_on_where_required(
    tls: Tls, offers: bool, outcome: MailOutcome, is_encrypted: bool | None, certificate: Path
) -> None:
    options = {"tls_context": server_tls(certificate)} if offers else {}
    with MailServer().running(**options) as server:
        attempt = await _send(server, tls, certificate)
    assert attempt.outcome is outcome
    assert [one.is_encrypted for one in server.letters] == (
        [] if is_encrypted is None else [is_encrypted]
    )
    assert all(one.recipients == [_RECIPIENT] for one in server.letters)
    assert all(one.text == "Ünïcode\n" for one in server.letters)


async def test_server_that_cannot_prove_its_name_gets_nothing(certificate: Path) -> None:
    with MailServer().running(tls_context=server_tls(certificate)) as server:
        for tls in (Tls.REQUIRED, Tls.OFFERED):
            assert (await _send(server, tls)).outcome is MailOutcome.FAILED
    assert server.letters == []


@pytest.mark.parametrize(
    ("password", "outcome"), [(_USER[1], MailOutcome.SENT), ("wrong", MailOutcome.FAILED)]
)
async def test_user_and_password_are_shown_after_starttls(
    password: str, outcome: MailOutcome, certificate: Path
) -> None:
    """A wrong password can be mended by the operator: it refuses no e-mail for good."""
    known = (_USER[0].encode(), _USER[1].encode())
    with MailServer(user=known).running(tls_context=server_tls(certificate)) as server:
        attempt = await _send(server, Tls.REQUIRED, certificate, (_USER[0], password))
    assert attempt.outcome is outcome
    assert len(server.letters) == (outcome is MailOutcome.SENT)
    assert "word" not in attempt.reason


@pytest.mark.parametrize(
    ("refusal", "attempt"),
    [
        (f"550 no {_RECIPIENT} here", Attempt(MailOutcome.REFUSED, "recipient 550")),
        (f"450 later, {_RECIPIENT}", Attempt(MailOutcome.FAILED, "recipient 450")),
    ],
)
async def test_refusal_is_for_good_or_not_by_its_code(refusal: str, attempt: Attempt) -> None:
    with MailServer(refusal=refusal).running() as server:
        assert await _send(server, Tls.OFF) == attempt


async def test_server_that_is_away_or_says_nothing_takes_no_longer_than_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mailing, "_STEP_SECONDS", 0.2)
    assert (await _send(MailServer(), Tls.OFF)).outcome is MailOutcome.FAILED

    async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with tcp_server(say_nothing) as port, asyncio.timeout(PATIENCE_SECONDS):
        for tls in (Tls.OFF, Tls.AT_ONCE):
            attempt = await _send(replace(MailServer(), port=port), tls)
            assert attempt.outcome is MailOutcome.FAILED
    monkeypatch.setattr(mailing, "ATTEMPT_SECONDS", 0.3)
    monkeypatch.setattr(mailing, "_STEP_SECONDS", 10)
    with MailServer(delay_seconds=6).running() as slow:
        async with asyncio.timeout(5):
            assert (await _send(slow, Tls.OFF)).outcome is MailOutcome.FAILED
    assert slow.letters == []
