"""Signing in over plain HTTP works in every browser on this machine, and nowhere else.

WebKit drops `Secure` cookies over plain HTTP, even of 127.0.0.1; Chromium keeps those.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.support.browser import Watch, browser
from tests.support.process import LOOPBACK, ServerProcess
from tests.support.visitor import EMAIL, PASSWORD, TENANT, Visitor, serving, visiting
from tests.support.webkit import WebKit, webkit

ELSEWHERE = "console.test"


@pytest.fixture
def server(tmp_path: Path, sqlite_url: str) -> Iterator[ServerProcess]:
    with serving(tmp_path, sqlite_url) as running:
        yield running


@pytest.fixture
def safari(tmp_path: Path) -> Iterator[WebKit]:
    with webkit(tmp_path) as running:
        yield running


def sign_in(browser: WebKit) -> None:
    for selector, text in (("#tenant", TENANT), ("#email", EMAIL), ("#password", PASSWORD)):
        browser.type(selector, text)
    browser.click("#submit")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_sign_in_on_this_machine_leads_to_the_console(
    server: ServerProcess, safari: WebKit, host: str
) -> None:
    """At the address printed by `make serve`."""
    url = f"http://{host}:{server.port}"
    safari.open(f"{url}/")
    assert safari.url == f"{url}/sign-in?next=/"
    assert safari.text("#insecure") == ""
    sign_in(safari)
    safari.wait_for(lambda: safari.url == f"{url}/" and "API tokens" in safari.text("body"))
    assert safari.cookies() == {"tessera_session_local", "tessera_device_local"}
    safari.open(f"{url}/activity")
    safari.wait_for(lambda: "Activity" in safari.text("body"))
    assert safari.url == f"{url}/activity"


def test_sign_in_elsewhere_over_plain_http_explains_the_failure(server: ServerProcess) -> None:
    with browser(f"--host-resolver-rules=MAP {ELSEWHERE} {LOOPBACK}") as chromium:
        page = chromium.new_page()
        url = f"http://{ELSEWHERE}:{server.port}"
        page.goto(f"{url}/invitation#an-invitation")
        expect(page.locator("#insecure")).to_contain_text("This address is not secure (http).")
        page.goto(f"{url}/sign-in")
        expect(page.locator("#insecure")).to_contain_text("only over HTTPS")
        visitor = Visitor(page, page.context, Watch(), url)
        visitor.sign_in()
        expect(page.locator("#problem")).to_contain_text("only over HTTPS")
        expect(page).to_have_url(f"{url}/sign-in")
        assert page.context.cookies() == []


def test_browser_without_cookies_gets_an_explanation(server: ServerProcess) -> None:
    with browser() as chromium, visiting(chromium, server) as visitor:
        page = visitor.page
        page.route("**/session", _without_session)
        page.goto(f"{server.url}/sign-in")
        visitor.sign_in()
        expect(page.locator("#problem")).to_contain_text("Allow cookies for this site")


def _without_session(route: Route) -> None:
    if route.request.method == "GET":
        route.fulfill(status=401)
    else:
        route.continue_()
