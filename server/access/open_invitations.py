"""Finds open invitations by their secret."""

from dataclasses import dataclass
from datetime import datetime

from tortoise.queryset import QuerySet

import models
from server.access import attempts
from server.database import reaching
from server.errors import NotFound
from server.service import Service
from server.token_format import tenant_of


@dataclass(frozen=True, slots=True)
class Looked:
    """The result of a secret: the admin, or None, and the counters of the attempt.

    rows: the invitation, while it is open.
    """

    rows: QuerySet[models.Invitation]
    admin: models.Admin | None
    counted: attempts.Counted


@dataclass(frozen=True, slots=True)
class Described:
    """The invited admin, and the end of the invitation."""

    tenant: models.Tenant
    admin: models.Admin
    expires_at: datetime


async def look_up(service: Service, invitation: str, address: str) -> Looked:
    """The result of an invitation's secret, for a client at this address."""
    key = service.digest_key
    tenant_id = tenant_of(invitation) or attempts.NO_TENANT
    rows = models.Invitation.filter(
        tenant_id=tenant_id,
        digest__in=key.digests("invitation", invitation),
        expires_at__gt=models.now(),
    )
    with reaching(tenant_id):
        found = await rows.get_or_none()
        admin = found and await models.Admin.get_or_none(tenant_id=tenant_id, id=found.admin_id)
    counted = (
        attempts.of_invitation(tenant_id, key.digest("invitation", invitation))
        if admin
        else attempts.of_unknown_invitation(key, address)
    )
    return Looked(rows, admin or None, counted)


async def describe(service: Service, *, invitation: str, address: str) -> Described:
    """The invited admin. Changes nothing, so that the invitation can be accepted afterwards.

    Raises `NotFound` for an invitation that is unknown, used or expired; `TooManyAttempts` after
    many of those.
    """
    looked = await look_up(service, invitation, address)
    admin = looked.admin
    if admin is None:
        await attempts.look(looked.counted)
        async with attempts.under_way(looked.counted):
            raise NotFound
    with reaching(admin.tenant_id):
        found = await looked.rows.get_or_none()
        if found is None:
            raise NotFound  # Accepted, renewed or withdrawn meanwhile.
        tenant = await models.Tenant.get(id=admin.tenant_id)
    return Described(tenant, admin, found.expires_at)
