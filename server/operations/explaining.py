"""Explains the answer of `/authorize` to a request with a token now. Counts nothing."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

import models
from models import RefusalReason
from server.access.principal import Principal
from server.access.tenancy import owned
from server.catalogue import Near, Permission, canonical_path, near
from server.decisions.decide import Wanted, wanted_permission
from server.decisions.explanation import Asked, Explanation, explained
from server.decisions.hosts import Hosts
from server.decisions.limits import RateLimiter
from server.decisions.lookup_token import find_secrets
from server.errors import InvalidInput
from server.operations import tenants
from server.roles import Right
from server.service import Service
from server.web.client_address import parsed_address

_MAX_METHOD = 40
_MAX_URL = 10_000
_ABSOLUTE = re.compile(r"(?i:https?)://([^/?#@\s]+)([/?#].*|)", re.DOTALL)
# Held permissions among which retired ones are looked for.
_MAX_HELD = 10_000


@dataclass(frozen=True, slots=True)
class Request:
    """A request as its client would make it.

    url: with scheme and host, or from the path on: the tenant's host is taken then.
    address: the client's.
    """

    method: str
    url: str
    address: str


async def explain(
    principal: Principal,
    service: Service,
    limiter: RateLimiter | None,
    token_id: UUID,
    request: Request,
    presented: Collection[bytes] = (),
) -> Explanation | None:
    """The decision on `request`, step by step; None if the tenant has no such token.

    presented: the digests of the secret in question; the newest live one otherwise. limiter: None
    if the counts of the limits cannot be read here. Raises `InvalidInput`.
    """
    principal.require(Right.READ)
    host, target, address = _read(request)
    tenant = await tenants.get(principal)
    wanted = wanted_permission(service.catalogue, request.method, target)
    key = wanted.key if isinstance(wanted, Permission) else ""
    secrets = await find_secrets(principal.tenant_id, token_id, key, presented)
    if secrets is None:
        return None
    asked = Asked(
        api_host=urlsplit(service.url_of(tenant)).netloc,
        has_host=host is not None,
        is_own_host=_is_own(service, tenant, host),
        secrets=secrets,
        wanted=wanted,
        address=address,
        near=await _near(principal, service, token_id, request.method, target, wanted),
        are_counted_here=limiter is not None,
    )
    is_counted = limiter is not None and asked.is_own_host and asked.denial is None
    return explained(asked, await limiter.peek(secrets.current) if limiter and is_counted else None)


def _read(request: Request) -> tuple[str | None, str, str]:
    """The host, if the URL names one, the target, and the address. Raises `InvalidInput`."""
    if not 0 < len(request.method) <= _MAX_METHOD:
        raise InvalidInput("method", f"Enter a method of 1 to {_MAX_METHOD} characters.")
    if parsed_address(request.address) is None:
        raise InvalidInput("address", "Enter an IP address, such as 192.0.2.7 or 2001:db8::7.")
    host, target = _split(request.url)
    return host, target, str(parsed_address(request.address))


def _split(url: str) -> tuple[str | None, str]:
    if len(url) > _MAX_URL:
        raise InvalidInput("url", f"Enter a URL of at most {_MAX_URL:,} characters.")
    if url.startswith("/"):
        return None, url
    absolute = _ABSOLUTE.fullmatch(url)
    if absolute is None:
        message = "Enter a URL such as https://host/path, without a user name, or a path from `/`."
        raise InvalidInput("url", message)
    target = absolute[2]
    return absolute[1], target if target.startswith("/") else f"/{target}"


def _is_own(service: Service, tenant: models.Tenant, host: str | None) -> bool:
    if host is None:
        return True
    named = Hosts(service.settings.api_url).tenant_of(host)
    return named is not None and named[0] == tenant.slug and named[1] in {None, tenant.region}


async def _near(
    principal: Principal, service: Service, token_id: UUID, method: str, target: str, wanted: Wanted
) -> tuple[Near, ...]:
    path = canonical_path(target)
    if wanted is not RefusalReason.NO_SUCH_OPERATION or path is None:
        return ()
    held = owned(models.TokenPermission, principal).filter(token_id=token_id)
    keys = await held.limit(_MAX_HELD).values_list("key", flat=True)
    return near(service.catalogue, method, path, [str(key) for key in keys])
