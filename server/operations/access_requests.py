"""Access requests, as admins see and decline them. `server.operations.tokens` grants them.

`server.operations.holder` has the holder's operations.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

import models
from models import AccessRequestState, ActivityKind
from server.access.activity import record
from server.access.principal import Principal
from server.access.reading import owned_rows
from server.access.tenancy import change, owned, page_of
from server.database import database_now, retried
from server.decisions import access_requests
from server.operations import usage
from server.paging import Page, PageRequest
from server.roles import Right
from server.texts import clean_request_reason

# A count of open requests beyond this is told as one more.
MAX_COUNTED = 99
RECENT_DAYS = 30


async def search(
    principal: Principal, request: PageRequest, state: AccessRequestState | None = None
) -> Page[models.AccessRequest]:
    """The tenant's requests in a state, or in any, the latest first."""
    principal.require(Right.READ)
    wanted: dict[str, Any] = {} if state is None else {"state": state}
    return await page_of(
        models.AccessRequest,
        request,
        newest_first=True,
        tenant_id=principal.tenant_id,
        **wanted,
    )


async def of_token(
    principal: Principal, token_id: UUID, request: PageRequest
) -> Page[models.AccessRequest]:
    """The requests of a token, the latest first; none for a token of another tenant."""
    principal.require(Right.READ)
    return await page_of(
        models.AccessRequest,
        request,
        newest_first=True,
        tenant_id=principal.tenant_id,
        token_id=token_id,
    )


async def find_many(
    principal: Principal, ids: Collection[UUID]
) -> dict[UUID, models.AccessRequest]:
    """The requests of the tenant among `ids`."""
    principal.require(Right.READ)
    found = await owned_rows(models.AccessRequest, principal, id__in=ids)
    return {request.id: request for request in found}


async def count_open(principal: Principal) -> int:
    """How many requests are open: exact up to 99, and 100 for more."""
    principal.require(Right.READ)
    wanted = owned(models.AccessRequest, principal).filter(state=AccessRequestState.OPEN)
    return len(await wanted.limit(MAX_COUNTED + 1).values_list("id"))


async def recent_refusals(
    principal: Principal, requests: Collection[models.AccessRequest]
) -> dict[UUID, int]:
    """How often the token's calls for each request's permission were denied in the last 30 days."""
    principal.require(Right.READ)
    since = await database_now() - timedelta(days=RECENT_DAYS)
    token_ids = {request.token_id for request in requests}
    denied = {
        (token_id, models.shape_of(one.key)): int(one.denied)
        for token_id, usages in (await usage.of_tokens(principal, token_ids, since)).items()
        for one in usages
    }
    return {
        request.id: denied.get((request.token_id, models.shape_of(request.key)), 0)
        for request in requests
    }


@retried
async def decline(principal: Principal, request_id: UUID, reason: str) -> models.AccessRequest:
    """Decline an open request, with a reason that its holder reads.

    Raises `NotFound`, or `InvalidInput` for a reason that is none and a request that is not open.
    """
    principal.require(Right.MANAGE_TOKENS)
    reason = clean_request_reason(reason)
    async with change(principal, Right.MANAGE_TOKENS):
        token, request = await access_requests.locked_open(principal, request_id)
        await access_requests.decline(principal, request, reason)
        details = {"permission": request.key, "reason": reason}
        await record(principal, ActivityKind.ACCESS_DECLINED, token, **details)
    return request
