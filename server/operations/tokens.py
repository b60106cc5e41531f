"""Operations on tokens. Reading their activity lives in `server.operations.activity`."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import UUID

import orjson
from tortoise.functions import Count

import models
from models import ActivityKind, RevocationReason
from server.access import token_lists, token_search
from server.access.activity import record
from server.access.digest_keys import generation_to_keep
from server.access.live_token import locked, save
from server.access.principal import Principal
from server.access.tenancy import change, owned, page_of
from server.access.token_filter import MAX_KEY_LENGTH, TokenFilter, cleaned
from server.access.token_lists import TokenOrder
from server.catalogue import Catalogue
from server.conditions import Conditions
from server.database import connection, database_now, dialect, retried
from server.decisions import revoking, terms
from server.errors import InvalidInput, SecretAlreadyShown
from server.paging import Page, PageRequest
from server.roles import Right
from server.service import Service
from server.texts import check_idempotency_key, clean_description, clean_name
from server.token_format import DigestKey, new_token_secret, token_hint

_EVERY_LIVE_ONE = TokenFilter()
_NO_LIMIT = 2**31 - 1
# A row for each token instead of each permission: ten times fewer for Python to go through.
_HELD_KEYS = {
    "postgres": """
        SELECT token_id, json_agg("key") AS keys FROM (
            SELECT token_id, "key" FROM token_permission
            WHERE tenant_id = $1 AND token_id = ANY($2) LIMIT $3) AS held
        GROUP BY token_id
    """,
    "sqlite": """
        SELECT token_id, json_group_array("key") AS keys FROM (
            SELECT token_id, "key" FROM token_permission
            WHERE tenant_id = ?1 AND token_id IN (SELECT value FROM json_each(?2)) LIMIT ?3)
        GROUP BY token_id
    """,
}
_KEYS_AT_ONCE = 1_000
_KEY = re.compile(r"[A-Z]{3,7} /[!-~]{0,500}")


@dataclass(frozen=True, slots=True)
class Created:
    """A new token and its secret, which is shown now and never again."""

    token: models.Token
    secret: str

    def __repr__(self) -> str:
        return f"Created(token={self.token!r}, secret=…)"


async def search(
    principal: Principal,
    request: PageRequest,
    text: str | None = None,
    wanted: TokenFilter = _EVERY_LIVE_ONE,
    order: TokenOrder = TokenOrder.NEWEST,
) -> Page[models.Token]:
    """The tokens that meet the filter, in the order; only those with `text`, if it is given.

    Case, width and accents of texts make no difference. A key of `request` is one that
    `token_lists.is_key` accepts. Raises `BadSearch`, or `SearchTooBroad`.
    """
    principal.require(Right.READ)
    wanted = cleaned(wanted, text)
    is_by_id = order in (TokenOrder.NEWEST, TokenOrder.OLDEST)
    if wanted == _EVERY_LIVE_ONE and is_by_id:
        live = owned(models.Token, principal).filter(**models.LIVE)
        return await page_of(live, request, newest_first=order is TokenOrder.NEWEST)
    if wanted == TokenFilter(search=wanted.search) and order is TokenOrder.NEWEST:
        return await token_search.page(principal, request, wanted.search)
    return await token_lists.page(principal, request, wanted, order)


async def count(principal: Principal, wanted: TokenFilter = _EVERY_LIVE_ONE) -> int:
    """How many tokens meet the filter: exact up to 10,000, and 10,001 for more.

    Raises `BadSearch`, or `SearchTooBroad`.
    """
    principal.require(Right.READ)
    return len(await token_lists.ids(principal, cleaned(wanted)))


async def find_many(principal: Principal, ids: Collection[UUID]) -> dict[UUID, models.Token]:
    """The tokens of the tenant among `ids`, revoked ones too."""
    principal.require(Right.READ)
    return {token.id: token for token in await owned(models.Token, principal).filter(id__in=ids)}


async def permission_keys(
    principal: Principal, token_ids: Collection[UUID], max_keys: int = _NO_LIMIT
) -> dict[UUID, list[str]]:
    """The keys that each of these tokens holds, those of retired permissions too.

    Reads at most `max_keys` of them, in no order: a caller asks for one more than it can show.
    """
    principal.require(Right.READ)
    held: dict[UUID, list[str]] = {token_id: [] for token_id in token_ids}
    values: list[Any] = [principal.tenant_id, list(token_ids), max_keys]
    if dialect() == "sqlite":
        values = [str(principal.tenant_id), orjson.dumps(values[1]).decode(), max_keys]
    for row in (await connection().execute_query(_HELD_KEYS[dialect()], values))[1]:
        held[UUID(str(row["token_id"]))] = orjson.loads(row["keys"])
    return held


async def count_permissions(principal: Principal, token_ids: Collection[UUID]) -> dict[UUID, int]:
    """How many permissions each of these tokens holds, retired ones too; those with none miss."""
    principal.require(Right.READ)
    held = owned(models.TokenPermission, principal).filter(token_id__in=list(token_ids))
    counted = held.annotate(permissions=Count("id")).group_by("token_id")
    return dict(await counted.values_list("token_id", "permissions"))


@retried
async def create(
    principal: Principal,
    service: Service,
    *,
    name: str,
    description: str = "",
    permissions: Sequence[str] = (),
    idempotency_key: str | None = None,
    is_owned_by_organisation: bool = False,
    conditions: Conditions = Conditions(),  # noqa: B008 - frozen
) -> Created:
    """A new token of the principal's, or of the organisation's.

    idempotency_key: makes a retry safe. Raises `InvalidInput`, or `SecretAlreadyShown` when the
    principal has used the key before.
    """
    principal.require(Right.MANAGE_TOKENS)
    name, description = clean_name(name), clean_description(description)
    keys = list(_known(service.catalogue, permissions).values())
    check_idempotency_key(idempotency_key)
    key = service.digest_key
    secret = new_token_secret(service.settings.token_brand[0])
    async with change(principal, Right.MANAGE_TOKENS):
        columns = conditions.columns(await database_now())
        generation = await generation_to_keep(key)
        used_key = await _used_key(principal, key, generation, idempotency_key)
        token = await models.Token.create(
            tenant_id=principal.tenant_id,
            name=name,
            description=description,
            hint=token_hint(secret),
            created_by_id=principal.actor.id,
            owner_id=None if is_owned_by_organisation else principal.actor.id,
            idempotency_key=used_key,
            **columns,
        )
        await terms.add(token, key.digest("token", secret, generation), keys)
        await _grant(token, keys)
        await token_search.add(token)
        await record(principal, ActivityKind.CREATED, token)
        await _show_api_url(token)
    return Created(token, secret)


async def _show_api_url(token: models.Token) -> None:
    """Note the tenant's first token: from then on its API's URL is shown."""
    without = models.Tenant.filter(id=token.tenant_id, first_token_at__isnull=True)
    await without.update(first_token_at=token.created_at)


@retried
async def set_permissions(
    principal: Principal,
    service: Service,
    token_id: UUID,
    permissions: Sequence[str],
    if_revision: int | None = None,
) -> models.Token:
    """Replace everything a live token may call.

    Permissions that have left the catalogue may be kept but not granted anew. Raises
    `InvalidInput`, `NotFound` or `RevisionConflict`, and then changes nothing.
    """
    principal.require(Right.MANAGE_TOKENS)
    async with change(principal, Right.MANAGE_TOKENS):
        token = await locked(principal, token_id, if_revision)
        held = await _held(principal, token)
        wanted = _known(service.catalogue, permissions, besides=held)
        await _replace(principal, token, held, wanted)
    return token


@retried
async def edit_permissions(
    principal: Principal,
    service: Service,
    token_id: UUID,
    *,
    grant: Sequence[str] = (),
    withdraw: Sequence[str] = (),
    if_revision: int | None = None,
) -> models.Token:
    """Grant and withdraw some permissions of a live token, and leave the rest as they are.

    Withdrawing a permission that the token lacks changes nothing. Raises as `set_permissions` does,
    and `InvalidInput` for a key that is to be both granted and withdrawn.
    """
    principal.require(Right.MANAGE_TOKENS)
    _refuse_contradiction(grant, withdraw)
    async with change(principal, Right.MANAGE_TOKENS):
        token = await locked(principal, token_id, if_revision)
        held = await _held(principal, token)
        granted = _known(service.catalogue, grant, besides=held, field="grant")
        withdrawn = set(map(_shape_of, withdraw))
        left = {shape: key for shape, key in held.items() if shape not in withdrawn}
        await _replace(principal, token, held, left | granted)
    return token


@retried
async def rename(
    principal: Principal, token_id: UUID, name: str, if_revision: int | None = None
) -> models.Token:
    """Give a live token another name. Raises `InvalidInput`, `NotFound` or `RevisionConflict`."""
    principal.require(Right.MANAGE_TOKENS)
    name = clean_name(name)
    async with change(principal, Right.MANAGE_TOKENS):
        token = await locked(principal, token_id, if_revision)
        if token.name != name:
            details = {"previousName": token.name, "name": name}
            token.name = name
            await save(token, "name")
            await token_search.update(token)
            await record(principal, ActivityKind.NAME_CHANGED, token, **details)
    return token


@retried
async def describe(
    principal: Principal, token_id: UUID, description: str, if_revision: int | None = None
) -> models.Token:
    """Give a live token another description. Raises as `rename` does."""
    principal.require(Right.MANAGE_TOKENS)
    description = clean_description(description)
    async with change(principal, Right.MANAGE_TOKENS):
        token = await locked(principal, token_id, if_revision)
        if token.description != description:
            details = {"previousDescription": token.description, "description": description}
            token.description = description
            await save(token, "description")
            await token_search.update(token)
            await record(principal, ActivityKind.DESCRIPTION_CHANGED, token, **details)
    return token


@retried
async def revoke(
    principal: Principal, token_id: UUID, reason: RevocationReason | None = None
) -> models.Token:
    """End a live token for ever. Raises `NotFound`, for one that is revoked already too.

    reason: REVOKED, the default, or COMPROMISED. Raises `InvalidInput` for another one.
    """
    principal.require(Right.MANAGE_TOKENS)
    reason = revoking.clean_reason(reason)
    async with change(principal, Right.MANAGE_TOKENS):
        token = await locked(principal, token_id)
        await revoking.revoke(principal.tenant_id, [token])
        await record(principal, ActivityKind.REVOKED, token, reason=reason.value)
    return token


async def _held(principal: Principal, token: models.Token) -> dict[str, str]:
    keys = (await permission_keys(principal, [token.id]))[token.id]
    return {_shape_of(key): key for key in keys}


async def _replace(
    principal: Principal, token: models.Token, held: Mapping[str, str], wanted: Mapping[str, str]
) -> None:
    """Write that the locked `token` holds `wanted` instead of `held`, and record the change.

    Both are keys by their shapes, which tell the permissions.
    """
    granted = sorted(key for shape, key in wanted.items() if shape not in held)
    withdrawn = sorted(key for shape, key in held.items() if shape not in wanted)
    if not granted and not withdrawn:
        return
    await _withdraw(token, withdrawn)
    await _grant(token, granted)
    await terms.write_grants(token, sorted(wanted.values()))
    await save(token)
    details = {"granted": granted, "withdrawn": withdrawn}
    await record(principal, ActivityKind.PERMISSIONS_EDITED, token, **details)


async def _grant(token: models.Token, keys: Iterable[str]) -> None:
    await models.TokenPermission.bulk_create(
        [
            models.TokenPermission(tenant_id=token.tenant_id, token_id=token.id, key=key)
            for key in keys
        ]
    )


async def _withdraw(token: models.Token, keys: Sequence[str]) -> None:
    # In parts: PostgreSQL takes at most 32,767 parameters in a statement.
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        part = keys[start : start + _KEYS_AT_ONCE]
        await models.TokenPermission.filter(
            tenant_id=token.tenant_id, token_id=token.id, key__in=part
        ).delete()


async def _used_key(
    principal: Principal, key: DigestKey, generation: int, idempotency_key: str | None
) -> str | None:
    """The digest of an idempotency key, if one is given and the principal has not used it."""
    if idempotency_key is None:
        return None
    await _refuse_repetition(principal, key.digests("idempotency", idempotency_key))
    return key.digest("idempotency", idempotency_key, generation).hex()


async def _refuse_repetition(principal: Principal, digests: Sequence[bytes]) -> None:
    """The principal's own row is locked, so that of two retries at once one comes second."""
    made = await owned(models.Token, principal).get_or_none(
        created_by_id=principal.actor.id,
        idempotency_key__in=[digest.hex() for digest in digests],
    )
    if made is not None:
        raise SecretAlreadyShown(made)


def _known(
    catalogue: Catalogue,
    keys: Sequence[str],
    besides: Mapping[str, str] = MappingProxyType({}),
    field: str = "permissions",
) -> dict[str, str]:
    """`keys` as the catalogue, or else `besides`, writes them, by their shapes.

    Raises `InvalidInput` that names each one that neither has.
    """
    known: dict[str, str] = {}
    unknown: list[str] = []
    for key in dict.fromkeys(keys):
        shape = _shape_of(key)
        permission = catalogue.find(key) if len(key) <= MAX_KEY_LENGTH else None
        if permission is not None:
            known[shape] = permission.key
        elif shape in besides:
            known[shape] = besides[shape]
        else:
            unknown.append(key)
    if unknown:
        raise InvalidInput(field, f"No such permission: {_named(unknown, keys)}.")
    return known


def _shape_of(key: str) -> str:
    """The shape of a key; a text that is longer than any key is not taken apart."""
    return models.shape_of(key) if len(key) <= MAX_KEY_LENGTH else key


def _refuse_contradiction(grant: Sequence[str], withdraw: Sequence[str]) -> None:
    """Raises `InvalidInput` that names each key in both lists."""
    granted = set(map(_shape_of, grant))
    both = [key for key in dict.fromkeys(withdraw) if _shape_of(key) in granted]
    if both:
        raise InvalidInput(
            "withdraw", f"A permission cannot be granted and withdrawn: {_named(both, withdraw)}."
        )


def _named(some: Sequence[str], keys: Sequence[str]) -> str:
    """Names `some` of `keys` for a message.

    A text that is not formed like a key is named by its place: it may hold a secret.
    """
    places = {key: place for place, key in reversed([*enumerate(keys, start=1)])}
    return "; ".join(
        key if _KEY.fullmatch(key) else f"entry {places[key]}, which is no key" for key in some
    )
