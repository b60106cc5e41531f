"""The token policy in the console: previewed, set, and followed by the forms of tokens.

One tenant and one sign-in for all tests, in this order.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import Watch
from tests.support.console_page import button, dialog, row
from tests.support.console_states import AUDITOR, COLLEAGUE
from tests.support.visitor import EMAIL, Script, Site, Visitor, add_tenant, visiting

_TAGS = "GET /api/v1/tags"
_MANY = 27
_MAXIMUM, _DEFAULT = "Maximum lifetime in days", "Default lifetime in days"


@pytest.fixture(scope="module")
def site(first_site: tuple[Site, str]) -> Site:
    """A tenant of this module's own."""
    running, url = first_site
    add_tenant(url, "policy", EMAIL)
    return replace(running, tenant="policy")


@pytest.fixture(scope="module")
def script(site: Site) -> Script:
    """An admin beside the owner, 27 tokens without expiry, and one that lives for a year."""
    script = Script(site)
    script.add_admin(COLLEAGUE, "Grace Hopper")
    for number in range(_MANY):
        script.create_token(f"Job {number:02}", _TAGS)
    in_a_year = (datetime.now(UTC) + timedelta(days=365)).isoformat()
    script.create_token("Long-lived", _TAGS, expiresAt=in_a_year)
    return script


@pytest.fixture(scope="module")
def visitor(chromium: Browser, site: Site, script: Script) -> Iterator[Visitor]:
    with visiting(chromium, site, viewport={"width": 1280, "height": 860}) as someone:
        yield someone.open()


def _present(page: Page) -> Locator:
    return page.get_by_role("region", name="Present policy")


def _preview(page: Page) -> Locator:
    return page.get_by_role("region", name="What the policy changes")


def _day(days: int) -> str:
    """The day so many days from now, as an input takes it."""
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


def test_what_is_no_policy_is_said_beside_its_field(visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_role("link", name="Token policy").click()
    expect(page.get_by_role("heading", name="Token policy")).to_be_focused()
    expect(_present(page)).to_contain_text("None: tokens may live for ever")
    for field, wrong, right, sentence in (
        (_MAXIMUM, "many", "60", "Enter a whole number of days, or nothing."),
        (_MAXIMUM, "4000", "60", "Enter 1 to 3,650 days."),
        (_DEFAULT, "90", "30", "The default is at most the maximum."),
        ("Networks", "nowhere", "", "Entry 1 is no network"),
        ("Binds existing tokens from", "", _day(20), "Choose a date."),
        ("Binds existing tokens from", _day(400), _day(20), "Choose an instant in the next 365"),
    ):
        page.get_by_label(field).fill(wrong)
        button(page, "Preview").click()
        expect(page.get_by_role("alert")).to_contain_text(sentence)
        expect(page.get_by_label(field)).to_have_attribute("aria-invalid", "true")
        expect(_preview(page)).to_have_count(0)
        page.get_by_label(field).fill(right)
    # Leaving would lose the typed text.
    page.get_by_role("link", name="Admins").click()
    button(dialog(page, "Leave without saving?"), "Stay here").click()
    expect(page.get_by_label(_MAXIMUM)).to_have_value("60")


def test_a_policy_is_previewed_and_set_as_previewed(visitor: Visitor, script: Script) -> None:
    page, preview = visitor.page, _preview(visitor.page)
    page.get_by_label("Pause after days without use").fill("7")
    _see_the_preview(page)
    # Another value makes it out of date.
    page.get_by_label(_MAXIMUM).fill("90")
    expect(preview).to_have_count(0)
    page.get_by_label(_MAXIMUM).fill("60")
    button(page, "Preview").click()
    # Meanwhile another admin adds a token, which this preview has not told of.
    expect(preview).to_contain_text("27 tokens without expiry get one.")
    script.create_token("Of late", _TAGS, isOwnedByOrganisation=True)
    button(preview, "Set policy").click()
    expect(preview.get_by_role("alert")).to_contain_text("has changed since the preview. Nothing")
    expect(preview).to_contain_text("28 tokens without expiry get one.")
    assert _policy(script)["maximumLifetimeDays"] is None
    button(preview, "Set policy").click()
    expect(page.locator(".status-line")).to_have_text("The token policy was set.")
    expect(preview).to_have_count(0)
    expect(page.get_by_role("heading", name="Token policy")).to_be_focused()
    for words in ("60 days", "30 days", "After 7 days", "Binds tokens that existed", "by Ada Love"):
        expect(_present(page)).to_contain_text(words)
    assert _policy(script) == {
        "maximumLifetimeDays": 60,
        "defaultLifetimeDays": 30,
        "pauseUnusedAfterDays": 7,
        "networks": [],
    }
    # A saved value is no unsaved change.
    page.get_by_role("link", name="API tokens").first.click()
    page.get_by_role("columnheader", name="Expires").get_by_role("button").click()
    # No token is without expiry any more.
    expect(page.locator(".expires time")).to_have_count(25)
    expect(page.locator(".expires .quiet")).to_have_count(0)
    page.get_by_role("link", name="Activity").click()
    expect(page.get_by_role("listitem").filter(has_text="policy").first).to_be_visible()
    assert visitor.seen == Watch()


def _see_the_preview(page: Page) -> None:
    button(page, "Preview").press("Enter")
    preview = _preview(page)
    expect(preview.get_by_role("heading")).to_be_focused()
    for sentence in ("27 tokens without expiry get one.", "1 token ends earlier."):
        expect(preview).to_contain_text(sentence)
    expect(preview).to_contain_text("28 tokens are paused on")
    expect(preview.get_by_role("row")).to_have_count(26)
    expect(row(page, "Job 00")).to_contain_text("Never")
    button(preview, "Load more").click()
    expect(preview.get_by_role("row")).to_have_count(29)
    expect(row(page, "Long-lived")).to_contain_text(str((datetime.now(UTC)).year + 1))


def _policy(script: Script) -> dict[str, object]:
    values = "maximumLifetimeDays defaultLifetimeDays pauseUnusedAfterDays networks"
    found = script.run(f"{{ tenant {{ tokenPolicy {{ {values} }} }} }}")["tenant"]["tokenPolicy"]
    assert isinstance(found, dict)
    return found


def test_the_forms_of_tokens_offer_what_the_policy_allows(visitor: Visitor) -> None:
    page = visitor.open().page
    button(page, "Add token").click()
    form = dialog(page, "Add token")
    expires = form.get_by_label("Expires", exact=True)
    expect(expires).to_have_value("30")
    options = ["In 7 days", "In 30 days", "In 60 days", "On a date"]
    expect(expires.locator("option")).to_have_text(options)
    expect(form).to_contain_text("The token policy allows at most 60 days.")
    # The most, which the server judges by its own clock.
    expires.select_option("In 60 days")
    form.get_by_label("Name", exact=True).fill("As long as can be")
    button(form, "Create").click()
    button(dialog(page, "Copy your token"), "Next").click()
    button(page, "Skip").click()
    expect(row(page, "As long as can be")).not_to_contain_text("Ends in")
    button(page, "Actions for As long as can be").click()
    button(page, "View").click()
    conditions = page.get_by_role("region", name="Conditions")
    button(conditions, "Edit expiry").click()
    form = dialog(page, "Edit expiry")
    form.get_by_label("Expires", exact=True).select_option("On a date")
    form.get_by_label("Last day").fill(_day(61))
    button(form, "Save").click()
    expect(form).to_have_count(0)
    button(conditions, "Edit expiry").click()
    form.get_by_label("Expires", exact=True).select_option("In 7 days")
    button(form, "Save").click()
    expect(conditions).to_contain_text("Ends in 7 days")
    # Whether the holder may rotate is another condition.
    expect(conditions).to_contain_text("Holder may rotateNo")
    button(conditions, "Edit rotation by the holder").click()
    form = dialog(page, "Rotation by the holder")
    form.get_by_role("checkbox", name="Its holder may rotate the secret").check()
    button(form, "Save").click()
    expect(conditions).to_contain_text("Holder may rotateYes")


def test_networks_bind_at_once(visitor: Visitor, script: Script) -> None:
    secret = script.create_token("Called", _TAGS)["secret"]
    assert script.call_api(secret, "/api/v1/tags", address="203.0.113.7") == 200
    page = visitor.open("/policy").page
    page.get_by_label("Networks").fill("198.51.100.0/24")
    button(page, "Preview").click()
    expect(_preview(page)).to_contain_text(
        "from other addresses than these are refused at once: 198"
    )
    button(_preview(page), "Set policy").click()
    expect(_present(page)).to_contain_text("198.51.100.0/24")
    assert script.call_api(secret, "/api/v1/tags", address="203.0.113.7") == 403
    assert script.call_api(secret, "/api/v1/tags", address="198.51.100.7") == 200
    page.get_by_role("link", name="API tokens").first.click()
    page.get_by_role("link", name="Called").click()
    page.get_by_role("link", name="The token policy’s networks bind too").click()
    expect(page).to_have_url(f"{visitor.url}/policy")
    page.get_by_label("Networks").fill("")
    button(page, "Preview").click()
    expect(_preview(page)).to_contain_text("The policy refuses no address any more.")


def test_others_than_the_owner_read_the_policy(
    chromium: Browser, site: Site, script: Script
) -> None:
    script.add_admin(AUDITOR, "Alan Turing", "AUDITOR")
    for email in (COLLEAGUE, AUDITOR):
        with visiting(chromium, site) as someone:
            page = someone.open("/policy", email).page
            expect(_present(page)).to_contain_text("60 days")
            expect(page.get_by_text("Only the owner changes the policy.")).to_be_visible()
            expect(page.get_by_role("textbox")).to_have_count(0)
            assert someone.seen == Watch()
