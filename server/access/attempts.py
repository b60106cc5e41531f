"""Failed attempts to authenticate: counted by subject, and delayed.

The rules, for signing in:

- A subject has some free failures. Each one beyond them makes the next attempt wait: 1 second,
  then twice as long each time, up to the subject's limit. Failures are forgotten an hour after the
  last one.
- A stranger's attempt counts against three subjects: the account from that address, the account
  from anywhere, and the address. For the account from anywhere the wait is 5 seconds at most. Each
  address waits a minute between two guesses, so fewer than twelve addresses cannot lock the account
  for long. With more addresses, a person at an unknown address competes with them for each turn.
- From an address where the account signed in within the last 30 days, the account from anywhere
  does not count: attackers elsewhere delay no one there. Attackers at the same address do.
- A browser in which the account signed in before (`server.access.devices`) counts against a subject
  of its own: no other client can make it wait.
- An account that does not exist is counted as one that does, by the same statements. The subjects
  of strangers are numbered buckets of a keyed digest, so that their number is fixed.

Reports of secrets need no authentication: all their requests are counted, up to a number an hour
(`spend`).

Refusing a client that has to wait only reads. An attempt under way is not a failure yet: if its
failure would exceed the free ones, the next attempt waits for its end. An attempt without an end
(its process was killed) counts as a failure after half a minute.
"""

from asyncio import sleep
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from math import ceil
from uuid import UUID

import models
from server.database import reaching, retried, transaction
from server.errors import (
    Busy,
    InvalidInput,
    NotFound,
    RateLimited,
    Refusal,
    TooManyAttempts,
    WrongPassword,
)
from server.token_format import DigestKey

NO_TENANT = UUID(int=0)
Note = Callable[[], Awaitable[None]]
FORGOTTEN_AFTER = timedelta(hours=1)
# Rows that strangers can make, of each of their kinds of subject.
BUCKETS = 1 << 18
# Longer than any attempt takes.
UNDER_WAY_FOR = timedelta(seconds=30)
_LOOK_AGAIN_SECONDS = 0.05
_MAX_LOOKS = 60


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject that attempts count against: so many are free, then each wait doubles."""

    digest: bytes
    free: int
    max_seconds: int
    # Whether a success shows that the failures were the same person's.
    is_forgiven: bool = True

    def wait_seconds(self, failures: int) -> int:
        """How long the next attempt waits after so many failures."""
        if failures <= self.free:
            return 0
        return min(self.max_seconds, 1 << min(failures - self.free - 1, 16))


@dataclass(frozen=True, slots=True)
class Counted:
    """The subjects of one attempt, all within one tenant, or of none."""

    tenant_id: UUID
    subjects: tuple[Subject, ...]


class Attempt:
    """An attempt under way. Its end is told once: `succeeded`, or by leaving `under_way`."""

    def __init__(self, counted: Counted, noting: Note | None = None) -> None:
        self._counted = counted
        self._noting = noting

    async def succeeded(self) -> None:
        """Forget the failures that are forgiven. Call it within a transaction."""
        for subject, row in await _hold(self._counted):
            row.under_way = max(0, row.under_way - 1)
            if subject.is_forgiven:
                row.failures, row.failed_at = 0, None
            await _write(row)

    @retried
    async def failed(self) -> None:
        """Count one more failure of each subject."""
        async with transaction():
            for _, row in await _hold(self._counted):
                row.under_way = max(0, row.under_way - 1)
                row.failures += 1
                row.failed_at = models.now()
                await _write(row)
            if self._noting is not None:
                await self._noting()

    @retried
    async def withdrawn(self) -> None:
        """Take the attempt back: nothing was tried."""
        async with transaction():
            for _, row in await _hold(self._counted):
                row.under_way = max(0, row.under_way - 1)
                await _write(row)


def of_stranger(
    key: DigestKey, slug: str, email: str, address: str, *, knows_address: bool
) -> Counted:
    """The subjects of an attempt on an account, which may or may not exist, from an address."""
    account, network = f"{slug}\0{email}", network_of(address)
    here = Subject(_bucket(key, "here", f"{account}\0{network}"), free=5, max_seconds=60)
    anywhere = Subject(_bucket(key, "account", account), free=100, max_seconds=5)
    origin = Subject(_bucket(key, "address", network), 30, max_seconds=60, is_forgiven=False)
    return Counted(NO_TENANT, (here, origin) if knows_address else (here, anywhere, origin))


def of_device(key: DigestKey, tenant_id: UUID, device: bytes) -> Counted:
    """The subject of an attempt from a browser in which the account signed in before."""
    digest = key.digest("attempts-device", device.hex())
    return Counted(tenant_id, (Subject(digest, free=10, max_seconds=60),))


def of_password_change(key: DigestKey, tenant_id: UUID, admin_id: UUID) -> Counted:
    """The subject of a signed-in person who gives their current password."""
    digest = key.digest("attempts-change", str(admin_id))
    return Counted(tenant_id, (Subject(digest, free=5, max_seconds=60),))


def of_invitation(tenant_id: UUID, invitation_digest: bytes) -> Counted:
    """The subject of the holder of an open invitation."""
    return Counted(tenant_id, (Subject(b"i" + invitation_digest, free=20, max_seconds=60),))


def of_unknown_invitation(key: DigestKey, address: str) -> Counted:
    """The subject of a client whose invitation is unknown, used or expired."""
    digest = _bucket(key, "invitation", network_of(address))
    return Counted(NO_TENANT, (Subject(digest, free=30, max_seconds=60),))


def of_failed_sign_ins(key: DigestKey, tenant_id: UUID, account: str) -> Counted:
    """The subject of the failures at an account that the activity tells, see `failed_sign_ins`."""
    return Counted(tenant_id, (Subject(_bucket(key, "told", account), free=0, max_seconds=0),))


def of_told_failures(tenant_id: UUID) -> Counted:
    """The subject of the failures that the activity of a tenant tells."""
    return Counted(tenant_id, (Subject(b"told", free=0, max_seconds=0),))


def of_reports(key: DigestKey, address: str, an_hour: int) -> Counted:
    """The subject of a stranger who reports secrets: of so many requests an hour, see `spend`."""
    digest = _bucket(key, "reports", network_of(address))
    return Counted(NO_TENANT, (Subject(digest, free=an_hour, max_seconds=0),))


@retried
async def spend(counted: Counted) -> None:
    """Count one request of each subject: `free` are taken in the hour that the first one begins.

    Raises `RateLimited`, by reading alone.
    """
    _require_rest(await _present(counted), models.now())
    async with transaction():
        held, at = await _hold(counted), models.now()
        _require_rest(held, at)
        await _count_one(held, at)


async def number_of_this_hour(counted: Counted) -> int:
    """Count one of a single subject: its number in the hour that the first one began.

    Call it within a transaction.
    """
    held = await _hold(counted)
    await _count_one(held, models.now())
    return held[0][1].failures


async def look(counted: Counted) -> None:
    """Raises `TooManyAttempts` while any subject has to wait. Writes nothing."""
    _require_no_wait(await _present(counted), models.now())


@asynccontextmanager
async def under_way(counted: Counted, noting: Note | None = None) -> AsyncIterator[Attempt]:
    """One attempt. A refusal of the credential counts as a failure, any other one does not.

    noting: called within the transaction that counts a failure.

    Raises `TooManyAttempts` as `look` does, and `Busy` when too many attempts on the same subject
    are under way for too long. Tell `succeeded` within.
    """
    await _begin(counted)
    attempt = Attempt(counted, noting)
    try:
        yield attempt
    except (WrongPassword, NotFound, InvalidInput):
        await attempt.failed()
        raise
    except Refusal:
        await attempt.withdrawn()
        raise


async def _begin(counted: Counted) -> None:
    for _ in range(_MAX_LOOKS):
        if await _has_begun(counted):
            return
        await sleep(_LOOK_AGAIN_SECONDS)
    raise Busy


@retried
async def _has_begun(counted: Counted) -> bool:
    """Begin an attempt unless the end of another one has to be known first."""
    async with transaction():
        held = await _hold(counted)
        at = models.now()
        _require_no_wait(held, at)
        if any(row.under_way and row.failures + row.under_way > s.free for s, row in held):
            return False
        for _, row in held:
            row.under_way += 1
            row.started_at = at
            await _write(row)
    return True


async def _present(counted: Counted) -> list[tuple[Subject, models.AttemptCounter]]:
    """The subjects that have rows, as of now. Writes and locks nothing."""
    at = models.now()
    digests = [subject.digest for subject in counted.subjects]
    own = models.AttemptCounter.filter(tenant_id=counted.tenant_id, subject__in=digests)
    with reaching(counted.tenant_id):
        rows = await own
    by_digest = {bytes(row.subject): row for row in rows}
    present = [(s, by_digest[s.digest]) for s in counted.subjects if s.digest in by_digest]
    for _, row in present:
        _settle(row, at)
    return present


async def _hold(counted: Counted) -> list[tuple[Subject, models.AttemptCounter]]:
    """The subjects' rows, locked, as of now. In one order everywhere: none waits for another."""
    at = models.now()
    ordered = sorted(counted.subjects, key=lambda subject: subject.digest)
    tenant_id = counted.tenant_id
    with reaching(tenant_id):
        await models.AttemptCounter.bulk_create(
            [
                models.AttemptCounter(tenant_id=tenant_id, subject=subject.digest, started_at=at)
                for subject in ordered
            ],
            # Changes nothing of a row that is there, but locks it.
            on_conflict=["tenant_id", "subject"],
            update_fields=["subject"],
        )
        held = [
            (
                subject,
                await models.AttemptCounter.get(tenant_id=tenant_id, subject=subject.digest),
            )
            for subject in ordered
        ]
    for _, row in held:
        _settle(row, at)
    return held


def _settle(row: models.AttemptCounter, at: datetime) -> None:
    """Forget failures of long ago, and count the attempts whose end was never told."""
    if row.failed_at is None or at - row.failed_at > FORGOTTEN_AFTER:
        row.failures, row.failed_at = 0, None
    if row.under_way and at - row.started_at > UNDER_WAY_FOR:
        row.failures += row.under_way
        row.under_way, row.failed_at = 0, row.started_at


def _require_no_wait(held: list[tuple[Subject, models.AttemptCounter]], at: datetime) -> None:
    waits = [
        (row.failed_at - at).total_seconds() + subject.wait_seconds(row.failures)
        for subject, row in held
        if row.failed_at is not None
    ]
    if waits and max(waits) > 0:
        raise TooManyAttempts(ceil(max(waits)))


async def _count_one(held: list[tuple[Subject, models.AttemptCounter]], at: datetime) -> None:
    for _, row in held:
        row.failures += 1
        row.failed_at = row.failed_at or at
        row.started_at = at
        await _write(row)


def _require_rest(held: list[tuple[Subject, models.AttemptCounter]], at: datetime) -> None:
    for subject, row in held:
        if row.failed_at is not None and row.failures >= subject.free:
            left = (row.failed_at + FORGOTTEN_AFTER - at).total_seconds()
            raise RateLimited(subject.free, max(1, ceil(left)))


async def _write(row: models.AttemptCounter) -> None:
    with reaching(row.tenant_id):
        await row.write("failures", "failed_at", "under_way", "started_at")


def _bucket(key: DigestKey, kind: str, text: str) -> bytes:
    number = int.from_bytes(key.digest(f"attempts-{kind}", text)[-8:]) % BUCKETS
    return f"{kind} {number}".encode()


def network_of(address: str) -> str:
    """The address, or for IPv6 the /64 that one subscriber has."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)
