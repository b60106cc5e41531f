"""The texts of e-mails, and their headers. Pure functions.

An invitation goes to an address that an admin has typed. It holds nothing else that the tenant's
admins have written, so that no admin can send messages to strangers.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from uuid import UUID

import models
from models import ReminderKind
from server.access.mails import MAX_NOTES, Note
from server.global_ids import encode_id

# Their order in a mail: ended tokens come first.
_SECTIONS = {
    ReminderKind.EXPIRED: (
        "These tokens have ended, and are refused:",
        "{name}: ended on {at}",
        "API token “{name}” has ended",
    ),
    ReminderKind.EXPIRING: (
        "These tokens end soon:",
        "{name}: ends on {at}",
        "API token “{name}” ends on {day}",
    ),
    ReminderKind.RETIRED_SECRET_USED: (
        "An old secret of these tokens is still used, and refused:",
        "{name}: last on {day}",
        "An old secret of API token “{name}” is still used",
    ),
    ReminderKind.ROTATION_OVERDUE: (
        "The new secret of these tokens is not used yet:",
        "{name}: rotated on {at}",
        "The new secret of API token “{name}” is not used yet",
    ),
}


@dataclass(frozen=True, slots=True)
class Text:
    """The subject and the body of an e-mail."""

    subject: str
    body: str


def invitation_text(
    admin: models.Admin, tenant: models.Tenant, secret: str, expires_at: datetime, console: str
) -> Text:
    """The invitation of an admin; of one with a password, to set another. console: its URL."""
    if admin.password_hash is None:
        subject = f"Invitation to the API tokens of {tenant.name}"
        lead = f"You are invited to manage the API tokens of {tenant.name}. Choose your password:"
    else:
        subject = f"Set a new password for the API tokens of {tenant.name}"
        lead = f"Set a new password for the API tokens of {tenant.name}:"
    body = f"""Hello,

{lead}

{console}/invitation#{secret}

The link works once, until {_instant(expires_at)}. Give it to nobody.
It signs you in. Later, sign in at {console}/sign-in?tenant={tenant.slug}
with the short name {tenant.slug} and this e-mail address.

If you did not expect this, ignore it.
"""
    return Text(subject, body)


def holds(note: Note, token: models.Token | None, unused: Collection[UUID]) -> bool:
    """Whether a reminder is still true. token: None unless it is live.

    unused: the tokens whose rotation still waits for the first use of its new secret.
    """
    if token is None:
        return False
    match note.kind:
        case ReminderKind.EXPIRING | ReminderKind.EXPIRED:
            return token.expires_at == note.about
        case ReminderKind.ROTATION_OVERDUE:
            return token.id in unused
    return True


def reminders_text(
    admin: models.Admin,
    tenant: models.Tenant,
    notes: Sequence[Note],
    tokens: Mapping[UUID, models.Token],
    more: int,
    console: str,
) -> Text | None:
    """These reminders, 50 at most and the number of the others; None where there are none.

    notes: those that hold. tokens: theirs. more: how many further ones there may be.
    """
    if not notes:
        return None
    listed = notes[:MAX_NOTES]
    more += len(notes) - len(listed)
    parts = [f"Hello {admin.name},"]
    for kind, (title, line, _) in _SECTIONS.items():
        own = sorted((note for note in listed if note.kind is kind), key=lambda one: one.about)
        if own:
            parts.append("\n".join([title, *_lines(line, own, tokens, console)]))
    if more:
        parts.append(f"{more} more are not listed here: see {console}/")
    parts.append(
        f"You get this because you own these tokens, or manage those of {tenant.name}.\n{console}/"
    )
    subject = f"{len(listed) + more} reminders about API tokens of {tenant.name}"
    if len(listed) + more == 1:
        subject = _filled(_SECTIONS[listed[0].kind][2], listed[0], tokens)
    return Text(subject, "\n\n".join(parts) + "\n")


def message_of(
    text: Text, sender: tuple[str, str], recipient: str, mail_ids: Sequence[UUID], at: datetime
) -> EmailMessage:
    """The e-mail. The same mails have the same `Message-ID` at each attempt.

    Raises `ValueError` for a recipient that no header can name.
    """
    message = EmailMessage(policy=SMTP)
    name, address = sender
    message["From"] = Address(name, addr_spec=address)
    message["To"] = _mailbox(recipient)
    message["Subject"] = text.subject
    message["Date"] = format_datetime(at)
    parts = dict.fromkeys((mail_ids[0].hex, mail_ids[-1].hex))
    message["Message-ID"] = f"<{'.'.join(parts)}@{address.rpartition('@')[2]}>"
    # RFC 3834: absence notes are not to answer it.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text.body)
    return message


def _mailbox(email: str) -> Address:
    """The address for a header: RFC 6532 allows letters beyond ASCII, the standard parser none."""
    local, _, domain = email.rpartition("@")
    return Address(addr_spec=email) if local.isascii() else Address("", local, domain)


def _lines(
    line: str, notes: Iterable[Note], tokens: Mapping[UUID, models.Token], console: str
) -> list[str]:
    return [
        f"- {_filled(line, note, tokens)}\n  {console}/tokens/{encode_id('Token', note.token_id)}"
        for note in notes
    ]


def _filled(pattern: str, note: Note, tokens: Mapping[UUID, models.Token]) -> str:
    name = tokens[note.token_id].name
    return pattern.format(name=name, at=_instant(note.about), day=_day(note.about))


def _instant(at: datetime) -> str:
    return f"{_day(at)} at {at:%H:%M} UTC"


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"
