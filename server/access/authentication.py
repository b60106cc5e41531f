"""Authenticates HTTP requests: finds the principal of a request, and checks whether a browser may
send it.

There are two credentials, and both are a session's secret: the cookie, and a bearer for scripts.
Browsers send the cookie automatically, so it is guarded against other sites.
"""

from functools import lru_cache

from starlette.requests import Request

from server.access.cookies import SESSION
from server.access.principal import SignedInAdmin
from server.access.sessions import principal_of
from server.errors import CrossSite, Unauthenticated
from server.global_ids import encode_id
from server.service import Service
from server.settings import Settings
from server.web.client_address import ClientAddresses, Network
from server.web.log_fields import tell_in_log


async def authenticate(service: Service, request: Request) -> SignedInAdmin:
    """The principal of a request. Raises `Unauthenticated`, or `CrossSite` for a forged one."""
    secret = _credential(service, request)
    principal = await principal_of(service, secret, client_address(service.settings, request))
    tell_in_log(
        request,
        tenant=encode_id("Tenant", principal.tenant_id),
        admin=encode_id("Admin", principal.admin_id),
    )
    return principal


def _credential(service: Service, request: Request) -> str:
    """The session's secret. Raises as `authenticate` does."""
    authorization = request.headers.getlist("authorization")
    if authorization:
        return _bearer(authorization)
    secret = SESSION.read(service.settings, request)
    if secret is None:
        raise Unauthenticated(detail="no credential")
    require_same_site(service.settings, request)
    return secret


async def is_signed_in(service: Service, request: Request) -> bool:
    """Whether a page's visitor has a session; a link on another site may lead to a page."""
    try:
        await principal_of(service, SESSION.read(service.settings, request) or "")
    except Unauthenticated:
        return False
    return True


def require_same_site(settings: Settings, request: Request) -> None:
    """Raises `CrossSite` for a request that a browser sends on behalf of a foreign page.

    Follows OWASP's CSRF cheat sheet: `Sec-Fetch-Site` where the browser sends it, else `Origin`.
    Origins in the settings are let through, for front-ends that live elsewhere.
    """
    origin = request.headers.get("origin")
    if origin is not None and origin in settings.cors_origins:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in {"same-origin", "none"}:
            raise CrossSite
    elif origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise CrossSite


def client_address(settings: Settings, request: Request) -> str:
    """The address of the client: the peer's, or the one that trusted proxies report."""
    peer = request.client.host if request.client else ""
    addresses = _addresses(settings.trusted_proxies, settings.forwarded_header)
    return addresses.of(peer, request.headers.raw)


@lru_cache(maxsize=8)
def _addresses(trusted: tuple[Network, ...], header: str) -> ClientAddresses:
    return ClientAddresses(trusted, header)


def _bearer(headers: list[str]) -> str:
    """The secret in one `Authorization` header (RFC 6750, section 2.1)."""
    scheme, _, secret = headers[0].partition(" ")
    if len(headers) != 1 or scheme.lower() != "bearer":
        raise Unauthenticated(detail="not one bearer credential")
    return secret.strip(" ")
