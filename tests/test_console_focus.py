"""The focus, typed input, colours and times, and ways on where something fails."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.support.console_page import button, dialog
from tests.support.visitor import EMAIL, Script, Site, Visitor, add_tenant, visiting

# The ratio of WCAG 2 between an element's colour and its own background.
_CONTRAST = """(element) => {
    const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
        .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0.05);
    const { color, backgroundColor } = getComputedStyle(element);
    const [one, other] = [light(color), light(backgroundColor)];
    return Math.max(one, other) / Math.min(one, other);
}"""
_MIN_CONTRAST = 4.5


@pytest.fixture(scope="module")
def site(first_site: tuple[Site, str]) -> Site:
    running, url = first_site
    add_tenant(url, "focus", EMAIL)
    return replace(running, tenant="focus")


@pytest.fixture(scope="module")
def script(site: Site) -> Script:
    return Script(site)


@pytest.fixture(scope="module")
def visitor(chromium: Browser, site: Site) -> Iterator[Visitor]:
    # At once: a transition would mix the colours that are measured.
    with visiting(chromium, site, reduced_motion="reduce") as someone:
        yield someone


def test_typed_text_is_discarded_only_after_a_question(visitor: Visitor, script: Script) -> None:
    script.create_token("There")
    page = visitor.open("/activity").page
    page.get_by_role("link", name="API tokens").click()
    button(page, "Add token").click()
    form = dialog(page, "Add token")
    typed = form.get_by_label("Description")
    expect(form).to_be_visible()
    page.keyboard.press("Escape")  # Nothing is typed yet.
    expect(form).to_have_count(0)
    button(page, "Add token").click()
    typed.fill("x" * 500)
    for key in (None, "Escape"):
        if key is None:
            page.mouse.click(5, 5)
        else:
            page.keyboard.press(key)
        asked = dialog(page, "Discard what you typed?")
        expect(button(asked, "Keep editing")).to_be_focused()
        page.keyboard.press("Enter")
        expect(typed).to_have_value("x" * 500)
        expect(typed).to_be_focused()
    page.evaluate("() => history.back()")
    expect(button(dialog(page, "Leave without saving?"), "Stay here")).to_be_focused()
    page.keyboard.press("Enter")
    expect(typed).to_have_value("x" * 500)
    page.keyboard.press("Escape")
    button(page, "Discard").click()
    expect(form).to_have_count(0)
    expect(button(page, "Add token")).to_be_focused()


def test_the_heading_gets_the_focus_of_a_button_that_went(visitor: Visitor, script: Script) -> None:
    token_id = script.create_token("To be revoked")["token"]["id"]
    page = visitor.open(f"/tokens/{token_id}").page
    button(page, "Revoke").click()
    button(page, "Revoke token").click()
    expect(page.get_by_role("heading", name="To be revoked", exact=True)).to_be_focused()


def test_a_busy_button_can_be_read_under_the_pointer(visitor: Visitor) -> None:
    page = visitor.open("/").page
    page.route(
        "**/graphql", lambda route: None if _creates(route.request.post_data) else route.continue_()
    )
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(visitor.url)
        button(page, "Add token").or_(button(page, "Add your first token")).click()
        page.get_by_label("Name", exact=True).fill("Slow")
        button(page, "Create").click()
        busy = button(page, "Creating…")
        expect(page.locator("button:hover")).to_have_text("Creating…")
        assert busy.evaluate(_CONTRAST) >= _MIN_CONTRAST
    page.unroute("**/graphql")


def _creates(body: str | None) -> bool:
    return "createToken(input" in (body or "")


def test_the_current_tab_shows_in_forced_colours(visitor: Visitor, script: Script) -> None:
    token_id = script.create_token("Tabbed")["token"]["id"]
    page = visitor.open(f"/tokens/{token_id}/usage").page
    page.emulate_media(forced_colors="active")
    tabs = page.get_by_role("navigation", name="About this token")
    expect(tabs).to_be_visible()

    def line(name: str) -> str:
        tab: Locator = tabs.get_by_role("link", name=name)
        return str(tab.evaluate("(one) => getComputedStyle(one).borderBottomColor"))

    assert line("Usage") != line("Activity") == line("Permissions")
    page.emulate_media(forced_colors="none")


def test_a_page_that_cannot_be_loaded_has_a_title_and_ways_on(visitor: Visitor) -> None:
    page = visitor.open("/").page
    page.route("**/assets/hashed/policy-page*", lambda route: route.abort())
    page.get_by_role("link", name="Token policy").click()
    expect(page.get_by_role("heading", name="This page could not be shown")).to_be_focused()
    expect(page).to_have_title("This page could not be shown · Tessera")
    page.unroute("**/assets/hashed/policy-page*")
    button(page, "Try again").click()
    expect(page.get_by_role("heading", name="Token policy", exact=True)).to_be_visible()
    page.goto(f"{visitor.url}/tokenz")
    page.get_by_role("link", name="Go to API tokens").click()
    expect(page.get_by_role("heading", name="API tokens", exact=True)).to_be_visible()


def test_times_are_relative_and_exact_with_their_zone(
    chromium: Browser, site: Site, script: Script
) -> None:
    """By a control that a keyboard reaches, and by a tap; usage says whose days it counts."""
    token_id = script.create_token("Timed")["token"]["id"]
    with visiting(chromium, site, timezone_id="America/Los_Angeles", has_touch=True) as reader:
        page = reader.open(f"/tokens/{token_id}/usage").page
        expect(page.get_by_text("Times are in America/Los_Angeles (GMT-0")).to_be_visible()
        expect(page.get_by_text("Counted by days of UTC.")).to_be_visible()
        expect(page.get_by_label("Period").get_by_text("Today (UTC)")).to_have_count(1)
        created = page.get_by_role("definition").locator("time").first
        exact = re.compile(r"\d\d:\d\d:\d\d (GMT-[78]|P[SD]T)$")
        expect(created).to_have_text(re.compile("^(this minute|.* ago)$"))
        created.tap()
        expect(created).to_have_text(exact)
        created.tap()
        expect(created).not_to_have_text(exact)
        button(page, "Show exact times").last.press("Enter")
        expect(created).to_have_text(exact)
        page.reload()
        expect(created).to_have_text(exact)
