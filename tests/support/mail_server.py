"""A real mail server, in a thread of its own, and the e-mail that it has taken."""

import asyncio
import re
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Event, Thread
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.process import LOOPBACK, free_port

CONSOLE = "https://intranet.example.com/tessera"
SENDER = "tessera@example.com"
_INVITATION = re.compile(rf"{re.escape(CONSOLE)}/invitation#(\S+)")


@dataclass(frozen=True)
class Letter:
    """An e-mail as the server took it."""

    sender: str
    recipients: list[str]
    content: bytes
    is_encrypted: bool

    @property
    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def text(self) -> str:
        return str(self.message.get_content()).replace("\r\n", "\n")

    @property
    def invitation(self) -> str:
        """The secret in its link."""
        [secret] = _INVITATION.findall(self.text)
        return str(secret)


@dataclass
class MailServer:
    """Takes e-mail at a port of this machine, or answers recipients with `refusal`.

    refused: the recipients that are refused, all by default.
    """

    refusal: str | None = None
    refused: Container[str] | None = None
    delay_seconds: float = 0
    user: tuple[bytes, bytes] | None = None
    letters: list[Letter] = field(default_factory=list)
    port: int = field(default_factory=free_port)
    _end: Callable[[], object] = field(init=False, repr=False)

    @property
    def url(self) -> str:
        return f"smtp://{LOOPBACK}:{self.port}?starttls=off"

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a server that sends by it."""
        return {
            "TESSERA_SMTP_URL": self.url,
            "TESSERA_SMTP_FROM": f"Tessera <{SENDER}>",
            "TESSERA_PUBLIC_URL": CONSOLE,
        }

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        await asyncio.sleep(self.delay_seconds)
        if self.refusal and (self.refused is None or address in self.refused):
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the library's name
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        letter = Letter(
            str(envelope.mail_from), envelope.rcpt_tos, envelope.content, session.ssl is not None
        )
        self.letters.append(letter)
        return "250 OK"

    def authenticate(self, *given: Any) -> AuthResult:
        """Whether user and password are those of the server."""
        data = given[4]
        is_known = isinstance(data, LoginPassword) and (data.login, data.password) == self.user
        return AuthResult(success=is_known)

    @contextmanager
    def running(self, **options: Any) -> Iterator["MailServer"]:
        """Serve until the end of the block. options: of aiosmtpd's `SMTP`."""
        if self.user:
            options |= {"authenticator": self.authenticate, "auth_required": True}
        ready = Event()
        thread = Thread(target=lambda: asyncio.run(self._serve(ready, options)), daemon=True)
        thread.start()
        assert ready.wait(10)
        try:
            yield self
        finally:
            self._end()
            thread.join(10)

    async def _serve(self, ready: Event, options: dict[str, Any]) -> None:
        loop, ending, clients = asyncio.get_running_loop(), asyncio.Event(), list[SMTP]()

        def client() -> SMTP:
            clients.append(SMTP(self, hostname="mail.test", loop=loop, **options))
            return clients[-1]

        self._end = lambda: loop.call_soon_threadsafe(ending.set)
        server = await loop.create_server(client, LOOPBACK, self.port)
        ready.set()
        await ending.wait()
        server.close()
        for one in clients:
            if one.transport is not None:
                one.transport.close()
        await asyncio.sleep(0)
