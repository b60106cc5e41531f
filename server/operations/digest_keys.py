"""Operations by which the operator replaces the key of all digests, while instances serve."""

from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from typing import Any, TypeVar
from uuid import UUID

import models
from models import ActivityKind, KeyState
from server.access import mails, webhook_secrets
from server.access.activity import record
from server.access.digest_keys import fingerprint, opened, require_known, sealed
from server.access.principal import Operator
from server.database import dialect, retried, transaction
from server.decisions import terms
from server.errors import Misconfigured
from server.roles import Right
from server.settings import Settings
from server.token_format import MAX_GENERATION, DigestKey

_ROWS_AT_ONCE = 200
# The secrets that outlive a change of the key. Counts of attempts to sign in start anew instead.
# The secrets of tokens are renewed by `server.decisions.terms`.
# exempt queries_without_a_tenant: `_pages` and `_update` name the tenant
_RENEWED: tuple[tuple[type[models.TenantRow], str], ...] = (
    (models.Token, "idempotency_key"),
    (models.TokenRotation, "idempotency_key"),
    (models.Session, "digest"),
    (models.Invitation, "digest"),
)
_Digest = TypeVar("_Digest", bytes, str)


async def every(operator: Operator) -> list[models.InstallationKey]:
    """The generations of digests, the oldest first."""
    operator.require(Right.MANAGE_INSTALLATION)
    return await models.InstallationKey.all().order_by("generation")


@retried
async def announce(operator: Operator, settings: Settings) -> bool:
    """Have instances accept the first configured key besides the current one; False if it is that.

    The current key is the second one, or kept in the database. A key that was announced before and
    is not in use yet is announced no longer. Raises `Misconfigured`.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    new, *old = settings.digest_key
    async with transaction():
        rows = await _locked()
        if not rows:
            return False  # the first start makes it the current one
        current = _current(rows)
        if bytes(current.fingerprint) == fingerprint(new):
            return False
        require_known(rows, old)
        key = await _key_of(rows, current, old)
        _require_can_change(rows, current, new)
        following = current.generation + 1
        await models.InstallationKey.filter(generation=following).delete()
        await models.InstallationKey.filter(generation=current.generation).update(
            sealed=sealed(key, new, current.generation)
        )
        announced = await models.InstallationKey.create(
            generation=following, fingerprint=fingerprint(new), state=KeyState.ANNOUNCED
        )
        await record(operator, ActivityKind.DIGEST_KEY_ANNOUNCED, announced, generation=following)
    return True


async def finish(operator: Operator, settings: Settings) -> int:
    """Renew every digest with the announced key, and let go of the one before; gives how many.

    Every instance must have the announced key by now. May be repeated where it was cut off. Raises
    `Misconfigured` where there is nothing to finish or another key is configured.
    """
    operator.require(Right.MANAGE_INSTALLATION)
    rows = await every(operator)
    change = _change(rows)
    if change is None:
        raise Misconfigured("No replacement of the key is in progress.")
    old, new = change
    require_known(rows, settings.digest_key)
    keys = opened(rows, settings.digest_key)
    if len(keys) <= new.generation:
        raise Misconfigured("TESSERA_DIGEST_KEY must be the key that was announced.")
    await _make_current(old, new)
    key = DigestKey(*keys, is_changing=True)
    renewed = 0
    # Until a whole round finds none: the first may have passed where something was kept meanwhile.
    while renewed_now := await _renew_all(key):
        renewed += renewed_now
    await _let_go(operator, old, new)
    return renewed


@retried
async def _let_go(
    operator: Operator, old: models.InstallationKey, new: models.InstallationKey
) -> None:
    """End the replacement: the old key is kept no longer."""
    async with transaction():
        generation = models.InstallationKey.filter(generation=old.generation)
        await generation.update(state=KeyState.FORMER, key=None)
        details = {"previousGeneration": old.generation, "generation": new.generation}
        await record(operator, ActivityKind.DIGEST_KEY_REPLACED, new, **details)


async def _locked() -> list[models.InstallationKey]:
    return await models.InstallationKey.all().order_by("generation").select_for_update()


def _current(rows: Sequence[models.InstallationKey]) -> models.InstallationKey:
    return next(row for row in rows if row.state is KeyState.CURRENT)


async def _key_of(
    rows: Sequence[models.InstallationKey],
    current: models.InstallationKey,
    offered: Sequence[bytes],
) -> bytes:
    keys = opened(rows[: current.generation + 1], offered)
    if not keys:
        raise Misconfigured(
            "TESSERA_DIGEST_KEY must be the new key, a comma and the current one:"
            " the database does not keep the current key."
        )
    return keys[-1]


def _require_can_change(
    rows: Sequence[models.InstallationKey], current: models.InstallationKey, new: bytes
) -> None:
    if any(row.state is KeyState.REPLACED for row in rows):
        raise Misconfigured(
            "Another replacement of the key is in progress: run `tessera digest-key finish`."
        )
    if any(bytes(row.fingerprint) == fingerprint(new) for row in rows[: current.generation]):
        raise Misconfigured("TESSERA_DIGEST_KEY is a former key of this database.")
    if current.generation == MAX_GENERATION:
        raise Misconfigured(f"The key was replaced {MAX_GENERATION} times, which is the maximum.")


def _change(
    rows: Sequence[models.InstallationKey],
) -> tuple[models.InstallationKey, models.InstallationKey] | None:
    """The generation that is to go and the one that follows it."""
    for old, new in pairwise(rows):
        if KeyState.REPLACED is old.state or KeyState.ANNOUNCED is new.state:
            return old, new
    return None


@retried
async def _make_current(old: models.InstallationKey, new: models.InstallationKey) -> None:
    """From here on, instances keep digests of the new generation alone."""
    async with transaction():
        # The older first, as `generation_to_keep` locks them.
        for row, state in ((old, KeyState.REPLACED), (new, KeyState.CURRENT)):
            await models.InstallationKey.filter(generation=row.generation).update(state=state)


async def _renew_all(key: DigestKey) -> int:
    tenants: list[Any] = await models.Tenant.all().order_by("id").values_list("id", flat=True)
    count = 0
    for tenant_id in tenants:
        for row, column in _RENEWED:
            count += await _renew(key, row, column, tenant_id)
        count += await terms.renew(key, tenant_id)
        count += await webhook_secrets.renew(key, tenant_id)
        count += await mails.renew(key, tenant_id)
    return count + await _renew_credentials(key)


async def _renew(key: DigestKey, row: type[models.TenantRow], column: str, tenant_id: UUID) -> int:
    count = 0
    async for page in _pages(row, column, tenant_id):
        changes = [(_renewed(key, old), row_id, old) for row_id, old in page]
        values = [
            [new, _value(tenant_id), _value(row_id), old]
            for new, row_id, old in changes
            if new is not None
        ]
        if values:
            await _write(_update(row, column), values)
        count += len(values)
    return count


@retried
async def _write(statement: str, values: list[list[Any]]) -> None:
    # Few rows at a time: a change of one of these tokens waits for the whole transaction.
    async with transaction() as client:
        await client.execute_many(statement, values)


async def _pages(
    row: type[models.TenantRow], column: str, tenant_id: UUID
) -> AsyncIterator[list[tuple[Any, Any]]]:
    rows = row.filter(tenant_id=tenant_id, **{f"{column}__isnull": False}).order_by("id")
    page: list[Any] = await rows.limit(_ROWS_AT_ONCE).values_list("id", column)
    while page:
        yield page
        page = await rows.filter(id__gt=page[-1][0]).limit(_ROWS_AT_ONCE).values_list("id", column)


def _renewed(key: DigestKey, kept: _Digest) -> _Digest | None:
    """The renewed digest in the form of the kept one, bytes or hexadecimal; None if it is new."""
    if isinstance(kept, str):
        digest = key.renewed(bytes.fromhex(kept))
        return None if digest is None else digest.hex()
    return key.renewed(bytes(kept))


def _update(row: type[models.TenantRow], column: str) -> str:
    # By the old digest too: another round, or another operator's, may have been there.
    new, tenant_id, row_id, old = (
        ("$1", "$2", "$3", "$4") if dialect() == "postgres" else ("?", "?", "?", "?")
    )
    return (
        f'UPDATE "{models.table_of(row)}" SET "{column}" = {new}'  # noqa: S608 - names of our own
        f' WHERE tenant_id = {tenant_id} AND id = {row_id} AND "{column}" = {old}'
    )


def _value(row_id: UUID) -> UUID | str:
    return row_id if dialect() == "postgres" else str(row_id)


async def _renew_credentials(key: DigestKey) -> int:
    count = 0
    for row in await models.IntrospectionCredential.all().order_by("id"):
        if digest := key.renewed(bytes(row.digest)):
            unchanged = models.IntrospectionCredential.filter(id=row.id, digest=row.digest)
            count += await unchanged.update(digest=digest)
    return count
