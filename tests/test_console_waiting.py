"""The console while data load: no control looks ready and does nothing.

One tenant and one sign-in for all tests.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Response, expect

from tests.support.browser import Watch
from tests.support.console_page import button, choose, dialog, held
from tests.support.visitor import EMAIL, Script, Site, Visitor, add_tenant, visiting

_JOBS = 29
_DEVICES = "GET /api/v1/devices"
_LIST, _COUNT, _TOKEN = "query Tokens(", "query TokenCount(", "query Token("


@pytest.fixture(scope="module")
def site(first_site: tuple[Site, str]) -> Site:
    """A tenant of this module's own."""
    running, url = first_site
    add_tenant(url, "waiting", EMAIL)
    return replace(running, tenant="waiting")


@pytest.fixture(scope="module")
def token_id(site: Site) -> str:
    """The paused one of the tokens, which are two pages."""
    script = Script(site)
    for number in range(_JOBS):
        script.create_token(f"Job {number:02}", _DEVICES)
    token_id = str(script.create_token("Alpha", _DEVICES)["token"]["id"])
    script.change_token("pauseToken", token_id)
    return token_id


@pytest.fixture(scope="module")
def visitor(chromium: Browser, site: Site, token_id: str) -> Iterator[Visitor]:
    with visiting(chromium, site, viewport={"width": 1280, "height": 860}) as someone:
        yield someone.open()


def test_no_token_can_be_selected_before_its_page_is_there(visitor: Visitor) -> None:
    page = visitor.page
    of_page = page.get_by_label("Select all on this page")
    with held(page, _LIST):
        visitor.open("/?order=name")
        expect(of_page).to_be_disabled()
    expect(of_page).to_be_enabled()
    # The rows of the page before stay until those of the next are there.
    with held(page, _LIST):
        button(page, "Next").click()
        expect(of_page).to_be_disabled()
        expect(page.get_by_label("Select Alpha")).to_be_disabled()
    expect(of_page).to_be_enabled()
    of_page.check()
    expect(page.get_by_role("region", name="Selected tokens")).to_contain_text("5 tokens selected")
    assert visitor.seen == Watch()


def test_a_page_is_turned_once_until_the_next_is_there(visitor: Visitor, site: Site) -> None:
    page = visitor.open("/?order=name").page
    names = page.locator(".tokens-table .row-link")
    expect(names).to_have_count(25)
    with held(page, _LIST) as lists:
        button(page, "Next").click()
        expect(button(page, "Next")).to_be_disabled()
        # The keyboard reaches it, since it keeps the focus.
        expect(button(page, "Next")).to_be_focused()
        page.keyboard.press("Enter")
    expect(names).to_have_count(5)
    assert len(lists) == 1
    expect(button(page, "Previous")).to_be_enabled()
    # One step back is the first page.
    page.go_back()
    expect(page).to_have_url(f"{site.url}/?order=name")
    expect(names).to_have_count(25)


def test_all_that_match_are_offered_once_they_are_counted(visitor: Visitor) -> None:
    page = visitor.open("/").page
    bar = page.get_by_role("region", name="Selected tokens")
    expect(page.locator(".list-count")).to_have_text("30 tokens")
    with held(page, _COUNT):
        page.get_by_role("navigation", name="Views").get_by_role("link", name="Paused").click()
        expect(page.locator(".tokens-table .row-link")).to_have_text(["Alpha"])
        page.get_by_label("Select all on this page").check()
        expect(bar).to_contain_text("1 token selected")
        expect(bar.get_by_role("button", name="Select all")).to_have_count(0)
    expect(page.locator(".list-count")).to_have_text("1 token")


def test_a_token_that_is_duplicated_slowly_closes_no_dialog(visitor: Visitor) -> None:
    page = visitor.open("/?order=name").page
    renamed = dialog(page, "Rename token")
    name = renamed.get_by_label("Name", exact=True)
    with page.expect_response(_is_of_token) as read, held(page, _TOKEN):
        choose(page, "Alpha", "Duplicate")
        choose(page, "Job 00", "Rename")
        name.fill("Half typed")
    read.value.finished()
    page.evaluate("() => new Promise(requestAnimationFrame)")
    expect(name).to_have_value("Half typed")
    expect(page.get_by_role("dialog")).to_have_count(1)
    page.keyboard.press("Escape")
    button(page, "Discard").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def _is_of_token(response: Response) -> bool:
    return _TOKEN in (response.request.post_data or "")


def test_permissions_are_copied_from_one_token_at_a_time(visitor: Visitor, token_id: str) -> None:
    page = visitor.open(f"/tokens/{token_id}/edit-permissions").page
    box = page.get_by_role("checkbox", name="List Devices /api")
    box.uncheck()
    button(page, "Copy from another token").click()
    asked = dialog(page, "Copy from another token")
    with held(page, _TOKEN) as reads:
        asked.get_by_role("button", name="Job 28").click()
        # Else their answers would change the grid after the dialog has gone.
        expect(asked.get_by_role("button", name="Job 27")).to_be_disabled()
        expect(button(asked, "Cancel")).to_be_disabled()
        page.keyboard.press("Escape")
        expect(asked).to_be_visible()
    expect(asked).to_have_count(0)
    expect(box).to_be_checked()
    assert len(reads) == 1


def test_a_list_says_that_it_is_whole_when_it_is_read(visitor: Visitor) -> None:
    page = visitor.open("/activity").page
    end = page.get_by_text("Nothing more to load.")
    button(page, "Load more").click()
    expect(end).to_be_visible()
    with held(page, "query FilteredActivity("):
        page.get_by_label("Show", exact=True).select_option("Tokens created")
        expect(end).to_have_count(0)
    expect(page.locator(".activity > li")).to_have_count(25)
    expect(button(page, "Load more")).to_be_enabled()


def test_a_suggestion_is_of_the_period_that_is_chosen(visitor: Visitor, token_id: str) -> None:
    page = visitor.open(f"/tokens/{token_id}/right-size").page
    suggestion = page.get_by_text("No request with this token was allowed in this period")
    expect(suggestion).to_be_visible()
    with held(page, "query RightSize("):
        page.get_by_label("Period").select_option("Last 400 days")
        expect(suggestion).to_have_count(0)
    expect(suggestion).to_be_visible()
    assert visitor.seen == Watch()


def test_the_code_of_the_first_page_comes_beside_the_first_answer(
    chromium: Browser, site: Site
) -> None:
    with visiting(chromium, site) as someone:
        page = someone.page
        with held(page, "query Viewer"), page.expect_request("**/admins-page-*.js"):
            someone.open("/admins")
        expect(page.get_by_role("heading", name="Admins")).to_be_visible()
        assert someone.seen == Watch()


def test_a_page_waits_for_no_timer(chromium: Browser, site: Site) -> None:
    """React shows a fallback for 300 ms: a page that replaces one would ask for its data then."""
    with visiting(chromium, site) as someone:
        page = someone.page
        page.clock.install()
        someone.open()
        expect(page.get_by_role("heading", name="API tokens")).to_be_visible()
        page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=5))
        page.get_by_role("link", name="Admins").click()
        expect(page.get_by_role("heading", name="Admins")).to_be_visible(timeout=10_000)
