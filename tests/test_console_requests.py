"""Access requests in the console: granted, declined, and granted from a refusal or its link."""

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import Watch
from tests.support.console_page import button, dialog, row
from tests.support.console_states import AUDITOR
from tests.support.visitor import EMAIL, Script, Site, Visitor, add_tenant, visiting
from tests.support.waiting import wait_until

_USERS, _DEVICES, _EVENTS = "GET /api/v1/users", "GET /api/v1/devices", "GET /api/v1/audit/events"


@pytest.fixture(scope="module")
def site(first_site: tuple[Site, str]) -> Site:
    """A tenant of this module's own."""
    running, url = first_site
    add_tenant(url, "requests", EMAIL)
    return replace(running, tenant="requests")


@pytest.fixture(scope="module")
def script(site: Site) -> Script:
    script = Script(site)
    script.add_admin(AUDITOR, "Alan Turing", "AUDITOR")
    return script


@pytest.fixture(scope="module")
def visitor(chromium: Browser, site: Site, script: Script) -> Iterator[Visitor]:
    with visiting(chromium, site, viewport={"width": 1280, "height": 860}) as someone:
        yield someone.open()


def test_requests_are_counted_granted_and_declined(visitor: Visitor, script: Script) -> None:
    secret = script.create_token("Sync", "GET /api/v1/tags")["secret"]
    assert script.call_api(secret, "/api/v1/users") == 403
    script.ask_access(secret, _USERS, "Owners of devices")
    script.ask_access(secret, _EVENTS, "For the monthly report")
    page = visitor.open("/").page
    page.get_by_role("link", name="Requests 2 open").click()
    expect(page.get_by_role("heading", name="Requests")).to_be_focused()
    expect(row(page, "Owners of devices")).to_contain_text("List users")
    button(page, f"Grant {_USERS} to Sync").click()
    asked = dialog(page, "Grant this permission to Sync?")
    expect(asked).to_contain_text("Owners of devices")
    button(asked, "Grant").click()
    expect(page.locator(".status-line")).to_have_text(f"{_USERS} was granted to Sync.")
    assert script.call_api(secret, "/api/v1/users") == 200
    expect(row(page, "Owners of devices")).to_have_count(0)
    expect(page.get_by_role("link", name="Requests 1 open")).to_be_visible()
    button(page, f"Decline {_EVENTS} for Sync").click()
    asked = dialog(page, "Decline the request of Sync?")
    button(asked, "Decline").click()
    expect(asked.get_by_role("alert")).to_have_text("Enter a reason.")
    asked.get_by_label("Reason").fill("Use the export.")
    button(asked, "Decline").click()
    expect(page.locator(".status-line")).to_have_text("The request was declined.")
    expect(page.get_by_text("No open requests.")).to_be_visible()
    page.get_by_label("State").select_option("All")
    expect(row(page, "Owners of devices")).to_contain_text("Granted by Ada Lovelace")
    expect(row(page, "For the monthly report")).to_contain_text("Reason: Use the export.")
    assert script.call_api(secret, "/api/v1/audit/events") == 403
    assert visitor.seen == Watch()


def test_a_refused_call_is_granted_by_its_link_and_by_one_click(
    visitor: Visitor, script: Script
) -> None:
    made = script.create_token("Reports", "GET /api/v1/tags")
    secret, token = made["secret"], made["token"]["id"]
    for target in ("/api/v1/devices", "/api/v1/users"):
        assert script.call_api(secret, target) == 403
    page = visitor.open(f"/requests?{urlencode({'token': token, 'permission': _DEVICES})}").page
    linked = page.get_by_role("region", name="Grant a refused call")
    expect(linked).to_contain_text("A call with the token Reports was refused.")
    button(linked, f"Grant {_DEVICES}").click()
    expect(linked).to_contain_text("Reports holds this permission already.")
    assert script.call_api(secret, "/api/v1/devices") == 200
    query = "query ($id: ID!) { token(id: $id) { recentRefusals { path } } }"
    # The decision log is written within seconds.
    wait_until(lambda: len(script.run(query, id=token)["token"]["recentRefusals"]) == 2)
    visitor.open(f"/tokens/{token}/usage")
    expect(button(page, f"Grant {_DEVICES}")).to_have_count(0)
    button(page, f"Grant {_USERS}").click()
    expect(page.locator(".status-line")).to_have_text(f"{_USERS} was granted to Reports.")
    expect(button(page, f"Grant {_USERS}")).to_have_count(0)
    assert script.call_api(secret, "/api/v1/users") == 200
    visitor.open(f"/requests?{urlencode({'token': 'gone', 'permission': _DEVICES})}")
    expect(page.get_by_text("The token of this link does not exist")).to_be_visible()
    assert visitor.seen == Watch()


def test_auditors_see_requests_and_decide_none(
    chromium: Browser, site: Site, script: Script
) -> None:
    made = script.create_token("Audited", "GET /api/v1/tags")
    script.ask_access(made["secret"], _USERS, "To see")
    with visiting(chromium, site) as guest:
        guest.page.goto(f"{guest.url}/sign-in")
        guest.sign_in(email=AUDITOR)
        guest.page.get_by_role("link", name="Requests").click()
        expect(row(guest.page, "To see")).to_contain_text("Open")
        link = urlencode({"token": made["token"]["id"], "permission": _USERS})
        guest.page.goto(f"{guest.url}/requests?{link}")
        expect(guest.page.get_by_text("Ask an admin to grant it.")).to_be_visible()
        expect(guest.page.get_by_role("button", name="Grant")).to_have_count(0)
