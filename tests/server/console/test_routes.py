"""The console's routes: pages by session, their headers, and 404 for everything else."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from server.console.routes import missing_page, routes

SCRIPT = "console.log('hello, hello, hello');\n" * 20


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    hashed = tmp_path / "assets" / "hashed"
    hashed.mkdir(parents=True)
    for page in ("index", "graphiql", "sign-in", "invitation", "not-found"):
        text = f'<!doctype html><title>{page} · x</title><a href="__BASE__/sign-in">Sign in</a>'
        (hashed.parent / f"{page}.html").write_text(text)
    (hashed / "page-Ab_1.js").write_text(SCRIPT)
    (hashed / "page-Ab_1.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (hashed / "font-Cd2.woff2").write_bytes(b"wOF2")
    (hashed / "notes.txt").write_text("of no type that is served")
    (hashed.parent / "built-from").write_text("0123")
    return hashed.parent


@pytest.fixture
def browser(assets: Path) -> Callable[..., TestClient]:
    def open_browser(signed_in: bool, base: str = "") -> TestClient:
        async def is_signed_in(request: Request) -> bool:
            return signed_in

        missing = missing_page(is_signed_in, base, assets)

        async def refuse(request: Request, _error: Exception) -> Response:
            return await missing(request) or Response("a problem", 404)

        app = Starlette(routes=routes(is_signed_in, base, assets), exception_handlers={404: refuse})
        app.router.redirect_slashes = False
        return TestClient(app, follow_redirects=False)

    return open_browser


@pytest.fixture
def visitor(browser: Callable[..., TestClient]) -> TestClient:
    return browser(False)


@pytest.fixture
def admin(browser: Callable[..., TestClient]) -> TestClient:
    return browser(True)


def policy_of(client: TestClient, path: str) -> dict[str, str]:
    directives = client.get(path).headers["content-security-policy"].split("; ")
    return {name: value for name, _, value in (each.partition(" ") for each in directives)}


CONSOLE = [
    "/",
    "/tokens/VG9rZW46MDE",
    "/tokens/VG9rZW46MDE/activity",
    "/tokens/VG9rZW46MDE/usage",
    "/tokens/VG9rZW46MDE/edit-permissions",
    "/activity",
    "/admins",
    "/policy",
]


@pytest.mark.parametrize(
    ("path", "location"),
    [
        *((path, f"/sign-in?next={path}") for path in ["/graphiql", *CONSOLE]),
        ("/?search=a%26b&after=x", "/sign-in?next=/%3Fsearch%3Da%2526b%26after%3Dx"),
        ("/tokens/%0d%0aSet-Cookie:x", "/sign-in?next=/tokens/Set-Cookie%3Ax"),
    ],
)
def test_visitor_is_redirected_to_sign_in_and_back(
    visitor: TestClient, path: str, location: str
) -> None:
    response = visitor.get(path)
    assert response.status_code == 303
    assert response.headers["location"] == location
    assert response.headers["cache-control"] == "no-store"
    assert response.content == b""


@pytest.mark.parametrize("path", CONSOLE)
def test_an_admin_gets_the_console_at_each_of_its_addresses(admin: TestClient, path: str) -> None:
    response = admin.get(path)
    assert response.status_code == 200
    assert "index · x" in response.text


@pytest.mark.parametrize("path", ["/tokens", "/tokens/", "/tokens/x/y", "/nowhere"])
def test_other_paths_are_not_found(admin: TestClient, path: str) -> None:
    assert admin.get(path).status_code == 404


HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["/tokens/x/y", "/nowhere", "/assets/hashed/nothing.js"])
def test_browsers_get_a_page_at_a_mistyped_address(
    admin: TestClient, visitor: TestClient, path: str
) -> None:
    for client, page in ((admin, "index"), (visitor, "not-found")):
        response = client.get(path, headers=HTML)
        assert (response.status_code, response.headers["cache-control"]) == (404, "no-store")
        assert f"{page} · x" in response.text
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert client.post(path, headers=HTML).status_code in {404, 405}
        assert client.get(path, headers={"Accept": "*/*"}).text == "a problem"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/activity/?kind=tokens", "/activity?kind=tokens"),
        ("/tokens/VG9rZW46MDE//", "/tokens/VG9rZW46MDE"),
        ("/tokens/%5Cx/", "/tokens/%5Cx"),
        ("/sign-in/", "/sign-in"),
        ("/invitation/", "/invitation"),
    ],
)
def test_slashes_at_the_end_of_an_address_lead_to_the_page(
    visitor: TestClient, path: str, location: str
) -> None:
    response = visitor.get(path, headers=HTML)
    assert (response.status_code, response.headers["location"]) == (308, location)


@pytest.mark.parametrize("base", ["", "/tessera", "/a/b"])
def test_pages_and_redirects_lead_to_the_path(
    browser: Callable[..., TestClient], base: str
) -> None:
    admin, visitor = browser(True, base), browser(False, base)
    link = f'<a href="{base}/sign-in">'
    for path in ("/", "/tokens/VG9rZW46MDE", "/graphiql", "/sign-in", "/invitation"):
        assert link in admin.get(path).text
    for client in (admin, visitor):
        assert link in client.get("/nowhere", headers=HTML).text
    asked = visitor.get("/activity?kind=tokens")
    assert asked.headers["location"] == f"{base}/sign-in?next={base}/activity%3Fkind%3Dtokens"
    moved = visitor.get("/activity/?kind=tokens", headers=HTML)
    assert moved.headers["location"] == f"{base}/activity?kind=tokens"


def test_an_admin_gets_graphiql(admin: TestClient) -> None:
    response = admin.get("/graphiql")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "graphiql · x" in response.text


@pytest.mark.parametrize("page", ["sign-in", "invitation"])
def test_sign_in_pages_need_no_session(visitor: TestClient, page: str) -> None:
    response = visitor.get(f"/{page}?next=/graphiql")
    assert response.status_code == 200
    assert f"{page} · x" in response.text


PAGES = ["/", "/graphiql", "/sign-in", "/invitation"]


@pytest.mark.parametrize("path", PAGES)
def test_pages_have_security_headers_and_are_not_cached(admin: TestClient, path: str) -> None:
    headers = admin.get(path).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize("path", PAGES)
def test_pages_run_only_scripts_of_this_server(admin: TestClient, path: str) -> None:
    policy = policy_of(admin, path)
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"


def test_only_graphiql_may_write_style_elements(admin: TestClient) -> None:
    strict = policy_of(admin, "/")
    assert strict["style-src"] == strict["img-src"] == "'self'"
    assert policy_of(admin, "/sign-in") == policy_of(admin, "/invitation") == strict
    theirs = policy_of(admin, "/graphiql")
    assert theirs == strict | {"style-src-elem": "'self' 'unsafe-inline'"}


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("page-Ab_1.js", "text/javascript; charset=utf-8"), ("font-Cd2.woff2", "font/woff2")],
)
def test_hashed_files_are_cached_forever(visitor: TestClient, name: str, media_type: str) -> None:
    headers = visitor.get(f"/assets/hashed/{name}").headers
    assert headers["content-type"] == media_type
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("br, GZIP;q=0.5, *;q=0", "gzip"),
        ("*", "gzip"),
        ("gzip; q=1.0", "gzip"),
        ("", None),
        ("identity", None),
        ("br", None),
        ("gzip;q=0", None),
        ("gzip; q=0.000, *", None),
        ("*;q=0", None),
        ("x-gzipped", None),
    ],
)
def test_compression_is_negotiated(visitor: TestClient, accepted: str, coding: str | None) -> None:
    response = visitor.get("/assets/hashed/page-Ab_1.js", headers={"Accept-Encoding": accepted})
    assert response.headers.get("content-encoding") == coding
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.text == SCRIPT


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("*", "br"),
        ("br;q=0, *", "gzip"),
        ("gzip, br; q=0.000", "gzip"),
        ("gzip, deflate", "gzip"),
        ("identity", None),
    ],
)
def test_brotli_is_sent_to_who_accepts_it(
    visitor: TestClient, assets: Path, accepted: str, coding: str | None
) -> None:
    (assets / "hashed" / "page-Ab_1.js.br").write_bytes(b"packed by Brotli")
    headers = {"Accept-Encoding": accepted}
    with visitor.stream("GET", "/assets/hashed/page-Ab_1.js", headers=headers) as response:
        assert response.headers.get("content-encoding") == coding
        assert response.headers["vary"] == "Accept-Encoding"
        sent = b"".join(response.iter_raw())
    assert (sent == b"packed by Brotli") is (coding == "br")


def test_file_without_a_compressed_form_is_sent_as_it_is(visitor: TestClient) -> None:
    response = visitor.get("/assets/hashed/font-Cd2.woff2", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in response.headers
    assert response.content == b"wOF2"


def test_head_answers_without_a_body(visitor: TestClient) -> None:
    response = visitor.head("/assets/hashed/page-Ab_1.js", headers={"Accept-Encoding": "gzip"})
    assert response.status_code == 200
    assert response.headers["content-encoding"] == "gzip"
    assert response.content == b""


@pytest.mark.parametrize(
    "path",
    [
        "/assets/built-from",
        "/assets/sign-in.html",
        "/assets/hashed",
        "/assets/hashed/",
        "/assets/hashed/absent-1.js",
        "/assets/hashed/notes.txt",
        "/assets/hashed/page-Ab_1.js.gz",
        "/assets/hashed/page-Ab_1.js.br",
        "/assets/hashed/..",
        "/assets/hashed/%2e%2e",
        "/assets/hashed/../sign-in.html",
        "/assets/hashed/..%2fsign-in.html",
        "/assets/hashed/%2e%2e%2fsign-in.html",
        "/assets/hashed/..%5csign-in.html",
        "/assets/hashed/%2fetc%2fpasswd",
        "/assets/hashed//etc/passwd",
        "/assets/hashed/.page-Ab_1.js",
        "/assets/hashed/page-Ab_1.js%00",
        "/assets/hashed/page-Ab_1.js%0a",
        "/assets/hashed/%ff.js",
        "/assets/hashed/" + "a" * 300 + ".js",
        "/assets/hashed/" + "%C3%A9" * 90 + ".js",
    ],
)
def test_no_other_file_is_served(visitor: TestClient, path: str) -> None:
    assert visitor.get(path).status_code == 404


@pytest.mark.parametrize("path", [*PAGES, "/assets/hashed/page-Ab_1.js"])
def test_pages_are_read_only(admin: TestClient, path: str) -> None:
    assert admin.post(path).status_code == 405


@pytest.mark.parametrize("path", PAGES)
def test_missing_pages_answer_503_with_the_command(
    assets: Path, admin: TestClient, path: str
) -> None:
    (assets / f"{path[1:] or 'index'}.html").unlink()
    response = admin.get(path)
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert response.json()["status"] == 503
    assert "`make install`" in response.json()["detail"]
