"""GraphiQL and the sign-in page in a real browser, before a real server process.

No page requests another host or writes an error to the browser's console. The tests of the
console's routes cover headers.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Response, Route, expect

from tests.support import node
from tests.support.accessibility import AXE, overflowing, pressable, violations
from tests.support.browser import Watch
from tests.support.console_page import button
from tests.support.visitor import EMAIL, Script, Site, Visitor, serving, visiting

_EDITOR = ".graphiql-query-editor .CodeMirror-line"
_OPERATION = ".graphiql-query-editor .CodeMirror-code"
_VARIABLES = ".graphiql-editor-tool .CodeMirror-code"
# The bytes of a first visit, as they are sent, until an operation was written, run and answered.
_FIRST_USE = 420_000
_SIZES = """() => Object.fromEntries(
    ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))
    .map((entry, index) => [`${index} ${entry.name}`, entry.encodedBodySize]))"""
# Sooner than GraphiQL notices the operation of another tab.
_OPEN_AND_RUN = """async (name) => {
    const tabs = [...document.querySelectorAll('[role=tab] button')]
    tabs.find((tab) => tab.textContent === name).click()
    await new Promise((resolve) => setTimeout(resolve))
    document.querySelector('.graphiql-execute-button').click()
}"""
_STORED = "() => JSON.stringify([{...localStorage}, {...sessionStorage}])"


# Of the examples that answer with something else than the payload of their name.
_OUTCOMES = {
    "FindTokens": "tokenCount",
    "CreateLimitedToken": "CreateTokenPayload",
    "Rotations": "rotation",
    "Trials": "wouldHaveDenied",
    "AccessRequests": "accessRequests",
    "CatalogueVersions": "catalogueVersions",
    "Recipes": "recipes",
    "PreviewTokenPolicy": "TokenPolicyPreview",
    "RevokeTokens": "CountChanged",
    "Explain": "decision",
    "RightSize": "wouldDeny",
    "PreviewPermissions": "wouldDeny",
    "CleanUp": "RevokeTokensPayload",
}


class Developer(Visitor):
    """A user of GraphiQL."""

    def open_explorer(self) -> None:
        self.open("/graphiql")
        self.page.locator(_EDITOR).first.wait_for()

    def write(self, operation: str) -> None:
        """Types in place of the operation that is shown."""
        self.page.locator(_EDITOR).first.click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(operation)

    def run(self, tab: str, expected: str) -> Any:
        """Runs an example unchanged; returns its answer, once it has `expected`."""
        self.page.get_by_role("tab", name=re.compile(rf"^{tab}\b")).click()
        return self._run(tab, expected)

    def run_from_menu(self, example: str, expected: str) -> Any:
        """Opens an example from the menu, and runs it unchanged."""
        self.page.get_by_role("button", name="More examples").click()
        self.page.get_by_role("menuitem", name=example, exact=True).click()
        expect(self.page.get_by_role("tab", selected=True)).to_contain_text(example)
        expect(self.page.get_by_role("tab", selected=True)).to_be_in_viewport(ratio=0.95)
        return self._run(example, expected)

    def _run(self, operation: str, expected: str) -> Any:
        def is_of_it(response: Response) -> bool:
            return re.search(rf"\b{operation}\b", response.request.post_data or "") is not None

        with self.page.expect_response(is_of_it) as under_way:
            self.page.get_by_role("button", name=re.compile("^Execute query")).click()
        self.page.get_by_label("Result Window").get_by_text(expected).first.wait_for()
        return under_way.value.json()


@pytest.fixture
def visitor(chromium: Browser, site: Site) -> Iterator[Developer]:
    with _developing(chromium, site) as someone:
        yield someone


@contextmanager
def _developing(chromium: Browser, site: Site) -> Iterator[Developer]:
    with visiting(chromium, site) as someone:
        yield Developer(someone.page, someone.context, someone.seen, someone.site)


def test_visitor_signs_in_and_uses_graphiql(
    chromium: Browser, tmp_path: Path, postgres_url: str
) -> None:
    """On PostgreSQL; the other tests here run the examples on SQLite."""
    with serving(tmp_path, postgres_url) as site, _developing(chromium, site) as visitor:
        _sign_in_and_explore(visitor)


def _sign_in_and_explore(visitor: Developer) -> None:
    visitor.page.goto(f"{visitor.url}/graphiql")
    expect(visitor.page).to_have_url(f"{visitor.url}/sign-in?next=/graphiql")
    visitor.sign_in()
    visitor.page.wait_for_url(f"{visitor.url}/graphiql")
    visitor.page.locator(_EDITOR).first.wait_for()
    me = visitor.run("Me", "viewer")
    assert me["data"]["viewer"]["email"] == EMAIL
    created = visitor.run("CreateToken", "CreateTokenPayload")["data"]["createToken"]
    assert created["secret"].startswith("tsr_")
    listed = visitor.run("Tokens", "edges")["data"]["tokens"]["edges"]
    assert len(listed) == 1
    stored = visitor.page.evaluate(_STORED)
    assert created["secret"] not in stored
    assert "tsr_" not in stored
    assert visitor.seen == Watch()


def test_every_example_runs_unchanged(visitor: Developer) -> None:
    visitor.open_explorer()
    tabs = [tab.inner_text() for tab in visitor.page.get_by_role("tab").all()]
    assert len(tabs) >= 8
    visitor.run("CreateToken", "CreateTokenPayload")
    for tab in tabs:
        answer = visitor.run(tab, "data")
        assert "errors" not in answer, (tab, answer)
        assert "NotFound" not in json.dumps(answer), (tab, answer)
    assert visitor.seen == Watch()


def test_a_tab_runs_at_once_after_it_was_opened(visitor: Developer) -> None:
    """Also where a comment names the operation of the tab before."""
    visitor.open_explorer()
    visitor.run("CreateToken", "CreateTokenPayload")
    visitor.page.evaluate(_OPEN_AND_RUN, "SetPermissions")
    answer = visitor.page.get_by_label("Result Window")
    expect(answer).to_contain_text("SetPermissionsPayload")
    assert visitor.seen == Watch()


def test_every_example_of_the_menu_runs_unchanged(visitor: Developer) -> None:
    visitor.open_explorer()
    created = visitor.run("CreateToken", "CreateTokenPayload")["data"]["createToken"]
    visitor.page.get_by_role("button", name="More examples").click()
    items = visitor.page.get_by_role("menuitem")
    expect(items.first).to_be_visible()
    names = items.all_inner_texts()
    visitor.page.keyboard.press("Escape")
    outcomes = {
        name: visitor.run_from_menu(name, _OUTCOMES.get(name, f"{name}Payload")) for name in names
    }
    assert not any("errors" in answer for answer in outcomes.values()), outcomes
    first, second = created["token"]["id"], outcomes["CreateLimitedToken"]["data"]["createToken"]
    assert second["token"]["networks"] == ["192.0.2.0/24", "2001:db8::/32"]
    changed = [
        value["token"]["id"]
        for answer in outcomes.values()
        for value in answer["data"].values()
        if isinstance(value, dict) and value.get("token")
    ]
    assert set(changed) == {second["token"]["id"]}, "the token that was created last"
    assert first not in changed
    assert outcomes["CleanUp"]["data"]["revokeTokens"]["revokedTokenCount"] == 2
    # Run unchanged, it only tells how many it would have revoked.
    assert outcomes["RevokeTokens"]["data"]["revokeTokens"]["count"] == 2
    stored = visitor.page.evaluate(_STORED)
    rotated = outcomes["RotateToken"]["data"]["rotateToken"]["secret"]
    assert second["secret"] not in stored
    assert rotated not in stored
    assert visitor.seen == Watch()


def test_examples_clean_up_their_own_tokens_alone(visitor: Developer, site: Site) -> None:
    script = Script(site)
    script.create_token("In use")
    visitor.open_explorer()
    examples = visitor.page.get_by_role("button", name="More examples")
    examples.click()
    expect(visitor.page.get_by_role("menuitem", name="CreateLimitedToken")).to_be_visible()
    expect(visitor.page.get_by_role("menuitem", name="CleanUp")).to_have_count(0)
    visitor.page.keyboard.press("Escape")
    visitor.run("CreateToken", "CreateTokenPayload")
    visitor.run_from_menu("CreateLimitedToken", "CreateTokenPayload")
    visitor.page.reload()
    visitor.page.locator(_EDITOR).first.wait_for()
    cleaned = visitor.run_from_menu("CleanUp", "RevokeTokensPayload")["data"]["revokeTokens"]
    assert cleaned["revokedTokenCount"] == 2
    left = script.run("{ tokens(first: 9) { edges { node { name } } } }")["tokens"]["edges"]
    assert [edge["node"]["name"] for edge in left] == ["In use"]
    examples.click()
    expect(visitor.page.get_by_role("menuitem", name="CreateLimitedToken")).to_be_visible()
    expect(visitor.page.get_by_role("menuitem", name="CleanUp")).to_have_count(0)


def test_a_link_fills_the_editor_and_runs_nothing(visitor: Developer, site: Site) -> None:
    query = "mutation FromLink($name: String!) { createToken(input: {name: $name}) { __typename } }"
    link = {"query": query, "variables": '{"name": "By a link"}'}
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.post_data or ""))
    visitor.open(f"/graphiql?{urlencode(link)}")
    expect(visitor.page.locator(_OPERATION)).to_contain_text("FromLink")
    expect(visitor.page.locator(_VARIABLES)).to_contain_text("By a link")
    # The schema is asked for last.
    visitor.page.get_by_role("button", name="Show Documentation Explorer").click()
    expect(visitor.page.get_by_text("Root Types")).to_be_visible()
    assert any("IntrospectionQuery" in body for body in asked)
    assert not any("FromLink" in body for body in asked)
    assert Script(site).run("{ tokens(first: 1) { edges { cursor } } }")["tokens"]["edges"] == []
    visitor.page.get_by_role("button", name=re.compile("^Execute query")).click()
    expect(visitor.page.get_by_label("Result Window")).to_contain_text("CreateTokenPayload")


def test_the_way_back_leads_to_the_page_before(visitor: Developer) -> None:
    page = visitor.open("/activity?kind=TOKEN_CREATED").page
    before = page.url
    page.get_by_role("button", name=re.compile("Ada Lovelace")).click()
    button(page, "GraphiQL").click()
    page.locator(_EDITOR).first.wait_for()
    page.get_by_role("link", name="‹ Console").click()
    expect(page).to_have_url(before)
    expect(page.get_by_role("heading", name="Activity", exact=True)).to_be_visible()
    assert visitor.seen == Watch()


def test_the_editor_knows_the_schema(visitor: Developer) -> None:
    """Documentation, completion, mistakes, and the description of a field."""
    visitor.open_explorer()
    page = visitor.page
    editor = page.locator(".graphiql-query-editor")
    page.get_by_role("button", name="Show Documentation Explorer").click()
    page.get_by_role("link", name="Mutation", exact=True).click()
    expect(page.get_by_role("link", name="createToken", exact=True)).to_be_visible()
    page.get_by_role("button", name="Hide Documentation Explorer").click()
    visitor.write("{ tenantAp")
    expect(page.locator(".CodeMirror-hint-active")).to_contain_text("tenantApiUrl")
    page.keyboard.press("Enter")
    expect(editor).to_contain_text("tenantApiUrl")
    page.keyboard.type(" noSuchField")
    page.keyboard.press("Escape")
    mistake = editor.locator(".CodeMirror-lint-mark-error", has_text="noSuchField")
    mistake.hover()
    expect(page.get_by_text('Cannot query field "noSuchField"')).to_be_visible()
    editor.locator(".cm-property", has_text="tenantApiUrl").hover()
    expect(page.locator(".CodeMirror-info")).to_contain_text("String")
    assert visitor.seen == Watch()


def test_the_editors_have_names_and_let_the_focus_go(visitor: Developer) -> None:
    visitor.open_explorer()
    page = visitor.page
    for name in ("Operation", "Variables", "Answer"):
        field = page.get_by_role("textbox", name=name, exact=True)
        field.focus()
        page.keyboard.press("Tab")
        expect(field).not_to_be_focused()
    visitor.write("query Typed")
    page.keyboard.press("Control+]")
    expect(page.locator(_EDITOR)).to_have_text("  query Typed")
    page.keyboard.press("ControlOrMeta+f")
    expect(page.locator(".CodeMirror-dialog input")).to_be_focused()


def test_tidying_an_operation_keeps_its_comments(visitor: Developer) -> None:
    visitor.open_explorer()
    page = visitor.page
    visitor.write("# who am I?\nquery Who{viewer{email}}")
    page.get_by_role("button", name=re.compile("^Prettify")).click()
    tidy = ["# who am I?", "query Who {", "  viewer {", "    email", "  }", "}"]
    expect(page.locator(_EDITOR)).to_have_text(tidy)
    assert visitor.seen == Watch()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_graphiql_can_be_read(chromium: Browser, site: Site, scheme: Any) -> None:
    """In both colour schemes and in forced colours; on paper, in dark letters."""
    node.install()
    with visiting(chromium, site, color_scheme=scheme) as someone:
        someone.context.add_init_script(path=AXE)
        visitor = Developer(someone.page, someone.context, someone.seen, someone.site)
        visitor.open_explorer()
        visitor.run("CreateToken", "CreateTokenPayload")
        page = visitor.page
        # GraphiQL's own: a tab holds its buttons, and CodeMirror scrolls what its field shows.
        theirs = {"nested-interactive", "scrollable-region-focusable"}
        found = violations(page, rules={"target-size": {"enabled": True}})
        assert [one for one in found if one[0] not in theirs] == []
        page.emulate_media(forced_colors="active")
        assert violations(page, runOnly=["color-contrast"]) == []
        page.emulate_media(forced_colors="none", media="print")
        assert pressable(page) == []
        key = page.locator(".result-window .cm-property").first
        assert key.evaluate("(key) => getComputedStyle(key).color") == "rgb(29, 36, 48)"
        page.emulate_media(media="screen")
        page.set_viewport_size({"width": 320, "height": 740})
        assert overflowing(page) == []


def test_graphiql_can_be_used_on_a_phone(chromium: Browser, site: Site) -> None:
    with visiting(chromium, site, viewport={"width": 390, "height": 844}) as someone:
        visitor = Developer(someone.page, someone.context, someone.seen, someone.site)
        visitor.open_explorer()
        page = visitor.page
        editor = page.locator(".graphiql-query-editor .CodeMirror").first
        answer = page.get_by_label("Result Window")
        run = page.get_by_role("button", name=re.compile("^Execute query"))
        for part in (editor, answer, run, page.get_by_role("link", name="‹ Console")):
            expect(part).to_be_in_viewport(ratio=0.99)
        for part in (editor, answer):
            box = part.bounding_box()
            assert box is not None
            assert box["width"] > 330
            assert box["height"] > 150
        assert visitor.run("Me", "viewer")["data"]["viewer"]["email"] == EMAIL
        page.get_by_role("button", name="Show Documentation Explorer").click()
        documentation = page.locator(".graphiql-plugin")
        expect(documentation.get_by_text("Root Types")).to_be_visible()
        shown = documentation.bounding_box()
        assert shown is not None
        assert shown["width"] > 380
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert visitor.seen == Watch()


def test_a_first_visit_loads_few_bytes_until_an_operation_is_run(visitor: Developer) -> None:
    """The schema is loaded after the editor, and nothing waits for it."""
    page = visitor.page
    held = []

    def hold_the_schema(route: Route) -> None:
        if "IntrospectionQuery" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/graphql", hold_the_schema)
    visitor.open_explorer()
    visitor.write("{ typed: viewer { email } }")
    page.get_by_role("button", name=re.compile("^Execute query")).click()
    expect(page.get_by_label("Result Window")).to_contain_text(EMAIL)
    sizes = page.evaluate(_SIZES)
    assert held
    assert any("codemirror" in name for name in sizes), sizes
    assert 300_000 < sum(sizes.values()) < _FIRST_USE, (sum(sizes.values()), sizes)


def test_wrong_password_is_reported_and_the_right_one_still_works(visitor: Developer) -> None:
    visitor.page.goto(f"{visitor.url}/sign-in")
    visitor.sign_in("not the right password")
    expect(visitor.page.get_by_role("alert")).to_contain_text("wrong")
    assert visitor.context.cookies() == []
    # Chromium itself logs the 401; nothing else may be logged.
    assert len(visitor.seen.console_errors) == 1
    assert "401" in visitor.seen.console_errors[0]
    visitor.sign_in()
    visitor.page.wait_for_url(f"{visitor.url}/")


def test_signing_out_ends_the_session(visitor: Developer) -> None:
    visitor.open_explorer()
    cookies = {cookie["name"]: cookie for cookie in visitor.context.cookies()}
    assert cookies.keys() == {"tessera_session_local", "tessera_device_local"}
    session, device = cookies["tessera_session_local"], cookies["tessera_device_local"]
    assert (session["httpOnly"], session["sameSite"]) == (True, "Lax")
    assert (device["httpOnly"], device["sameSite"]) == (True, "Strict")
    visitor.page.get_by_role("button", name="Sign out").click()
    visitor.page.wait_for_url(re.compile(f"^{re.escape(visitor.url)}/sign-in"))
    assert [cookie["name"] for cookie in visitor.context.cookies()] == ["tessera_device_local"]
    visitor.page.goto(f"{visitor.url}/graphiql")
    expect(visitor.page).to_have_url(f"{visitor.url}/sign-in?next=/graphiql")
    assert visitor.seen == Watch()


@pytest.mark.parametrize("address", ["//evil.example", "https://evil.example/", "/\\evil.example"])
def test_sign_in_redirects_to_this_site_only(visitor: Developer, address: str) -> None:
    visitor.page.goto(f"{visitor.url}/sign-in?next={address}")
    visitor.sign_in()
    visitor.page.wait_for_url(f"{visitor.url}/")
    assert visitor.seen.foreign_requests == []
