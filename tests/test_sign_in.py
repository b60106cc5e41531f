"""Signing in over plain HTTP works in every browser on this machine, and nowhere else.

WebKit drops `Secure` cookies over plain HTTP, even of 127.0.0.1; Chromium keeps those.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.support.browser import Watch, browser
from tests.support.process import LOOPBACK
from tests.support.visitor import EMAIL, PASSWORD, Site, Visitor, visiting
from tests.support.webkit import WebKit, webkit

ELSEWHERE = "console.test"


@pytest.fixture
def safari(tmp_path: Path) -> Iterator[WebKit]:
    with webkit(tmp_path) as running:
        yield running


def sign_in(browser: WebKit, tenant: str) -> None:
    for selector, text in (("#tenant", tenant), ("#email", EMAIL), ("#password", PASSWORD)):
        browser.type(selector, text)
    browser.click("#submit")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_sign_in_on_this_machine_leads_to_the_console(
    site: Site, safari: WebKit, host: str
) -> None:
    """At the address printed by `make serve`."""
    url = f"http://{host}:{site.server.port}"
    safari.open(f"{url}/")
    safari.wait_for(lambda: safari.url == f"{url}/sign-in?next=/")
    assert safari.text("#insecure") == ""
    sign_in(safari, site.tenant)
    safari.wait_for(lambda: safari.url == f"{url}/" and "API tokens" in safari.text("body"))
    assert safari.cookies() == {"tessera_session_local", "tessera_device_local"}
    safari.open(f"{url}/activity")
    safari.wait_for(lambda: "Activity" in safari.text("h1"))
    assert safari.url == f"{url}/activity"


def test_sign_in_elsewhere_over_plain_http_explains_the_failure(site: Site) -> None:
    with browser(f"--host-resolver-rules=MAP {ELSEWHERE} {LOOPBACK}") as chromium:
        page = chromium.new_page()
        url = f"http://{ELSEWHERE}:{site.server.port}"
        page.goto(f"{url}/invitation#an-invitation")
        expect(page.locator("#insecure")).to_contain_text("This address is not secure (http).")
        page.goto(f"{url}/sign-in")
        expect(page.locator("#insecure")).to_contain_text("only over HTTPS")
        visitor = Visitor(page, page.context, Watch(), site)
        visitor.sign_in()
        expect(page.locator("#problem")).to_contain_text("only over HTTPS")
        expect(page).to_have_url(f"{url}/sign-in")
        assert page.context.cookies() == []


def test_browser_without_cookies_gets_an_explanation(site: Site) -> None:
    with browser() as chromium, visiting(chromium, site) as visitor:
        page = visitor.page
        page.route("**/session", _without_session)
        page.goto(f"{site.url}/sign-in")
        visitor.sign_in()
        expect(page.locator("#problem")).to_contain_text("Allow cookies for this site")


def _without_session(route: Route) -> None:
    if route.request.method == "GET":
        route.fulfill(status=401)
    else:
        route.continue_()
