"""Operations on tokens. Reading their activity lives in `server.operations.activity`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from tortoise.functions import Count

import models
from models import ActivityKind, RevocationReason
from server.access import followed_categories, token_lists, token_policies, token_search
from server.access.activity import record
from server.access.columns_beside import OF_TOKENS, keys_of
from server.access.digest_keys import generation_to_keep
from server.access.live_token import locked, save
from server.access.permission_keys import shape_of_key
from server.access.principal import Principal
from server.access.reading import owned_rows
from server.access.tenancy import change, lock_first_token, owned, page_of
from server.access.token_filter import TokenFilter, cleaned
from server.access.token_lists import TokenOrder
from server.access.wanted_permissions import known_and_followed, refuse_contradiction
from server.catalogue.recipes import Recipe
from server.conditions import Conditions, Unsaid
from server.database import at_the_end, database_now, is_distributed, retried
from server.decisions import access_requests, revoking, terms, trials
from server.errors import InvalidInput, SecretAlreadyShown
from server.paging import Page, PageRequest
from server.roles import Right
from server.service import Service
from server.texts import check_idempotency_key, clean_description, clean_name
from server.token_format import DigestKey, new_token_secret, token_hint

_EVERY_LIVE_ONE = TokenFilter()
_NO_LIMIT = 2**31 - 1
_KEYS_AT_ONCE = 1_000


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
    beside: Collection[str] = (),
) -> Page[models.Token]:
    """The tokens that meet the filter, in the order; only those with `text`, if it is given.

    Case, width and accents of texts make no difference. A key of `request` is one that
    `token_lists.is_key` accepts. beside: names of `columns_beside.OF_TOKENS`, to be read in the
    same statement. Raises `BadSearch`, or `SearchTooBroad`.
    """
    principal.require(Right.READ)
    further = tuple(OF_TOKENS[name] for name in beside)
    wanted = cleaned(wanted, text)
    is_by_id = order in (TokenOrder.NEWEST, TokenOrder.OLDEST)
    if wanted == _EVERY_LIVE_ONE and is_by_id:
        return await page_of(
            models.Token,
            request,
            newest_first=order is TokenOrder.NEWEST,
            beside=further,
            tenant_id=principal.tenant_id,
            **models.LIVE,
        )
    if wanted == TokenFilter(search=wanted.search) and order is TokenOrder.NEWEST:
        return await token_search.page(principal, request, wanted.search, further)
    return await token_lists.page(principal, request, wanted, order, further)


async def count(principal: Principal, wanted: TokenFilter = _EVERY_LIVE_ONE) -> int:
    """How many tokens meet the filter: exact up to 10,000, and 10,001 for more.

    Raises `BadSearch`, or `SearchTooBroad`.
    """
    principal.require(Right.READ)
    return len(await token_lists.ids(principal, cleaned(wanted)))


async def find_many(principal: Principal, ids: Collection[UUID]) -> dict[UUID, models.Token]:
    """The tokens of the tenant among `ids`, revoked ones too."""
    principal.require(Right.READ)
    return {token.id: token for token in await owned_rows(models.Token, principal, id__in=ids)}


async def permission_keys(
    principal: Principal, token_ids: Collection[UUID], max_keys: int = _NO_LIMIT
) -> dict[UUID, list[str]]:
    """The keys that each of these tokens holds, those of retired permissions too.

    Reads at most `max_keys` of them, in no order: a caller asks for one more than it can show.
    """
    principal.require(Right.READ)
    return await keys_of(principal.tenant_id, token_ids, max_keys)


async def count_permissions(principal: Principal, token_ids: Collection[UUID]) -> dict[UUID, int]:
    """How many permissions each of these tokens holds, retired ones too; those with none miss."""
    principal.require(Right.READ)
    held = owned(models.TokenPermission, principal).filter(token_id__in=list(token_ids))
    counted = held.annotate(permissions=Count("id")).group_by("token_id")
    return dict(await counted.values_list("token_id", "permissions"))


async def followed_categories_of(
    principal: Principal, token_ids: Collection[UUID]
) -> dict[UUID, list[str]]:
    """The categories that each of these tokens follows, by name."""
    principal.require(Right.READ)
    return await followed_categories.followed_by(principal.tenant_id, token_ids)


@retried
async def create(
    principal: Principal,
    service: Service,
    *,
    name: str,
    description: str = "",
    permissions: Sequence[str] = (),
    follow_categories: Sequence[str] = (),
    recipe: str | None = None,
    idempotency_key: str | None = None,
    is_owned_by_organisation: bool = False,
    conditions: Conditions = Conditions(),  # noqa: B008 - frozen
) -> Created:
    """A new token of the principal's, or of the organisation's.

    follow_categories: grants their permissions, and those that later versions add.
    recipe: the slug of the one that the permissions are from. idempotency_key: makes a retry safe.
    conditions: without an expiry, the token policy gives the default one. Raises `InvalidInput`,
    also for an expiry beyond the policy's maximum, or `SecretAlreadyShown` for a key used before.
    """
    principal.require(Right.MANAGE_TOKENS)
    made_from = _recipe(service, recipe)
    owner_id = None if is_owned_by_organisation else principal.actor.id
    columns = _columns_of(name, description, owner_id, made_from) | conditions.columns()
    keys = list(known_and_followed(service.catalogue, permissions, follow_categories).values())
    check_idempotency_key(idempotency_key)
    secret = new_token_secret(service.settings.token_brand[0])
    async with change(principal, Right.MANAGE_TOKENS):
        generation = await generation_to_keep(service.digest_key)
        used_key = await _used_key(principal, service.digest_key, generation, idempotency_key)
        columns |= {"hint": token_hint(secret), "idempotency_key": used_key}
        token = await _add(principal, columns, conditions.expires_at)
        digest = service.digest_key.digest("token", secret, generation)
        await terms.add(token, digest, keys)
        await _grant(token, keys)
        await followed_categories.add(token, service.catalogue, set(follow_categories))
        await token_search.add(token)
        details = _details_of_new(follow_categories, made_from)
        await record(principal, ActivityKind.CREATED, token, **details)
    return Created(token, secret)


def _columns_of(
    name: str, description: str, owner_id: UUID | None, recipe: Recipe | None
) -> dict[str, Any]:
    """The columns of a new token that its maker chooses. Raises `InvalidInput`."""
    return {
        "name": clean_name(name),
        "description": clean_description(description),
        "owner_id": owner_id,
        "recipe": recipe and recipe.slug,
        "recipe_version": recipe and recipe.version,
    }


async def _add(
    principal: Principal, columns: Mapping[str, Any], expires_at: datetime | Unsaid | None
) -> models.Token:
    """Write the row of a new token, with the expiry that was asked for, or the policy's."""
    created_at = models.now()
    await at_the_end(_show_api_url, [(principal.tenant_id, created_at)])
    now = await database_now()
    lifetimes = await token_policies.lifetimes(principal.tenant_id, now)
    return await models.Token.create(
        tenant_id=principal.tenant_id,
        created_at=created_at,
        created_by_id=principal.actor.id,
        expires_at=lifetimes.expiry(expires_at, now),
        **columns,
    )


def _details_of_new(followed: Sequence[str], recipe: Recipe | None) -> dict[str, Any]:
    """The categories and the recipe of a new token: named as in `_details`, without empty ones."""
    details: dict[str, Any] = {}
    if followed:
        details["followed"] = sorted(set(followed))
    if recipe is not None:
        details |= {"recipe": recipe.slug, "recipeVersion": recipe.version}
    return details


def _recipe(service: Service, slug: str | None) -> Recipe | None:
    """The recipe of that slug, None for none. Raises `InvalidInput`."""
    found = service.recipe(slug) if slug is not None else None
    if slug is not None and found is None:
        raise InvalidInput("recipe", "No such recipe.")
    return found


async def _show_api_url(created: Iterable[tuple[UUID, datetime]]) -> None:
    """Note the first tokens of tenants, given by their instants: their APIs' URLs are shown then.

    A step at the end: on a distributed database the write waits for all nodes.
    """
    for tenant_id, at in created:
        without = models.Tenant.filter(id=tenant_id, first_token_at__isnull=True)
        if is_distributed():
            if not await without.exists():
                continue
            await lock_first_token(tenant_id)
        await without.update(first_token_at=at)


@retried
async def set_permissions(
    principal: Principal,
    service: Service,
    token_id: UUID,
    permissions: Sequence[str],
    if_revision: int | None = None,
    follow_categories: Sequence[str] | None = None,
    recipe: str | None = None,
) -> models.Token:
    """Replace everything a live token may call.

    Permissions that have left the catalogue may be kept but not granted anew. follow_categories:
    the categories that it follows from now on; None to leave them. Those that it followed before
    grant nothing anew. recipe: the slug of the one that it is changed to; None to leave it. Raises
    `InvalidInput`, `NotFound` or `RevisionConflict`, and then changes nothing.
    """
    principal.require(Right.MANAGE_TOKENS)
    applied = _recipe(service, recipe)
    async with change(principal, Right.MANAGE_TOKENS):
        token = await locked(principal, token_id, if_revision)
        held = await _held(principal, token)
        following = await _following(token)
        wanted_categories = following if follow_categories is None else set(follow_categories)
        follow = sorted(wanted_categories - following)
        wanted = known_and_followed(service.catalogue, permissions, follow, held)
        unfollow = sorted(following - wanted_categories)
        asked = _Change(held, wanted, follow, unfollow, applied)
        await _replace(principal, service, token, asked)
    return token


@retried
async def edit_permissions(
    principal: Principal,
    service: Service,
    token_id: UUID,
    *,
    grant: Sequence[str] = (),
    withdraw: Sequence[str] = (),
    follow: Sequence[str] = (),
    unfollow: Sequence[str] = (),
    recipe: str | None = None,
    if_revision: int | None = None,
) -> models.Token:
    """Grant and withdraw some permissions of a live token, and leave the rest as they are.

    Withdrawing a permission that the token lacks changes nothing. follow, unfollow: categories.
    Raises as `set_permissions` does, and `InvalidInput` for a key that is to be both granted and
    withdrawn.
    """
    principal.require(Right.MANAGE_TOKENS)
    refuse_contradiction(grant, withdraw)
    applied = _recipe(service, recipe)
    async with change(principal, Right.MANAGE_TOKENS):
        token = await locked(principal, token_id, if_revision)
        held = await _held(principal, token)
        following = await _following(token)
        new = sorted(set(follow) - following)
        granted = known_and_followed(service.catalogue, grant, new, held, ("grant", "follow"))
        withdrawn = set(map(shape_of_key, withdraw))
        wanted = {shape: key for shape, key in (held | granted).items() if shape not in withdrawn}
        unfollowed = sorted(following & set(unfollow) - set(follow))
        asked = _Change(held, wanted, new, unfollowed, applied)
        await _replace(principal, service, token, asked)
    return token


@retried
async def grant_requested(
    principal: Principal, service: Service, request_id: UUID
) -> models.AccessRequest:
    """Grant the permission of an open access request.

    Raises `NotFound`, or `InvalidInput` for a request that is decided, or asks for a permission
    that has left the catalogue.
    """
    principal.require(Right.MANAGE_TOKENS)
    async with change(principal, Right.MANAGE_TOKENS):
        token, request = await access_requests.locked_open(principal, request_id)
        held = await _held(principal, token)
        fields = ("requestId", "requestId")
        granted = known_and_followed(service.catalogue, [request.key], (), held, fields)
        await _replace(principal, service, token, _Change(held, held | granted, (), (), None))
        return await owned(models.AccessRequest, principal).get(id=request_id)


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
    principal.require(Right.STOP_TOKENS)
    reason = revoking.clean_reason(reason)
    async with change(principal, Right.STOP_TOKENS):
        token = await locked(principal, token_id)
        await revoking.revoke(principal.tenant_id, [token])
        await record(principal, ActivityKind.REVOKED, token, reason=reason.value)
    return token


async def _held(principal: Principal, token: models.Token) -> dict[str, str]:
    keys = (await permission_keys(principal, [token.id]))[token.id]
    return {shape_of_key(key): key for key in keys}


async def _following(token: models.Token) -> set[str]:
    return set((await followed_categories.followed_by(token.tenant_id, [token.id]))[token.id])


class _Change(NamedTuple):
    """The permissions that a token held and is to hold: keys by their shapes, which
    identify permissions.

    followed, unfollowed: categories. recipe: the one that is applied.
    """

    held: Mapping[str, str]
    wanted: Mapping[str, str]
    followed: Sequence[str]
    unfollowed: Sequence[str]
    recipe: Recipe | None


def _details(token: models.Token, asked: _Change) -> dict[str, Any]:
    """The details of the change's activity; none if it changes nothing of the token."""
    granted = sorted(key for shape, key in asked.wanted.items() if shape not in asked.held)
    withdrawn = sorted(key for shape, key in asked.held.items() if shape not in asked.wanted)
    details: dict[str, Any] = {}
    if asked.followed or asked.unfollowed:
        details |= {"followed": list(asked.followed), "unfollowed": list(asked.unfollowed)}
    if asked.recipe is not None:
        applied = asked.recipe.slug, asked.recipe.version
        if applied != (token.recipe, token.recipe_version):
            details |= {"recipe": asked.recipe.slug, "recipeVersion": asked.recipe.version}
    if granted or withdrawn or details:
        details |= {"granted": granted, "withdrawn": withdrawn}
    return details


async def _replace(
    principal: Principal, service: Service, token: models.Token, asked: _Change
) -> None:
    """Write permissions and categories of the locked `token`, and record the change."""
    details = _details(token, asked)
    if not details:
        return
    if details["granted"] or details["withdrawn"]:
        await _withdraw(token, details["withdrawn"])
        await _grant(token, details["granted"])
        await terms.write_grants(token, sorted(asked.wanted.values()))
    if details["withdrawn"]:
        await trials.follow(token)
    await followed_categories.add(token, service.catalogue, asked.followed)
    await followed_categories.remove(token, asked.unfollowed)
    if asked.recipe is not None:
        token.recipe, token.recipe_version = asked.recipe.slug, asked.recipe.version
    await save(token, "recipe", "recipe_version")
    await record(principal, ActivityKind.PERMISSIONS_EDITED, token, **details)
    await access_requests.close_granted(principal, token, details["granted"])


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
