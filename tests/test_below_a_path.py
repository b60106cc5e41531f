"""The console below a path of a host with other applications, behind a real nginx and Traefik.

People and programs reach everything there, and nothing is asked for outside the path. The proxies
run the configurations of `docs/operating.md`.
"""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Expect, Response

from tests.support.browser import browser
from tests.support.console_page import button, dialog, row
from tests.support.process import LOOPBACK
from tests.support.reverse_proxies import HOST, PATH, Front, front
from tests.support.visitor import EMAIL, PASSWORD, TENANT, add_tenant

_GUEST = "grace@example.com"
_PATIENCE_MS = 30_000
expect = Expect()
expect.set_options(timeout=_PATIENCE_MS)
_PAGES = (
    ("Requests", "/requests"),
    ("Activity", "/activity"),
    ("Admins", "/admins"),
    ("Token policy", "/policy"),
    ("API changes", "/api-changes"),
    ("Webhooks", "/webhooks"),
)
_EDITOR = ".graphiql-query-editor .CodeMirror-line"
_HTML = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    host = f"--host-resolver-rules=MAP {HOST} {LOOPBACK}"
    # Not `ignore_https_errors` of a context: it restarts each request after the error, and Chromium
    # gives up a request that is restarted too often, on a busy machine.
    with browser(host, "--ignore-certificate-errors") as running:
        yield running


@contextmanager
def _served(
    kind: str, migrated_file: Path, folder: Path, *, cuts: bool, path: str = PATH
) -> Iterator[Front]:
    url = f"sqlite://{shutil.copy(migrated_file, folder / 'tessera.db')}"
    add_tenant(url, TENANT, EMAIL)
    with front(kind, folder, url, cuts=cuts, path=path) as found:
        yield found


class _Person:
    """A browser of its own, and every address that its pages asked for."""

    def __init__(self, chromium: Browser, found: Front) -> None:
        self.front = found
        self.context: BrowserContext = chromium.new_context(locale="en-GB")
        self.context.set_default_timeout(_PATIENCE_MS)
        self.asked: list[str] = []
        self.errors: list[str] = []
        self.missing: list[str] = []
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.context.on("response", self._note_missing_file)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "console",
            lambda said: (
                self.errors.append(f"{said.text} {said.location['url']}")
                if said.type == "error"
                else None
            ),
        )

    def _note_missing_file(self, response: Response) -> None:
        if "/assets/" in response.url and response.status != 200:
            self.missing.append(response.url)

    def outside(self) -> list[str]:
        """The requests outside the path, or to another host."""
        below = (f"{self.front.url}/", "blob:", "data:")
        return [url for url in self.asked if not url.startswith(below) and url != self.front.url]

    def sign_in(self) -> None:
        self.page.get_by_label("Organisation’s short name").fill(TENANT)
        self.page.get_by_label("E-mail").fill(EMAIL)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        button(self.page, "Sign in").click()

    def expect_at(self, path: str) -> None:
        expect(self.page).to_have_url(self.front.url + path)


@pytest.mark.parametrize(
    ("kind", "cuts", "path"),
    [("nginx", False, PATH), ("traefik", True, PATH), ("nginx", False, "")],
    ids=["nginx", "traefik", "root"],
)
def test_people_do_everything_below_the_path(
    chromium: Browser, migrated_file: Path, tmp_path: Path, kind: str, cuts: bool, path: str
) -> None:
    with _served(kind, migrated_file, tmp_path, cuts=cuts, path=path) as found:
        person = _Person(chromium, found)
        _come_in(person)
        token = _create_a_token(person)
        _reload_and_go_back(person, token)
        _visit_every_page(person)
        _use_graphiql(person)
        _invite(chromium, person)
        assert person.errors == []
        _mistype(person)
        _leave(person)
        assert (person.outside(), person.missing) == ([], [])
        assert any(re.search(r"/assets/hashed/codemirror-.*\.js$", url) for url in person.asked)
        assert any(re.search(r"/assets/hashed/icon-.*\.svg$", url) for url in person.asked)
        person.context.close()


def _come_in(person: _Person) -> None:
    person.page.goto(f"{person.front.url}/requests?state=granted")
    at = f"{person.front.path}/requests%3Fstate%3Dgranted"
    person.expect_at(f"/sign-in?next={at}")
    person.sign_in()
    expect(person.page.get_by_role("heading", name="Requests")).to_be_visible()
    person.expect_at("/requests?state=granted")
    suffix = "_tessera" if person.front.path else ""
    kept = {cookie["name"]: cookie for cookie in person.context.cookies()}
    assert kept.keys() == {f"__Host-tessera_{one}{suffix}" for one in ("session", "device")}
    assert all(cookie["secure"] and cookie["path"] == "/" for cookie in kept.values())


def _create_a_token(person: _Person) -> str:
    """The path of the new token's page."""
    page = person.page
    # Without the slash at its end, as people type it.
    page.goto(person.front.url)
    button(page, "Add your first token").click()
    form = dialog(page, "Add token")
    form.get_by_label("Name", exact=True).fill("Inventory sync")
    button(form, "Create").click()
    button(dialog(page, "Copy your token"), "Next").click()
    button(dialog(page, "Choose permissions?"), "Configure").click()
    expect(page.get_by_role("heading", name="Permissions of “Inventory sync”")).to_be_visible()
    page.get_by_role("checkbox", name="List Blueprints").check()
    button(page.get_by_role("region", name="Changes"), "Save").click()
    expect(page.get_by_role("heading", name="Inventory sync", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(rf"^{re.escape(person.front.url)}/tokens/[\w-]+$"))
    return page.url.removeprefix(person.front.url)


def _reload_and_go_back(person: _Person, token: str) -> None:
    page = person.page
    page.get_by_role("link", name="Usage").click()
    person.expect_at(f"{token}/usage")
    page.reload()
    expect(page.get_by_role("heading", name="Inventory sync", exact=True)).to_be_visible()
    person.expect_at(f"{token}/usage")
    page.go_back()
    person.expect_at(token)
    page.get_by_role("link", name="API tokens").first.click()
    person.expect_at("/")
    row(page, "Inventory sync").get_by_role("link").first.click()
    person.expect_at(token)
    page.get_by_role("main").get_by_role("link", name="API tokens").click()
    person.expect_at("/")
    # The focus comes back to the row that was left.
    expect(row(page, "Inventory sync").get_by_role("link").first).to_be_focused()


def _visit_every_page(person: _Person) -> None:
    """By the links; each page is a file of its own."""
    page = person.page
    pages = page.get_by_role("navigation", name="Pages")
    for name, path in _PAGES:
        pages.get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        person.expect_at(path)
    page.goto(f"{person.front.url}/activity")
    for name, told in (("CSV", "Inventory sync"), ("NDJSON", '"name":"Inventory sync"')):
        with page.expect_download() as under_way:
            page.get_by_role("link", name=name, exact=True).click()
        assert told in Path(under_way.value.path()).read_text(encoding="utf-8-sig")


def _use_graphiql(person: _Person) -> None:
    page = person.page
    button(page, "Account: Ada Lovelace Owner").click()
    button(page, "GraphiQL").click()
    person.expect_at("/graphiql")
    page.locator(_EDITOR).first.wait_for()
    page.get_by_role("tab", name=re.compile(r"^Me\b")).click()
    expect(page.locator(".graphiql-query-editor")).to_contain_text("viewer")
    page.get_by_role("button", name=re.compile("^Execute query")).click()
    expect(page.get_by_label("Result Window").get_by_text(EMAIL).first).to_be_visible()
    page.get_by_role("link", name="Tessera").click()
    person.expect_at("/")


def _invite(chromium: Browser, person: _Person) -> None:
    page = person.page
    page.get_by_role("link", name="Admins").click()
    button(page, "Invite admin").click()
    form = dialog(page, "Invite admin")
    form.get_by_label("E-mail").fill(_GUEST)
    form.get_by_label("Name", exact=True).fill("Grace Hopper")
    button(form, "Invite").click()
    shown = dialog(page, "Send this link")
    button(shown, "Show invitation link").click()
    link = shown.get_by_role("group", name="Invitation link").locator("code").inner_text()
    button(shown, "Done").click()
    assert link.startswith(f"{person.front.url}/invitation#")
    guest = _Person(chromium, person.front)
    guest.page.goto(link)
    guest.page.get_by_label("Password", exact=True).fill(PASSWORD)
    button(guest.page, "Set password and sign in").click()
    expect(row(guest.page, "Inventory sync")).to_be_visible()
    guest.expect_at("/")
    assert (guest.outside(), guest.missing, guest.errors) == ([], [], [])
    guest.context.close()


def _mistype(person: _Person) -> None:
    page = person.page
    answer = page.goto(f"{person.front.url}/nowhere/at/all")
    assert answer is not None
    assert answer.status == 404
    page.get_by_role("link", name="Go to API tokens").click()
    person.expect_at("/")
    page.goto(f"{person.front.url}/admins/")
    person.expect_at("/admins")
    expect(row(page, "Grace Hopper")).to_be_visible()


def _leave(person: _Person) -> None:
    page = person.page
    button(page, "Account: Ada Lovelace Owner").click()
    button(page, "Sign out").click()
    person.expect_at("/sign-in")
    page.goto(f"{person.front.url}/nowhere")
    page.get_by_role("link", name="Go to API tokens").click()
    person.expect_at(f"/sign-in?next={person.front.path}/")
    # Another application of the host is not a place to go on to.
    foreign = [f"{person.front.path}/../elsewhere"] if person.front.path else ["//elsewhere.test/"]
    for place in [*foreign, "/\\elsewhere.test"]:
        page.goto(f"{person.front.url}/sign-in?next={place}")
        person.sign_in()
        person.expect_at("/")
        page.evaluate(f"() => fetch('{person.front.path}/session', {{ method: 'DELETE' }})")


@pytest.mark.parametrize("cuts", [False, True], ids=["passes", "cuts"])
@pytest.mark.parametrize("kind", ["nginx", "traefik"])
def test_programs_reach_every_route_below_the_path(
    migrated_file: Path, tmp_path: Path, kind: str, cuts: bool
) -> None:
    with _served(kind, migrated_file, tmp_path, cuts=cuts) as found:
        _sign_in_as_a_program(found)
        _be_sent_to_sign_in(found)
        _be_refused(found, cuts=cuts)


def _sign_in_as_a_program(found: Front) -> None:
    who = json.dumps({"tenant": TENANT, "email": EMAIL, "password": PASSWORD})
    kind = {"Content_Type": "application/json"}
    foreign = {"Origin": "https://elsewhere.example.com"}
    status, _, body = found.ask("POST", f"{PATH}/session", who, **kind, **foreign)
    assert (status, json.loads(body)["code"]) == (403, "CROSS_SITE")
    status, headers, _ = found.ask("POST", f"{PATH}/session", who, **kind, Origin=found.origin)
    assert status == 201
    cookies = [line.partition(";")[0] for line in headers.get_all("Set-Cookie")]
    mine = {"Cookie": "; ".join(cookies), "Origin": found.origin}
    query = json.dumps({"query": "{ viewer { email } }"})
    status, _, body = found.ask("POST", f"{PATH}/graphql", query, **kind, **mine)
    assert (status, json.loads(body)) == (200, {"data": {"viewer": {"email": EMAIL}}})
    for path in ("/session", "/activity.ndjson", "/activity.csv"):
        assert found.ask("GET", PATH + path, **mine)[0] == 200
    # The name of the cookie at another path of the same host.
    other = mine | {"Cookie": mine["Cookie"].replace("_tessera=", "_other=")}
    assert found.ask("GET", f"{PATH}/session", **other)[0] == 401


def _be_sent_to_sign_in(found: Front) -> None:
    for path in ("/", "/tokens/VG9rZW46MDE/usage", "/graphiql"):
        status, headers, _ = found.ask("GET", PATH + path)
        assert (status, headers["Location"]) == (303, f"{PATH}/sign-in?next={PATH}{path}")
    assert found.ask("HEAD", f"{PATH}/sign-in")[::2] == (200, "")
    status, headers, _ = found.ask("GET", PATH)
    # nginx adds the slash itself, in a full address.
    places = {f"{PATH}/sign-in?next={PATH}/", f"{found.url}/"}
    assert status in {301, 303}
    assert headers["Location"] in places


def _be_refused(found: Front, *, cuts: bool) -> None:
    status, headers, body = found.ask("GET", f"{PATH}/nowhere")
    assert (status, headers["Content-Type"]) == (404, "application/problem+json")
    status, _, body = found.ask("GET", f"{PATH}/nowhere", Accept=_HTML)
    assert status == 404
    assert f'href="{PATH}/"' in body
    status, headers, _ = found.ask("GET", f"{PATH}/sign-in/", Accept=_HTML)
    assert (status, headers["Location"]) == (308, f"{PATH}/sign-in")
    for other in ("/sign-in", "/tesseract/sign-in", "/TESSERA/sign-in"):
        assert found.ask("GET", other)[0] == 404
    status, _, body = found.ask("GET", f"{PATH}/authorize")
    assert (status == 404) is not cuts


def test_whoever_opens_the_server_past_the_proxy_comes_to_the_path(
    chromium: Browser, migrated_file: Path, tmp_path: Path
) -> None:
    with _served("nginx", migrated_file, tmp_path, cuts=False) as found:
        person = _Person(chromium, found)
        page, origin = person.page, found.server.url
        page.goto(f"{origin}/")
        expect(page).to_have_url(f"{origin}{PATH}/sign-in?next={PATH}/")
        person.sign_in()
        expect(page).to_have_url(f"{origin}{PATH}/")
        page.goto(f"{origin}/admins?a=b")
        expect(page).to_have_url(f"{origin}{PATH}/admins?a=b")
        expect(row(page, "Ada Lovelace")).to_be_visible()
        assert person.errors == []
        person.context.close()
