"""Chooses who gets a reminder by e-mail: people who may change the token, at most 20."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from tortoise.queryset import QuerySet

import models
from models import Role
from server.access import mails
from server.access.mails import Note
from server.roles import RIGHTS, Right

MAX_RECIPIENTS = 20
_ACTING = [role for role in Role if Right.MANAGE_TOKENS in RIGHTS[role]]


async def put(tenant_id: UUID, due: Sequence[tuple[models.Token, Note]]) -> None:
    """Keep e-mails with these reminders, each to its token's owner.

    If the organisation owns the token, or its owner may not change tokens, they go to the tenant's
    owner and its earliest admins instead: at most 20 people.
    """
    owner_ids = {token.owner_id for token, _ in due if token.owner_id is not None}
    owners = {admin.id for admin in await _active(tenant_id).filter(id__in=list(owner_ids))}
    others: Collection[UUID] = ()
    if any(token.owner_id not in owners for token, _ in due):
        # The owner first, by the role's name.
        everybody = _active(tenant_id).order_by("-role", "id").limit(MAX_RECIPIENTS)
        others = [admin.id for admin in await everybody.only("id")]
    by_admin: dict[UUID, list[Note]] = defaultdict(list)
    for token, note in due:
        recipients: Iterable[UUID] = [token.owner_id] if token.owner_id in owners else others
        for admin_id in recipients:
            by_admin[admin_id].append(note)
    await mails.put_reminders(tenant_id, by_admin)


def _active(tenant_id: UUID) -> QuerySet[models.Admin]:
    """The tenant's admins who can sign in and change tokens."""
    return models.Admin.filter(
        tenant_id=tenant_id, removed_at__isnull=True, password_hash__isnull=False, role__in=_ACTING
    )
