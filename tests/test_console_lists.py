"""The list of tokens in the console: filtered, sorted, counted, and many revoked at once.

One tenant and one sign-in for all tests, in this order: the last ones revoke.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.support.browser import Watch
from tests.support.console_page import button, dialog, row
from tests.support.console_states import AUDITOR
from tests.support.visitor import EMAIL, Script, Site, Visitor, add_tenant, visiting
from tests.support.waiting import wait_until

_TAGS = "GET /api/v1/tags"
_JOBS = 27


@pytest.fixture(scope="module")
def site(first_site: tuple[Site, str]) -> Site:
    """A tenant of this module's own."""
    running, url = first_site
    add_tenant(url, "lists", EMAIL)
    return replace(running, tenant="lists")


@pytest.fixture(scope="module")
def script(site: Site) -> Script:
    """Tokens of every kind: 27 of the organisation, and seven of Ada's."""
    script = Script(site)
    for number in range(_JOBS):
        script.create_token(f"Job {number:02}", isOwnedByOrganisation=True)
    for name, days in (("Ends first", 3), ("Ends next", 20), ("Ends late", 200)):
        script.create_token(name, _TAGS, description="nightly", expiresAt=_in(days))
    ids = {
        name: script.create_token(name)["token"]["id"] for name in ("Paused", "Gone", "Unexpired")
    }
    script.change_token("pauseToken", ids["Paused"])
    script.change_token("revokeToken", ids["Gone"])
    used = script.create_token("alpha", _TAGS)
    script.call_api(used["secret"], "/api/v1/tags")
    _wait_for_use(script, "alpha")
    return script


@pytest.fixture(scope="module")
def visitor(chromium: Browser, site: Site, script: Script) -> Iterator[Visitor]:
    with visiting(chromium, site, viewport={"width": 1280, "height": 860}) as someone:
        yield someone.open()


def _in(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def _lists(page: Page, names: list[str]) -> None:
    """Expect these tokens, in their order, and no others."""
    expect(page.locator(".tokens-table .row-link")).to_have_text(names)


def _begins(page: Page, names: list[str]) -> None:
    """Expect these tokens at the beginning of the list."""
    for place, name in enumerate(names):
        expect(page.locator(".tokens-table .row-link").nth(place)).to_have_text(name)


def _wait_for_use(script: Script, name: str) -> None:
    """Until the decision log has written that a token was used."""
    query = """query ($name: String) {
        tokens(filter: { search: $name }) { edges { node { lastUsedAt } } } }"""
    wait_until(lambda: script.run(query, name=name)["tokens"]["edges"][0]["node"]["lastUsedAt"])


def _counted(page: Page, words: str) -> None:
    expect(page.locator(".list-count")).to_have_text(words)


def _filter(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name="Filters").get_by_label(name, exact=True)


def _chip(page: Page, filter_: str) -> Locator:
    return button(page, f"Remove filter: {filter_}")


def test_filters_are_in_the_address_and_each_can_be_removed(visitor: Visitor, site: Site) -> None:
    page = visitor.open().page
    _counted(page, "33 tokens")
    opener = page.locator(".list-tools button[aria-expanded]")
    expect(opener).to_have_attribute("aria-expanded", "false")
    opener.press("Enter")
    for name, option, chip, names in (
        ("State", "Expired", "State: Expired", []),
        ("Expires", "Within 7 days", "Expires within 7 days", ["Ends first"]),
        (
            "Permission",
            _TAGS,
            f"Permission: {_TAGS}",
            ["alpha", "Ends late", "Ends next", "Ends first"],
        ),
        ("Last use", "Unused for 30 days", "Unused for 30 days", []),
    ):
        _filter(page, name).select_option(option)
        expect(_chip(page, chip)).to_be_visible()
        expect(opener).to_have_text("Filters (1)")
        _counted(page, f"{len(names)} token{'' if len(names) == 1 else 's'}")
        _lists(page, names)
        _chip(page, chip).press("Enter")
        expect(opener).to_be_focused()
        _counted(page, "33 tokens")
    _set_several(page)
    _counted(page, "2 tokens")
    _lists(page, ["Ends next", "Ends first"])
    # Another person finds them by the link.
    page.reload()
    _lists(page, ["Ends next", "Ends first"])
    expect(_chip(page, "Owner: Ada Lovelace")).to_be_visible()
    expect(page.get_by_role("list", name="Active filters").get_by_role("listitem")).to_have_count(5)
    _clear_all(page)
    expect(page).to_have_url(f"{site.url}/")
    _counted(page, "33 tokens")
    assert visitor.seen == Watch()


def _set_several(page: Page) -> None:
    _filter(page, "Owner").select_option("Ada Lovelace")
    _filter(page, "Permission").select_option(_TAGS)
    _filter(page, "Last use").select_option("Never used")
    _filter(page, "Expires").select_option("By a date")
    _filter(page, "Last day").fill((datetime.now(UTC) + timedelta(days=20)).date().isoformat())
    page.get_by_label("Search tokens").fill("NIGHT")


def _clear_all(page: Page) -> None:
    page.get_by_role("button", name="Filters (4)").click()
    expect(_filter(page, "Owner").locator("option:checked")).to_have_text("Ada Lovelace")
    expect(_filter(page, "Expires").locator("option:checked")).to_have_text("By a date")
    button(page, "Clear all").click()
    expect(_filter(page, "Expires").locator("option:checked")).to_have_text("Any")
    expect(_filter(page, "Last day")).to_have_count(0)
    expect(page.get_by_label("Search tokens")).to_be_focused()


def test_what_ends_soon_is_said_and_coloured(visitor: Visitor) -> None:
    page = visitor.open("/?order=expires_soonest").page
    for name, words, tone in (
        ("Ends first", "Ends in 3 days", "danger"),
        ("Ends next", "Ends in 20 days", "notice"),
    ):
        badge = row(page, name).get_by_text(words, exact=True)
        expect(badge).to_have_class(f"tag {tone}")
    expect(row(page, "Ends late").locator(".tag")).to_have_count(0)


def test_a_list_without_tokens_offers_the_way_back(visitor: Visitor) -> None:
    page = visitor.open("/?state=expired").page
    expect(page.get_by_text("No token matches these filters.")).to_be_visible()
    button(page, "Clear all filters").click()
    _counted(page, "33 tokens")
    # A value that is no choice is no filter.
    page.goto(f"{visitor.url}/?state=broken&order=7&expires=soon&unused=31")
    _counted(page, "33 tokens")
    # Revoked tokens are shown on request, and cannot be revoked again.
    page.goto(f"{visitor.url}/?state=revoked")
    _lists(page, ["Gone"])
    expect(page.get_by_role("checkbox")).to_have_count(0)
    button(page, "Actions for Gone").click()
    expect(page.locator(".menu:popover-open button")).to_have_text(["View"])
    # A search among live ones offers the way to revoked ones.
    page.goto(f"{visitor.url}/?search=gone")
    button(page, "Search revoked tokens").click()
    _lists(page, ["Gone"])
    expect(page).to_have_url(f"{visitor.url}/?search=gone&state=revoked")


def test_views_count_their_tokens_and_are_links(visitor: Visitor, site: Site) -> None:
    page = visitor.open("/?order=name&size=50").page
    views = page.get_by_role("navigation", name="Views")
    for name, count in (
        ("All", 33),
        ("Mine", 6),
        ("Unused for 90 days", 0),
        ("Never used", 32),
        ("Ends soon", 2),
        ("Paused", 1),
        ("Revoked", 1),
    ):
        expect(views.get_by_role("link", name=f"{name} {count}", exact=True)).to_be_visible()
    # Order and size stay; the view says its filters, so that no chip repeats them.
    views.get_by_role("link", name="Paused 1").click()
    expect(page).to_have_url(re.compile(r"state=paused"))
    _lists(page, ["Paused"])
    expect(page.get_by_role("list", name="Active filters")).to_have_count(0)
    expect(views.locator("[aria-current]")).to_have_text("Paused 1")
    views.get_by_role("link", name="All 33").click()
    expect(page.locator(".tokens-table .row-link")).to_have_count(33)
    page.get_by_label("Tokens a page").select_option("25")
    expect(page).to_have_url(f"{site.url}/?order=name")
    expect(page.locator(".tokens-table .row-link")).to_have_count(25)


def test_the_way_back_from_a_token_leads_to_its_place_in_the_list(visitor: Visitor) -> None:
    page = visitor.open("/?order=name").page
    button(page, "Next").click()
    expect(page).to_have_url(re.compile("after="))
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    link = page.locator(".row-link").last
    name = link.inner_text()
    address = page.url
    link.click()
    page.get_by_role("navigation", name="About this token").get_by_text("Activity").click()
    page.locator(".back").click()
    expect(page).to_have_url(address)
    back = page.get_by_role("link", name=name, exact=True)
    expect(back).to_be_focused()
    expect(back).to_be_in_viewport()


def test_a_token_is_found_by_the_beginning_of_its_secret_and_by_its_creator(
    visitor: Visitor, script: Script
) -> None:
    made = script.create_token("Found by its secret")
    page = visitor.open().page
    # A pasted secret is cut before it is searched: none gets into the address.
    page.get_by_label("Search tokens").fill(made["secret"])
    _lists(page, ["Found by its secret"])
    begun = made["secret"].partition("_")[0] + "_" + made["secret"].partition("_")[2][:6]
    expect(page).to_have_url(f"{visitor.url}/?search={begun}")
    expect(page.get_by_label("Search tokens")).to_have_value(begun)
    page.get_by_label("Search tokens").fill("ada lovelace")
    _counted(page, "34 tokens")
    script.change_token("revokeToken", made["token"]["id"])
    page.goto(f"{visitor.url}/?state=revoked&search={made['secret'][:10]}")
    _lists(page, ["Found by its secret"])


def test_a_phone_shows_details_on_demand(visitor: Visitor) -> None:
    page = visitor.page
    page.set_viewport_size({"width": 390, "height": 780})
    visitor.open("/?order=expires_soonest")
    first = row(page, "Ends first")
    expect(first).to_contain_text("1 permission · never used")
    expect(first.get_by_text("Ada Lovelace")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollHeight") < 2997
    opener = button(first, "Details of Ends first")
    opener.press("Enter")
    expect(opener).to_have_attribute("aria-expanded", "true")
    for shown in ("Ada Lovelace", "Ends in 3 days", "nightly"):
        expect(first.get_by_text(shown)).to_be_visible()
    opener.press("Enter")
    expect(first.get_by_text("Ada Lovelace")).to_be_hidden()
    page.set_viewport_size({"width": 1280, "height": 860})


def test_columns_sort_the_list(visitor: Visitor, site: Site) -> None:
    page = visitor.open().page
    ended, late = ["Ends first", "Ends next"], "Ends late"
    for column, clicks in (
        (
            "Name",
            [("ascending", "name", ["alpha", *ended[:1]]), ("none", "", ["alpha", "Unexpired"])],
        ),
        ("Created", [("ascending", "oldest", ["Job 00", "Job 01"]), ("descending", "", ["alpha"])]),
        (
            "Last used",
            [
                ("descending", "last_used", ["alpha", "Unexpired"]),
                ("ascending", "least_recently_used", ["Job 00", "Job 01"]),
            ],
        ),
        ("Expires", [("ascending", "expires_soonest", [*ended, late])]),
    ):
        heading = page.get_by_role("columnheader", name=column)
        for direction, order, names in clicks:
            button(heading, column).click()
            expect(heading).to_have_attribute("aria-sort", direction)
            expect(page).to_have_url(f"{site.url}/" + (f"?order={order}" if order else ""))
            _begins(page, names)
    page.reload()
    _begins(page, [*ended, late])
    # The headings are hidden on a phone, and a choice is there instead.
    page.set_viewport_size({"width": 390, "height": 780})
    expect(page.get_by_label("Sort by")).to_have_value("EXPIRES_SOONEST")
    page.get_by_label("Sort by").select_option("Name")
    expect(page).to_have_url(f"{site.url}/?order=name")
    _begins(page, ["alpha"])
    # So is the checkbox for the page.
    page.get_by_label("Select Ends first").check()
    bar = page.get_by_role("region", name="Selected tokens")
    button(bar, "Select this page (25)").click()
    expect(bar).to_contain_text("25 tokens selected")
    page.set_viewport_size({"width": 1280, "height": 860})


def test_a_list_that_would_read_too_much_says_so(visitor: Visitor) -> None:
    page = visitor.open().page

    def refuse(route: Route) -> None:
        """The answer for tokens beyond the server's limits, which these are too few to reach."""
        error = {"message": "…", "extensions": {"code": "SEARCH_TOO_BROAD"}}
        route.fulfill(json={"data": None, "errors": [error]})

    page.route(
        "**/graphql", lambda route: refuse(route) if _is_of_list(route) else route.continue_()
    )
    page.get_by_role("button", name="Filters").click()
    _filter(page, "State").select_option("Active")
    told = page.get_by_role("alert")
    expect(told).to_contain_text("Too many tokens would have to be read to answer this. Add a")
    expect(page.locator(".list-count")).to_have_text("")
    page.unroute("**/graphql")
    button(page, "Clear all").click()
    expect(told).to_have_count(0)
    _counted(page, "33 tokens")


def _is_of_list(route: Route) -> bool:
    return "query Token" in json.loads(route.request.post_data or "{}").get("query", "")


def test_selected_tokens_are_revoked_together_if_they_are_still_the_same(
    visitor: Visitor, script: Script
) -> None:
    doomed = [script.create_token(f"Doomed {n}", _TAGS) for n in range(3)]
    page = visitor.open("/?search=doomed").page
    for number in (0, 1, 2):
        page.get_by_label(f"Select Doomed {number}").press("Space")
    bar = page.get_by_role("region", name="Selected tokens")
    expect(bar).to_contain_text("3 tokens selected")
    page.get_by_label("Select Doomed 2").press("Space")
    expect(bar).to_contain_text("2 tokens selected")
    of_page = page.get_by_label("Select all on this page")
    expect(of_page).to_have_js_property("indeterminate", True)
    button(bar, "Clear selection").press("Enter")
    expect(bar).to_have_count(0)
    expect(of_page).to_be_focused()
    page.keyboard.press("Space")
    expect(bar).to_contain_text("3 tokens selected")
    expect(page.get_by_role("button", name="Select all 3")).to_have_count(0)
    button(bar, "Revoke selected").press("Enter")
    asked = dialog(page, "Revoke 3 tokens?")
    expect(button(asked, "Cancel")).to_be_focused()
    for words in ("will be refused at once", "None was ever used.", "Doomed 2, never used"):
        expect(asked).to_contain_text(words)
    page.keyboard.press("Escape")
    expect(button(bar, "Revoke selected")).to_be_focused()
    page.keyboard.press("Enter")
    # Meanwhile another admin revokes one of them: the others are as they were.
    expect(button(asked, "Revoke 3 tokens")).to_be_enabled()
    script.change_token("revokeToken", doomed[0]["token"]["id"])
    button(asked, "Revoke 3 tokens").click()
    asked = dialog(page, "Revoke 2 tokens?")
    expect(asked.get_by_role("alert")).to_contain_text("3 tokens then, 2 tokens now. None was")
    assert script.call_api(doomed[1]["secret"], "/api/v1/tags") == 200
    button(asked, "Revoke 2 tokens").click()
    expect(page.get_by_text("2 tokens were revoked.")).to_be_visible()
    expect(page.get_by_role("heading", name="API tokens", exact=True)).to_be_focused()
    expect(page.get_by_text("No token matches “doomed”.")).to_be_visible()
    assert script.call_api(doomed[1]["secret"], "/api/v1/tags") == 401
    button(page, "Clear the search").click()
    _counted(page, "33 tokens")


def test_all_that_match_are_revoked_beyond_the_page(visitor: Visitor, script: Script) -> None:
    used = script.create_token("Job that works", _TAGS, isOwnedByOrganisation=True)
    script.call_api(used["secret"], "/api/v1/tags")
    _wait_for_use(script, "Job that works")
    page = visitor.open("/?owner=organisation&order=name").page
    page.get_by_label("Select all on this page").check()
    bar = page.get_by_role("region", name="Selected tokens")
    expect(bar).to_contain_text("25 tokens selected")
    button(bar, "Select all 28 tokens").click()
    expect(bar).to_contain_text("All 28 tokens selected")
    # Another page, or another order, selects nothing.
    button(page, "Next").click()
    expect(bar).to_have_count(0)
    page.go_back()
    page.get_by_label("Select all on this page").check()
    button(bar, "Select all 28 tokens").click()
    button(bar, "Revoke selected").click()
    asked = dialog(page, "Revoke 28 tokens?")
    expect(asked).to_contain_text("and 23 more")
    expect(asked).to_contain_text("1 token was used in the last 7 days. 27 tokens were never used.")
    expect(asked).to_contain_text("Job that works, last used")
    expect(asked).to_contain_text("from 203.0.113.7")
    # One that is created meanwhile was not asked about.
    late = script.create_token("Job of late", _TAGS, isOwnedByOrganisation=True)
    button(asked, "Revoke 28 tokens").click()
    asked = dialog(page, "Revoke 29 tokens?")
    expect(asked.get_by_role("alert")).to_contain_text("28 tokens then, 29 tokens now")
    assert script.call_api(late["secret"], "/api/v1/tags") == 200
    button(asked, "Revoke 29 tokens").click()
    expect(page.get_by_text("29 tokens were revoked.")).to_be_visible()
    expect(page.get_by_text("No token matches these filters.")).to_be_visible()
    assert script.call_api(late["secret"], "/api/v1/tags") == 401
    page.goto(f"{visitor.url}/")
    _counted(page, "6 tokens")
    assert visitor.seen == Watch()


def test_an_auditor_filters_and_selects_nothing(
    chromium: Browser, site: Site, script: Script
) -> None:
    script.add_admin(AUDITOR, "Alan Turing", "AUDITOR")
    with visiting(chromium, site) as auditor:
        auditor.open("/?state=paused", AUDITOR)
        expect(row(auditor.page, "Paused").first).to_be_visible()
        _lists(auditor.page, ["Paused"])
        expect(auditor.page.get_by_role("checkbox")).to_have_count(0)
