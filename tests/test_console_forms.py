"""Forms tell all mistakes at once; pages are read on paper, and say that they need scripts."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, expect

from tests.support.console_page import button, choose, dialog
from tests.support.visitor import EMAIL, Script, Site, Visitor, add_tenant, visiting

_NEEDS_SCRIPT = "This page needs JavaScript."


@pytest.fixture(scope="module")
def site(first_site: tuple[Site, str]) -> Site:
    running, url = first_site
    add_tenant(url, "forms", EMAIL)
    return replace(running, tenant="forms")


@pytest.fixture(scope="module")
def script(site: Site) -> Script:
    return Script(site)


@pytest.fixture(scope="module")
def visitor(chromium: Browser, site: Site) -> Iterator[Visitor]:
    with visiting(chromium, site) as someone:
        yield someone


def _sends(request: Request) -> bool:
    """Whether it sends a form, and does not just read for a page."""
    asked = request.post_data or ""
    return request.method != "GET" and (
        not request.url.endswith("/graphql")
        or any(word in asked for word in ("mutation ", "tokenPolicyPreview", "explain("))
    )


def _expect_problems(form: Locator | Page, submit: str, problems: dict[str, str]) -> None:
    """Submit; each field says its problem, the first one has the focus, and nothing was sent."""
    page = form if isinstance(form, Page) else form.page
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if _sends(request) else None)
    button(form, submit).click()
    for label, problem in problems.items():
        field = form.get_by_label(label, exact=True)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(re.compile(re.escape(problem)))
    expect(form.locator("[aria-invalid=true]")).to_have_count(len(problems))
    expect(form.locator("[aria-invalid=true]").first).to_be_focused()
    assert sent == []


def test_a_token_form_tells_all_mistakes(visitor: Visitor, script: Script) -> None:
    token_id = script.create_token("Told")["token"]["id"]
    page = visitor.open("/").page
    button(page, "Add token").click()
    form = dialog(page, "Add token")
    form.get_by_label("Description").fill("x" * 1001)
    form.get_by_text("More", exact=True).click()
    form.get_by_label("Networks").fill("192.0.2.0/24\nnowhere")
    form.get_by_label("Requests an hour").fill("many")
    told = {
        "Name": "Enter a name.",
        "Description": "Shorten this to 1,000 characters.",
        "Networks": "Entry 2 is no network in CIDR notation",
        "Requests an hour": "Enter a whole number from 1 to 1,000,000,000.",
    }
    _expect_problems(form, "Create", told)
    visitor.open(f"/tokens/{token_id}")
    button(page, "Edit").click()
    form = dialog(page, "Edit token")
    form.get_by_label("Name").fill("x" * 101)
    form.get_by_label("Description").fill("x" * 1001)
    told = {
        "Name": "Shorten this to 100 characters.",
        "Description": "Shorten this to 1,000 characters.",
    }
    _expect_problems(form, "Save", told)
    form.get_by_label("Name").fill("Told twice")
    form.get_by_label("Description").fill("")
    button(form, "Save").click()
    expect(page.get_by_role("heading", name="Told twice", exact=True)).to_be_visible()


def test_other_forms_tell_all_mistakes(visitor: Visitor) -> None:
    page = visitor.open("/admins").page
    button(page, "Invite admin").click()
    told = {"E-mail": "Enter an e-mail address.", "Name": "Enter a name."}
    _expect_problems(dialog(page, "Invite admin"), "Invite", told)
    page.keyboard.press("Escape")
    button(page, "Account: Ada Lovelace Owner").click()
    button(page, "Change password").click()
    form = dialog(page, "Change password")
    form.get_by_label("New password", exact=True).fill("short")
    told = {
        "Current password": "Enter your current password.",
        "New password": "A password has at least 15 characters.",
    }
    _expect_problems(form, "Change password", told)
    visitor.open("/webhooks")
    button(page, "Create webhook").first.click()
    form = dialog(page, "Create webhook")
    _expect_problems(form, "Create", {"Address": "Enter a URL that starts with https://."})
    expect(form.get_by_role("group", name="Events", exact=True)).to_have_accessible_description(
        "Choose at least one type of events."
    )
    visitor.open("/policy")
    for label, typed in (
        ("Maximum lifetime in days", "4000"),
        ("Default lifetime in days", "many"),
        ("Networks", "nowhere"),
        ("Binds existing tokens from", ""),
    ):
        page.get_by_label(label).fill(typed)
    told = {
        "Maximum lifetime in days": "Enter 1 to 3,650 days.",
        "Default lifetime in days": "Enter a whole number of days, or nothing.",
        "Networks": "Entry 1 is no network",
        "Binds existing tokens from": "Choose a date.",
    }
    _expect_problems(page, "Preview", told)
    page.get_by_label("Maximum lifetime in days").fill("30")
    page.get_by_label("Default lifetime in days").fill("60")
    page.get_by_label("Networks").fill("2001:db8::/32")
    told = {
        "Default lifetime in days": "The default is at most the maximum.",
        "Binds existing tokens from": "Choose a date.",
    }
    _expect_problems(page, "Preview", told)


def test_a_check_tells_all_that_is_missing(visitor: Visitor, script: Script) -> None:
    token_id = script.create_token("Checked")["token"]["id"]
    page = visitor.open(f"/tokens/{token_id}/check").page
    told = {
        "URL or path": "Enter a URL or a path.",
        "IP address of the client": "Enter an IP address.",
    }
    _expect_problems(page, "Check", told)


def test_sign_in_asks_for_all_that_is_missing(chromium: Browser, site: Site) -> None:
    with visiting(chromium, site) as stranger:
        page = stranger.page
        page.goto(f"{site.url}/sign-in")
        sentences = (
            "Enter your organisation’s short name. Enter an e-mail address. Enter a password."
        )
        labels = ("Organisation’s short name", "E-mail", "Password")
        _expect_problems(page, "Sign in", dict.fromkeys(labels, sentences))
        expect(page.get_by_role("alert")).to_have_text(sentences)


def _expect_sentence(page: Page) -> None:
    # Not by its text: Playwright looks for none in a <noscript>.
    sentence = page.locator("noscript p")
    expect(sentence).to_be_visible()
    expect(sentence).to_contain_text(_NEEDS_SCRIPT)


def test_pages_say_that_they_need_scripts(chromium: Browser, site: Site) -> None:
    """And show no form, and nothing that seems to be loading."""
    with visiting(chromium, site, java_script_enabled=False) as reader:
        page = reader.page
        for path in ("/sign-in", "/invitation"):
            page.goto(f"{site.url}{path}")
            _expect_sentence(page)
            expect(page.locator("form")).to_be_hidden()
        for path in ("/", "/tokens/any", "/activity", "/webhooks", "/graphiql", "/mistyped"):
            reader.open(path)
            _expect_sentence(page)
            expect(page.get_by_text("Loading")).to_be_hidden()


def test_paper_shows_content_and_exact_times(visitor: Visitor, script: Script) -> None:
    token_id = script.create_token("On paper", "GET /api/v1/devices")["token"]["id"]
    page = visitor.open(f"/tokens/{token_id}").page
    navigation = page.get_by_role("link", name="Token policy")
    created = page.get_by_role("definition").locator("time").first
    expect(created).to_have_text(re.compile("^(this minute|.* ago)$"))
    expect(navigation).to_be_visible()
    page.emulate_media(media="print")
    expect(created).to_have_text(re.compile(r"\d{4}, \d\d:\d\d:\d\d UTC$"))
    for shown in ("On paper", "Use", "Conditions", "Permissions (1)"):
        expect(page.get_by_role("heading", name=shown, exact=True)).to_be_visible()
    expect(page.get_by_text("/api/v1/devices", exact=True)).to_be_visible()
    for hidden in (navigation, button(page, "Revoke"), page.get_by_role("link", name="Usage")):
        expect(hidden).to_be_hidden()
    page.emulate_media(media="screen")
    expect(created).to_have_text(re.compile("^(this minute|.* ago)$"))


def test_a_dialog_is_printed_alone(visitor: Visitor, script: Script) -> None:
    script.create_token("Asked about", "GET /api/v1/devices")
    page = visitor.open("/").page
    choose(page, "Asked about", "Revoke")
    asked = dialog(page, "Revoke “Asked about”?")
    page.emulate_media(media="print")
    backdrop = "(dialog) => getComputedStyle(dialog, '::backdrop').backgroundColor"
    assert asked.evaluate(backdrop) == "rgb(255, 255, 255)"
    expect(asked).to_contain_text("It gives access to 1 endpoint.")
    expect(button(asked, "Revoke token")).to_be_hidden()
    page.emulate_media(media="screen")
    expect(button(asked, "Revoke token")).to_be_visible()
