"""Sends one e-mail by the operator's mail server."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from enum import Enum

import aiosmtplib

from server.outbound.posting import Resolver
from server.smtp_url import SmtpServer, Tls

ATTEMPT_SECONDS = 40.0
_STEP_SECONDS = 10.0
_QUIT_SECONDS = 2.0
_MAX_ADDRESSES_TRIED = 3
_log = logging.getLogger("tessera.mail")


class MailOutcome(Enum):
    """The outcome of an attempt: REFUSED is for good, FAILED may be tried again."""

    SENT = "sent"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """The outcome of an attempt. `reason` is for the log: no text of the server, no address."""

    outcome: MailOutcome
    reason: str = ""


class _AddressNotTakenError(Exception):
    """The recipient's address has letters that the mail server cannot take."""


class Mailer:
    """Sends e-mails by one server, each over a connection of its own.

    name: how this server introduces itself. tls: the context that verifies the mail server's
    certificate; the system's by default. Every step has 10 seconds, an attempt 40.
    """

    def __init__(
        self,
        server: SmtpServer,
        name: str,
        tls: ssl.SSLContext | None = None,
        resolve: Callable[[str, int], Awaitable[Sequence[str]]] | None = None,
    ) -> None:
        self._server = server
        self._name = name
        self._tls = tls
        self._resolver = Resolver()
        self._resolve = resolve or self._resolver

    async def send(self, message: EmailMessage, sender: str, recipient: str) -> Attempt:
        """Send `message`. SENT means that the server has taken it over."""
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                await self._send(message, sender, recipient)
        except Exception as error:
            return _attempt_of(error)
        return Attempt(MailOutcome.SENT)

    def close(self) -> None:
        """End the threads that resolve names."""
        self._resolver.close()

    async def _send(self, message: EmailMessage, sender: str, recipient: str) -> None:
        server = self._server
        if self._tls is None:
            # Reads the authorities' certificates, which takes tens of milliseconds.
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        client = aiosmtplib.SMTP(
            hostname=server.host,
            username=server.user or None,
            password=server.password or None,
            local_hostname=self._name,
            timeout=_STEP_SECONDS,
            use_tls=server.tls is Tls.AT_ONCE,
            start_tls={Tls.REQUIRED: True, Tls.OFFERED: None}.get(server.tls, False),
            tls_context=self._tls,
            sock=await self._connected(),
        )
        try:
            await client.connect()
            try:
                await client.send_message(message, sender=sender, recipients=[recipient])
            except aiosmtplib.SMTPNotSupported as error:
                # RFC 6531: the server says whether it takes addresses beyond ASCII.
                raise error if recipient.isascii() else _AddressNotTakenError from error
            # The server has taken it over by now, however it says goodbye.
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=_QUIT_SECONDS)
        finally:
            client.close()

    async def _connected(self) -> socket.socket:
        """A socket that is connected to one of the server's addresses."""
        loop = asyncio.get_running_loop()
        failure: OSError = OSError("the server has no address")
        async with asyncio.timeout(_STEP_SECONDS):
            addresses = await self._resolve(self._server.host, self._server.port)
        for address in addresses[:_MAX_ADDRESSES_TRIED]:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            connecting = socket.socket(family, socket.SOCK_STREAM)
            connecting.setblocking(False)
            try:
                async with asyncio.timeout(_STEP_SECONDS):
                    await loop.sock_connect(connecting, (address, self._server.port))
            except OSError as error:  # a TimeoutError too
                connecting.close()
                failure = error
            except BaseException:
                connecting.close()
                raise
            else:
                return connecting
        raise failure


def _attempt_of(error: Exception) -> Attempt:
    """A recipient or a text that the server does not take is refused for good.

    Everything else can be mended without writing the e-mail anew: the server's answers to the
    sender or to the password are the operator's to mend.
    """
    reason = type(error).__name__
    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            return _by_code(error.recipients[0].code, "recipient")
        case _AddressNotTakenError():
            return Attempt(MailOutcome.REFUSED, "recipient needs SMTPUTF8")
        case aiosmtplib.SMTPDataError():
            return _by_code(error.code, "content")
        case aiosmtplib.SMTPResponseException():
            return Attempt(MailOutcome.FAILED, f"{reason} {error.code}")
        case aiosmtplib.SMTPException() | OSError():
            return Attempt(MailOutcome.FAILED, reason)
    _log.error("an e-mail could not be sent", exc_info=error)
    return Attempt(MailOutcome.FAILED, reason)


def _by_code(code: int, what: str) -> Attempt:
    is_final = 500 <= code < 600
    return Attempt(MailOutcome.REFUSED if is_final else MailOutcome.FAILED, f"{what} {code}")
