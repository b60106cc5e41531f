"""The cookies of a browser: the session's secret, and the device that is remembered.

Over HTTPS both have the prefix `__Host-` and are `Secure`. Browsers drop such cookies over plain
HTTP; some of them (WebKit) also do so on this machine's own addresses. A page at a loopback address
therefore gets cookies under other names without `Secure`. Those names are read only there, and are
set only for a page of that very origin. Cookies of a loopback address are shared by all its ports,
so other servers on this machine see them if the person opens their pages.

The prefix `__Host-` keeps other hosts from setting them, and requires the path `/`. Below a path,
browsers therefore send them to other applications of that origin too. The path is part of the name,
so that two installations at one origin do not read each other's cookies.
"""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from server.access.sessions import ABSOLUTE
from server.settings import Settings
from server.web.cookies import read_cookie

_PROXIED = {"forwarded", "via", "x-real-ip"}


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie by its two names, to which the path of the public URL is added."""

    secure_name: str
    local_name: str
    lifetime: timedelta
    same_site: Literal["lax", "strict"]

    def read(self, settings: Settings, request: Request) -> str | None:
        """Its value, or None."""
        local = None
        if is_local(settings, request):
            local = read_cookie(request.headers, _name_at(settings, self.local_name))
        return local or read_cookie(request.headers, _name_at(settings, self.secure_name))

    def give(self, settings: Settings, request: Request, response: Response, value: str) -> None:
        """Have the browser keep it, out of reach of scripts and of other hosts."""
        secure = not (is_local(settings, request) and _is_own_page(request))
        response.set_cookie(
            _name_at(settings, self.secure_name if secure else self.local_name),
            value,
            max_age=int(self.lifetime.total_seconds()),
            path="/",
            secure=secure,
            httponly=True,
            samesite=self.same_site,
        )

    def forget(self, settings: Settings, request: Request, response: Response) -> None:
        """Have the browser forget it."""
        names = {self.secure_name: True}
        if is_local(settings, request):
            names[self.local_name] = False
        for name, secure in names.items():
            response.delete_cookie(
                _name_at(settings, name),
                path="/",
                secure=secure,
                httponly=True,
                samesite=self.same_site,
            )


SESSION = Cookie("__Host-tessera_session", "tessera_session_local", ABSOLUTE, "lax")
DEVICE = Cookie("__Host-tessera_device", "tessera_device_local", timedelta(days=365), "strict")


def _name_at(settings: Settings, name: str) -> str:
    """The cookie's name below the path of the public URL; a name may hold no slash."""
    path = settings.public_path.removeprefix("/")
    return f"{name}_{path.replace('/', '+')}" if path else name


def is_local(settings: Settings, request: Request) -> bool:
    """Whether this machine asks itself by a loopback address, with no proxy between.

    A proxy on this machine may send a loopback `Host` for a page that the browser got elsewhere;
    the headers that proxies add give it away.
    """
    if settings.trusted_proxies or request.url.scheme != "http":
        return False
    if any(n in _PROXIED or n.startswith("x-forwarded-") for n in request.headers):
        return False
    hosts = request.headers.getlist("host")
    peer = request.client.host if request.client else ""
    return len(hosts) == 1 and _is_loopback(_name(hosts[0])) and _is_loopback(peer)


def _is_own_page(request: Request) -> bool:
    """Whether a page of the address that was asked sent this: browsers say so in `Origin`."""
    return request.headers.getlist("origin") == [f"http://{request.headers['host']}"]


def _name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _is_loopback(text: str) -> bool:
    if text == "localhost":
        return True
    try:
        address = ip_address(text)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
