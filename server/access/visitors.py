"""The visitor who signs in, as far as known before the password is checked: the account, and the
client.

The subjects of attempts are in `attempts`, the device cookies in `devices`.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import models
from server.access import attempts
from server.access.devices import find_device
from server.database import reaching, reaching_every_tenant
from server.passwords import KNOWN, STRANGERS, Hashing
from server.service import Service
from server.texts import normal_email, normal_slug

KNOWN_ADDRESS = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Account:
    """The account that a person names, with its admin if it exists.

    is_suspended: whether its tenant is.
    """

    slug: str
    email: str
    admin: models.Admin | None
    is_suspended: bool = False

    @property
    def password_hash(self) -> str | None:
        return self.admin.password_hash if self.admin else None


@dataclass(frozen=True, slots=True)
class Visitor:
    """The subjects of a person who signs in, and the queue that verifies their password."""

    counted: attempts.Counted
    hashing: Hashing
    caller: Hashable
    device: bytes | None = None


async def account_of(tenant: str, email: str) -> Account:
    """The account that these texts name, in the same statements whether it exists or not."""
    slug = normal_slug(tenant) or ""
    # Only the slug tells which tenant it is.
    with reaching_every_tenant():
        found = await models.Tenant.get_or_none(slug=slug)
    tenant_id = found.id if found else attempts.NO_TENANT
    address = normal_email(email)
    with reaching(tenant_id):
        admin = await models.Admin.get_or_none(tenant_id=tenant_id, email=address)
    return Account(slug, address, admin, bool(found and found.suspended_at))


async def visitor_of(service: Service, account: Account, address: str, device: str) -> Visitor:
    """The standing of a visitor to `account`: known by browser, by address, or a stranger."""
    key, admin = service.digest_key, account.admin
    tenant_id, admin_id = (
        (admin.tenant_id, admin.id) if admin else (attempts.NO_TENANT, attempts.NO_TENANT)
    )
    known = models.KnownAddress.filter(
        tenant_id=tenant_id,
        admin_id=admin_id,
        digest__in=service.digest_key.digests(*_address_digested(admin_id, address)),
        signed_in_at__gt=models.now() - KNOWN_ADDRESS,
    )
    with reaching(tenant_id):
        knows_address = await known.exists()
    if admin and (known_device := find_device(key, admin, device)):
        counted = attempts.of_device(key, admin.tenant_id, known_device)
        return Visitor(counted, KNOWN, admin.id, known_device)
    counted = attempts.of_stranger(
        key, account.slug, account.email, address, knows_address=knows_address
    )
    if knows_address:
        return Visitor(counted, KNOWN, admin_id)
    return Visitor(counted, STRANGERS, attempts.network_of(address))


async def know_address(service: Service, admin: models.Admin, address: str) -> None:
    """Note that the admin has signed in from this address."""
    row = models.KnownAddress(
        tenant_id=admin.tenant_id,
        admin_id=admin.id,
        digest=service.digest_key.digest(*_address_digested(admin.id, address)),
        signed_in_at=models.now(),
    )
    await models.KnownAddress.bulk_create(
        [row],
        on_conflict=["tenant_id", "admin_id", "digest"],
        update_fields=["signed_in_at"],
    )


def _address_digested(admin_id: UUID, address: str) -> tuple[str, str]:
    return "known-address", f"{admin_id}\0{attempts.network_of(address)}"
