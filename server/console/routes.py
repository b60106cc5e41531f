"""The console's HTTP routes: the pages, and the hashed files that they load.

A page is built once for every path below which the server may be reached: `base`, such as
`/tessera`, or empty. It is written into the page as it is served.

Here: which page a visitor gets, and its security headers. Not here: the pages themselves (`web/`),
their build (`build`), and the check whether a visitor is signed in, which the caller supplies.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Match, Route

ASSETS = Path(__file__).resolve().parent / "assets"

# Stands in the built pages for the path below which the server is reached; vite.config.ts has the
# same text.
BASE = "__BASE__"

# All paths of the console get the same page: its front-end routes by the address.
CONSOLE_PATHS = (
    "/",
    "/tokens/{token_id}",
    "/tokens/{token_id}/activity",
    "/tokens/{token_id}/usage",
    "/tokens/{token_id}/right-size",
    "/tokens/{token_id}/check",
    "/tokens/{token_id}/edit-permissions",
    "/requests",
    "/activity",
    "/admins",
    "/policy",
    "/api-changes",
    "/webhooks",
    "/webhooks/{webhook_id}",
)

OTHER_PAGES = ("/graphiql", "/sign-in", "/invitation")

STRICT_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
}

# GraphiQL needs one exception: its menus and dialogs write <style> elements that keep the page
# behind them from scrolling. Scripts and style attributes stay as strict as on the other pages.
GRAPHIQL_POLICY = STRICT_POLICY | {"style-src-elem": "'self' 'unsafe-inline'"}

FENCE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

# The names that Vite makes: no separator, no hidden file, short enough for any file system.
HASHED_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}")

# Not `mimetypes`: its answers depend on the machine, and nosniff makes a wrong one fatal.
MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}

# The compressed forms that the build writes, the smaller one first. Browsers accept Brotli over
# HTTPS and from this machine.
CODINGS = {"br": ".br", "gzip": ".gz"}


def routes(
    is_signed_in: Callable[[Request], Awaitable[bool]], base: str = "", assets: Path = ASSETS
) -> list[Route]:
    """The pages and their files. `is_signed_in` returns whether a visitor has a session."""

    async def page(name: str, policy: dict[str, str]) -> Response:
        return await _page(assets / name, base, policy)

    async def console(request: Request) -> Response:
        if not await is_signed_in(request):
            return _to_sign_in(request, base)
        return await page("index.html", STRICT_POLICY)

    async def graphiql(request: Request) -> Response:
        if not await is_signed_in(request):
            return _to_sign_in(request, base)
        return await page("graphiql.html", GRAPHIQL_POLICY)

    async def sign_in(request: Request) -> Response:
        return await page("sign-in.html", STRICT_POLICY)

    async def invitation(request: Request) -> Response:
        return await page("invitation.html", STRICT_POLICY)

    async def hashed_file(request: Request) -> Response:
        return _hashed_file(assets / "hashed", request)

    return [
        *(Route(path, console) for path in CONSOLE_PATHS),
        Route("/graphiql", graphiql),
        Route("/sign-in", sign_in),
        Route("/invitation", invitation),
        Route("/assets/hashed/{name}", hashed_file),
    ]


def missing_page(
    is_signed_in: Callable[[Request], Awaitable[bool]], base: str = "", assets: Path = ASSETS
) -> Callable[[Request], Awaitable[Response | None]]:
    """The page for a browser at an address that no route has. None for other clients.

    An address of a page with slashes at its end leads to the page. Any other gets a page that says
    so, within the console for who is signed in.
    """
    pages = [Route(path, _nothing) for path in (*CONSOLE_PATHS, *OTHER_PAGES)]

    async def answer(request: Request) -> Response | None:
        if request.method not in {"GET", "HEAD"} or not _accepts_html(request):
            return None
        asked = request.scope["path"]
        path = asked.rstrip("/")
        scope = dict(request.scope) | {"path": path}
        if path != asked and any(p.matches(scope)[0] is Match.FULL for p in pages):
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"{base}{quote(path)}{query}", 308)
        name = "index.html" if await is_signed_in(request) else "not-found.html"
        return await _page(assets / name, base, STRICT_POLICY, status_code=404)

    return answer


async def _nothing(_request: Request) -> Response:
    """Of routes that are only matched, and never called."""
    raise NotImplementedError


def _accepts_html(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "").lower()


def _to_sign_in(request: Request, base: str) -> Response:
    """Redirect to the sign-in page, which leads back here."""
    here = base + request.url.path + (f"?{request.url.query}" if request.url.query else "")
    # Whether to redirect depends on the session, so that no cache may store it.
    headers = {"Cache-Control": "no-store"}
    return RedirectResponse(f"{base}/sign-in?next={quote(here)}", 303, headers)


async def _page(file: Path, base: str, policy: dict[str, str], status_code: int = 200) -> Response:
    headers = FENCE | {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
    }
    try:
        text = await run_in_threadpool(file.read_text, "utf-8")
    except FileNotFoundError:
        return _not_built(headers)
    return HTMLResponse(text.replace(BASE, base), status_code, headers)


def _not_built(headers: dict[str, str]) -> Response:
    problem = {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "The web pages are not built on this server: run `make install`.",
    }
    return JSONResponse(problem, 503, headers, media_type="application/problem+json")


def _hashed_file(folder: Path, request: Request) -> Response:
    name = request.path_params["name"]
    file = folder / name
    media_type = MEDIA_TYPES.get(file.suffix)
    if not HASHED_NAME.fullmatch(name) or media_type is None or not file.is_file():
        raise HTTPException(404)
    headers = FENCE | {
        # The name holds a hash of the content: a changed file has another name.
        "Cache-Control": "public, max-age=31536000, immutable",
        "Vary": "Accept-Encoding",
    }
    for coding, suffix in CODINGS.items():
        packed = folder / f"{name}{suffix}"
        if _accepts(request, coding) and packed.is_file():
            headers["Content-Encoding"] = coding
            file = packed
            break
    return FileResponse(file, media_type=media_type, headers=headers)


def _accepts(request: Request, coding: str) -> bool:
    offers = ",".join(request.headers.getlist("accept-encoding")).lower().replace(" ", "")
    wanted = {}
    for offer in offers.split(","):
        name, _, quality = offer.partition(";")
        wanted[name] = quality not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return wanted.get(coding, wanted.get("*", False))
