"""Sign-in attempts: counted before the password is looked at, and made to wait.

Counted are the address, the account from that address, and the account from anywhere. Waiting
doubles with each failure up to a minute, so that guessing is slow and nobody is locked out for
long; refused attempts do not count. From an address where the account signed in before, only what
fails on this account from there counts: strangers' failures make nobody wait.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from math import ceil
from uuid import UUID

from tortoise.expressions import F

import models
from server.database import transaction
from server.errors import TooManyAttempts
from server.token_format import DigestKey

NO_TENANT = UUID(int=0)
_FORGOTTEN_AFTER = timedelta(hours=1)
_KNOWN_FOR = timedelta(days=30)
_PURGE_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class _Subject:
    """What attempts are counted against: so many are free, then each wait doubles to `most`."""

    tenant_id: UUID
    digest: bytes
    free: int
    most_seconds: int

    def wait_seconds(self, failures: int) -> int:
        if failures <= self.free:
            return 0
        return min(self.most_seconds, 1 << min(failures - self.free - 1, 16))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to sign in, already counted as a failure of each of `counted`."""

    counted: tuple[_Subject, ...]
    known: _Subject

    async def succeeded(self) -> None:
        """Forget the account's failures and take back this attempt's count on the address.

        The rows stay: another attempt may be waiting for them.
        """
        for subject in _in_order(self.counted):
            is_address = subject.tenant_id == NO_TENANT
            failures = F("failures") - 1 if is_address else 0
            await _rows(subject).update(failures=failures, blocked_until=None)
        at = models.now()
        row = models.SignInAttempt(
            tenant_id=self.known.tenant_id, subject=self.known.digest, updated_at=at
        )
        await models.SignInAttempt.bulk_create([row], ignore_conflicts=True)
        await _rows(self.known).update(updated_at=at)


async def count(key: DigestKey, tenant_id: UUID | None, email: str, address: str) -> Attempt:
    """Count an attempt on an account from an address, before anything about it is verified.

    tenant_id: None for a tenant that does not exist, counted just the same. Raises
    `TooManyAttempts`, without counting, while any of what it counts against has to wait.
    """
    tenant = tenant_id or NO_TENANT
    network = _network(address)
    pair = f"{tenant}\0{email}\0{network}"
    here = _Subject(tenant, key.digest("attempts-here", pair), free=5, most_seconds=60)
    anywhere = _Subject(
        tenant, key.digest("attempts", f"{tenant}\0{email}"), free=10, most_seconds=30
    )
    known = _Subject(tenant, key.digest("known", pair), free=0, most_seconds=0)
    origin = _Subject(NO_TENANT, key.digest("address", network), free=30, most_seconds=60)
    async with transaction():
        trusted = await _rows(known).filter(updated_at__gt=models.now() - _KNOWN_FOR).exists()
        counted = (here,) if trusted else (here, anywhere, origin)
        wait = await _count_all(counted)
        await _purge(tenant)
    if wait:
        raise TooManyAttempts(wait)
    return Attempt(counted, known)


async def _count_all(subjects: Iterable[_Subject]) -> int:
    """Count one more failure each, or, if any has to wait, none; gives the seconds to wait."""
    at = models.now()
    ordered = _in_order(subjects)
    await models.SignInAttempt.bulk_create(
        [
            models.SignInAttempt(tenant_id=s.tenant_id, subject=s.digest, updated_at=at)
            for s in ordered
        ],
        # Changes nothing of a row that is there, but holds it: nobody counts or purges it now.
        on_conflict=["tenant_id", "subject"],
        update_fields=["subject"],
    )
    rows = [await _rows(subject).get() for subject in ordered]
    if wait := max(_seconds_left(row, at) for row in rows):
        return wait
    for subject, row in zip(ordered, rows, strict=True):
        fresh = at - row.updated_at > _FORGOTTEN_AFTER
        row.failures = 1 if fresh else row.failures + 1
        row.updated_at = at
        wait_seconds = subject.wait_seconds(row.failures)
        row.blocked_until = at + timedelta(seconds=wait_seconds) if wait_seconds else None
        await row.write("failures", "updated_at", "blocked_until")
    return 0


def _seconds_left(row: models.SignInAttempt, at: datetime) -> int:
    if row.blocked_until is None:
        return 0
    return max(0, ceil((row.blocked_until - at).total_seconds()))


def _rows(subject: _Subject):  # type: ignore[no-untyped-def]  # Tortoise's own query type
    return models.SignInAttempt.filter(tenant_id=subject.tenant_id, subject=subject.digest)


def _in_order(subjects: Iterable[_Subject]) -> list[_Subject]:
    """The order in which rows are locked everywhere, so that no two attempts wait for each other.

    The address comes first: its tenant is the nil UUID.
    """
    return sorted(subjects, key=lambda subject: (subject.tenant_id, subject.digest))


async def _purge(tenant_id: UUID) -> None:
    """Drop a few rows that nobody will ask about again, so that the table does not grow."""
    old = models.SignInAttempt.filter(
        tenant_id__in=[tenant_id, NO_TENANT], updated_at__lt=models.now() - _KNOWN_FOR
    )
    # Only what nobody holds: two attempts that purge each other's rows would wait for ever.
    rows = await old.limit(_PURGE_AT_ONCE).select_for_update(skip_locked=True)
    if ids := [row.id for row in rows]:
        await models.SignInAttempt.filter(tenant_id__in=[tenant_id, NO_TENANT], id__in=ids).delete()


def _network(address: str) -> str:
    """The address, or for IPv6 the /64 that one subscriber has."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)
