"""What the console reminds of on the page of tokens: what ends soon, and what needs care.

One tenant and one sign-in for all tests.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.support.browser import Watch
from tests.support.console_page import button, choose, dialog
from tests.support.console_states import use_retired_secrets
from tests.support.visitor import EMAIL, Script, Site, Visitor, add_tenant, visiting


@pytest.fixture(scope="module")
def site(first_site: tuple[Site, str]) -> Site:
    """A tenant of this module's own."""
    running, url = first_site
    add_tenant(url, "reminded", EMAIL)
    return replace(running, tenant="reminded")


@pytest.fixture(scope="module")
def script(site: Site) -> Script:
    return Script(site)


@pytest.fixture(scope="module")
def visitor(chromium: Browser, site: Site) -> Iterator[Visitor]:
    with visiting(chromium, site) as someone:
        yield someone


def _reminders(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("region", name="Tokens that need care")


def _in(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def _rotated(script: Script, url: str, name: str, days: int) -> Any:
    """A token whose rotation has waited for so many days. Only the clock could make one."""
    token = script.create_token(name)["token"]
    script.rotate_token(token["id"])
    at = datetime.now(UTC) - timedelta(days=days, hours=1)
    database = sqlite3.connect(url.removeprefix("sqlite://"), timeout=10)
    database.execute(
        "UPDATE token_rotation SET created_at = ? WHERE id = (SELECT id FROM token WHERE name = ?)",
        (at.isoformat(" "), name),
    )
    database.commit()
    database.close()
    return token


def test_tokens_without_need_of_care_are_not_mentioned(visitor: Visitor, script: Script) -> None:
    script.create_token("Steady", expiresAt=_in(31))
    page = visitor.open().page
    expect(page.get_by_role("link", name="Steady")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(_reminders(visitor)).to_have_count(0)


def test_what_ends_and_what_needs_care_is_told_with_the_way_there(
    visitor: Visitor, script: Script, first_site: tuple[Site, str]
) -> None:
    script.create_token("Ends next", expiresAt=_in(29))
    page = visitor.open().page
    expect(_reminders(visitor)).to_have_text("1 token ends within 30 days")
    script.create_token("Ends first", expiresAt=_in(3))
    script.change_token(
        "pauseToken", script.create_token("Paused", expiresAt=_in(9))["token"]["id"]
    )
    rotated = _rotated(script, first_site[1], "Waiting", 8)
    retired = use_retired_secrets(script, "Stale")
    page = visitor.open().page
    items = _reminders(visitor).get_by_role("listitem")
    expect(items).to_have_text(
        [
            "3 tokens end within 30 days",
            "A rotation has waited for 8 days for the first use of its new secret: Waiting",
            "A retired secret was used, and refused, within the last 24 hours: Stale",
        ]
    )
    items.get_by_role("link", name="Waiting").click()
    page.wait_for_url(f"**/tokens/{rotated['id']}")
    page.go_back()
    items.get_by_role("link", name="Stale").click()
    page.wait_for_url(f"**/tokens/{retired['Stale']}/usage")
    expect(page.get_by_text("A newer secret of the token had taken the place")).to_be_visible()
    page.go_back()
    items.get_by_role("link", name="3 tokens end within 30 days").click()
    names = page.get_by_role("row").get_by_role("link")
    expect(names).to_have_text(["Ends first", "Paused", "Ends next"])
    expect(page.get_by_role("link", name="Ends soon 3")).to_have_attribute("aria-current", "true")
    expect(_reminders(visitor)).to_have_count(0)


def test_many_tokens_are_counted_and_the_further_ones_unfolded(
    visitor: Visitor, script: Script, first_site: tuple[Site, str]
) -> None:
    for days in (9, 10, 11, 12):
        _rotated(script, first_site[1], f"Waits {days}", days)
    use_retired_secrets(script, "Stale too")
    page = visitor.open().page
    items = _reminders(visitor).get_by_role("listitem")
    expect(items.nth(1)).to_contain_text(
        "5 rotations have waited for a week or longer for the first use of their new secrets:"
        " Waits 12, Waits 11, Waits 10"
    )
    expect(items.nth(2)).to_contain_text("Retired secrets of 2 tokens were used")
    expect(page.get_by_role("link", name="Waits 9")).to_have_count(1)  # in the list
    items.nth(1).get_by_text("and 2 more").click()
    expect(items.nth(1).get_by_role("link", name="Waits 9")).to_be_visible()
    expect(items.nth(1).get_by_role("link", name="Waiting")).to_be_visible()
    assert visitor.seen == Watch()


def test_reminder_goes_with_its_cause(visitor: Visitor, script: Script) -> None:
    page = visitor.open().page
    reminder = page.get_by_role("link", name="tokens end within 30 days")
    expect(reminder).to_have_text("3 tokens end within 30 days")
    choose(page, "Ends first", "Revoke")
    button(dialog(page, "Revoke “Ends first”?"), "Revoke token").click()
    expect(reminder).to_have_text("2 tokens end within 30 days")
