"""Trials in the console: started from the grid, watched, enforced and dropped."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import Watch
from tests.support.console_page import button, dialog, row
from tests.support.console_states import AUDITOR, COLLEAGUE
from tests.support.visitor import Script, Site, Visitor, visiting

_DEVICES, _USERS, _TAGS = "GET /api/v1/devices", "GET /api/v1/users", "GET /api/v1/tags"


@pytest.fixture
def visitor(chromium: Browser, site: Site) -> Iterator[Visitor]:
    with visiting(chromium, site) as someone:
        yield someone


def _note(page: Page) -> Locator:
    return page.get_by_role("region", name="Trial")


def test_trial_from_the_grid_to_its_enforcement(visitor: Visitor, site: Site) -> None:
    script = Script(site)
    made = script.create_token("Nightly sync", _DEVICES, _USERS, _TAGS)
    token, secret = made["token"]["id"], made["secret"]
    page = visitor.open(f"/tokens/{token}/edit-permissions").page
    tries = button(page, "Try first: only watch")
    expect(button(page, "Save")).to_be_disabled()
    expect(tries).to_have_count(0)
    for key in (_USERS, _TAGS):
        page.locator("label").filter(has_text=key.partition(" ")[2]).first.click()
    tries.click()
    asked = dialog(page, "Try “Nightly sync” without these permissions?")
    expect(asked).to_contain_text("keeps 2 permissions that you have unticked")
    asked.get_by_label("Duration").select_option("31 days")
    button(asked, "Start trial").click()
    expect(page.locator(".status-line")).to_have_text("The trial has started.")
    # No guard of the unsaved selection: the trial has it.
    expect(_note(page)).to_contain_text("No request would have been denied so far.")
    expect(_note(page)).to_contain_text("(31 days left)")
    for target, address in (
        ("/api/v1/users", "203.0.113.7"),
        ("/api/v1/users", "203.0.113.8"),
        ("/api/v1/devices", "203.0.113.9"),
    ):
        assert script.call_api(secret, target, address=address) == 200
    # The page notices by itself.
    expect(_note(page)).to_contain_text("2 requests would have been denied")
    users = row(page, "/api/v1/users")
    expect(users).to_contain_text("203.0.113.7, inventory-sync/2.1: 1")
    expect(users).to_contain_text("203.0.113.8, inventory-sync/2.1: 1")
    expect(_note(page)).not_to_contain_text("203.0.113.9")
    button(page, "Enforce trial").click()
    sure = dialog(page, "Enforce the trial of “Nightly sync”?")
    expect(button(sure, "Cancel")).to_be_focused()
    expect(sure).to_contain_text("The token loses 2 permissions at once.")
    expect(sure).to_contain_text("During the trial there were 2 requests")
    expect(sure.get_by_text("203.0.113.8, inventory-sync/2.1: 1")).to_be_visible()
    button(sure, "Withdraw permissions").click()
    expect(_note(page)).to_have_count(0)
    expect(page.locator("h1")).to_be_focused()
    expect(page.get_by_role("heading", name="Permissions (1)")).to_be_visible()
    codes = [script.call_api(secret, f"/api/v1/{name}") for name in ("devices", "users", "tags")]
    assert codes == [200, 403, 403]
    page.get_by_role("link", name="Activity").last.click()
    expect(page.get_by_text("started a trial, until")).to_be_visible()
    enforced = "enforced the trial, which would have denied 2 requests"
    expect(page.get_by_text(enforced)).to_be_visible()
    expect(page.get_by_text("1 permission was needed")).to_be_visible()
    assert visitor.seen == Watch()


def test_trial_that_a_colleague_changes_is_shown_anew_before_it_is_enforced(
    visitor: Visitor, site: Site
) -> None:
    script = Script(site)
    script.add_admin(COLLEAGUE, "Grace Hopper")
    colleague = Script(site, COLLEAGUE)
    token = script.create_token("Nightly sync", _DEVICES, _USERS, _TAGS)["token"]["id"]
    script.change_token("startTrial", token, permissions=[_DEVICES])
    page = visitor.open(f"/tokens/{token}").page
    button(page, "Enforce trial").click()
    sure = dialog(page, "Enforce the trial")
    expect(sure).to_contain_text("None of them was used during the trial.")
    colleague.change_token("editPermissions", token, withdraw=[_TAGS])
    button(sure, "Withdraw permissions").click()
    expect(sure).to_contain_text("This is what would be withdrawn now.")
    expect(sure).to_contain_text("The token loses 1 permission at once.")
    colleague.change_token("dropTrial", token)
    button(sure, "Withdraw permissions").click()
    expect(sure.get_by_text("The trial has ended.").first).to_be_visible()
    expect(button(sure, "Withdraw permissions")).to_be_disabled()
    button(sure, "Cancel").click()
    # The grid and a trial that a colleague has started meanwhile.
    page.goto(f"{visitor.url}/tokens/{token}/edit-permissions")
    page.locator("label").filter(has_text="/api/v1/users").first.click()
    colleague.change_token("startTrial", token, permissions=[_DEVICES])
    button(page, "Try first: only watch").click()
    button(page, "Start trial").click()
    button(dialog(page, "The token has changed"), "Keep my selection").click()
    expect(page.get_by_text("A trial of this token is under way.")).to_be_visible()
    expect(button(page, "Try first: only watch")).to_have_count(0)
    expect(button(page, "Save")).to_be_enabled()


def test_auditor_sees_a_trial_and_its_owner_drops_it(
    visitor: Visitor, site: Site, chromium: Browser
) -> None:
    script = Script(site)
    script.add_admin(AUDITOR, "Alan Turing", "AUDITOR")
    token = script.create_token("Nightly sync", _DEVICES, _USERS)["token"]["id"]
    script.change_token("startTrial", token, permissions=[_DEVICES])
    with visiting(chromium, site) as auditor:
        auditor.page.goto(f"{auditor.url}/tokens/{token}")
        auditor.sign_in(email=AUDITOR)
        expect(_note(auditor.page)).to_contain_text("by Ada Lovelace.")
        expect(button(auditor.page, "Enforce trial")).to_have_count(0)
        expect(button(auditor.page, "Drop trial")).to_have_count(0)
    page = visitor.open(f"/tokens/{token}").page
    button(page, "Drop trial").click()
    button(dialog(page, "Drop the trial of “Nightly sync”?"), "Drop").click()
    expect(_note(page)).to_have_count(0)
    expect(page.get_by_role("heading", name="Permissions (2)")).to_be_visible()
    page.get_by_role("link", name="Activity").last.click()
    dropped = "dropped the trial, which would have denied 0 requests"
    expect(page.get_by_text(dropped)).to_be_visible()
