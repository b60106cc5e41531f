"""Sends waiting e-mail, in any instance, as `mail_queue` leases it."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import models
from models import AdminState, MailKind
from server.access.mails import notes_of, opened_secret
from server.jobs import mail_queue as queue
from server.jobs.due_work import LOOK_EVERY_SECONDS, DueWork
from server.jobs.mail_texts import Text, holds, invitation_text, message_of, reminders_text
from server.monitoring.metrics import MAIL_ATTEMPTS
from server.outbound.mailing import Attempt, Mailer, MailOutcome
from server.service import Service

# At once, in this instance.
MAX_AT_ONCE = 4
LEASE = timedelta(seconds=60)  # longer than an attempt takes
_log = logging.getLogger("tessera.mail")


class Mails:
    """The e-mail of one instance. Looks every second for mails that are due.

    Without a mail server in the settings it does nothing. lease: how long another instance waits
    for one that died.
    """

    def __init__(
        self,
        service: Service,
        mailer: Mailer | None = None,
        look_every_seconds: float = LOOK_EVERY_SECONDS,
        lease: timedelta = LEASE,
    ) -> None:
        self._service = service
        self._console = service.settings.public_url or ""
        self._mailer = mailer or _mailer_of(service)
        self._lease = lease
        self._instance = models.new_id()
        at_once = (MAX_AT_ONCE, MAX_AT_ONCE)
        self._work = DueWork("mail", queue.due, self._send_due, at_once, look_every_seconds)

    def start(self) -> None:
        """Begin to look, in a task of the running event loop."""
        if self._mailer is not None:
            self._work.start()

    async def close(self) -> None:
        """End after the attempts under way. Another instance repeats an attempt that takes too
        long.
        """
        await self._work.close()
        if self._mailer is not None:
            self._mailer.close()

    async def _send_due(self, key: queue.Key) -> None:
        """Send the due mails of a kind to an admin: reminders as one mail."""
        async with self._work.database:
            mails = await queue.take(key, self._instance, self._lease)
        if not mails or self._mailer is None:
            return
        if key[2] is MailKind.INVITATION:
            mails = mails[-1:]  # there is one at most: another one ends the one before
        await self._send_leased(self._mailer, mails)

    async def _send_leased(self, mailer: Mailer, mails: Sequence[models.Mail]) -> None:
        first = mails[0]
        async with self._work.database:
            admin = await models.Admin.get_or_none(tenant_id=first.tenant_id, id=first.admin_id)
            text = None if admin is None else await self._text_of(admin, mails)
        if admin is None or text is None:
            async with self._work.database:
                await queue.end(mails)
            return
        attempt = await self._attempt(mailer, admin.email, text, mails)
        MAIL_ATTEMPTS.labels(attempt.outcome.value).inc()
        async with self._work.database:
            await self._note(mails, attempt)

    async def _text_of(self, admin: models.Admin, mails: Sequence[models.Mail]) -> Text | None:
        """The mail to send; None where nothing is to be told any more."""
        first = mails[0]
        present = [mail for mail in mails if not await queue.is_over(mail)]
        if admin.state is AdminState.REMOVED or not present:
            return None
        tenant = await models.Tenant.get(id=admin.tenant_id)
        if first.kind is MailKind.INVITATION:
            invitation = await queue.find_open_invitation(first)
            if invitation is None:
                return None
            secret = opened_secret(self._service.digest_key, first)
            return invitation_text(admin, tenant, secret, invitation.expires_at, self._console)
        kept = [notes_of(mail) for mail in present]
        notes = [note for one in kept for note in one.notes]
        ids = {note.token_id for note in notes}
        tokens = await queue.find_tokens(admin.tenant_id, ids)
        unused = await queue.find_unused_rotations(admin.tenant_id, ids)
        holding = [note for note in notes if holds(note, tokens.get(note.token_id), unused)]
        more = sum(one.more for one in kept)
        return reminders_text(admin, tenant, holding, tokens, more, self._console)

    async def _attempt(
        self, mailer: Mailer, recipient: str, text: Text, mails: Sequence[models.Mail]
    ) -> Attempt:
        sender = self._service.settings.smtp_from
        try:
            message = message_of(text, sender, recipient, [one.id for one in mails], _now())
        except ValueError:
            return Attempt(MailOutcome.REFUSED, "a header cannot be written")
        return await mailer.send(message, sender[1], recipient)

    async def _note(self, mails: Sequence[models.Mail], attempt: Attempt) -> None:
        detail = {"detail": f"{mails[0].kind.value} {mails[0].id}: {attempt.reason}"}
        if attempt.outcome is MailOutcome.FAILED:
            _log.warning("an e-mail could not be sent, and is tried again", extra=detail)
            await queue.put_off(mails)
            return
        if attempt.outcome is MailOutcome.REFUSED:
            _log.warning("an e-mail was refused, and is given up", extra=detail)
        await queue.end(mails)


def _mailer_of(service: Service) -> Mailer | None:
    settings = service.settings
    if settings.smtp_url is None:
        return None
    return Mailer(settings.smtp_url, urlsplit(settings.public_url or "").hostname or "localhost")


def _now() -> datetime:
    return datetime.now(UTC)
