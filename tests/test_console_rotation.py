"""Rotating a token's secret in the console: shown once, picked up, drained, ended and cancelled."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.support.browser import Watch
from tests.support.console_page import button, dialog, everything_kept, read_secret, row
from tests.support.console_states import AUDITOR, COLLEAGUE
from tests.support.visitor import Script, Site, Visitor, visiting
from tests.support.waiting import wait_until

_TARGET = "/api/v1/devices"
_CODE = "x-tessera-code"


@pytest.fixture
def visitor(chromium: Browser, site: Site) -> Iterator[Visitor]:
    with visiting(chromium, site) as someone:
        yield someone


def _note(page: Page) -> Locator:
    return page.get_by_role("region", name="Rotation")


def _rotate(page: Page) -> Locator:
    """The dialog that asks how to rotate."""
    button(page, "Rotate secret").click()
    return dialog(page, "Rotate the secret of")


def _new_secret(page: Page) -> str:
    """The secret that a dialog shows once; closes the dialog."""
    shown = dialog(page, "Copy the new secret")
    assert "tsr_" not in shown.inner_html()
    page.keyboard.press("Escape")
    expect(shown.get_by_role("alertdialog")).to_contain_text("Close now?")
    button(shown, "Keep it open").click()
    button(shown, "Show new secret").click()
    secret = read_secret(shown, "New secret", r"^tsr_[0-9A-Za-z]{49}$")
    button(shown, "Done").click()
    expect(shown).to_have_count(0)
    assert secret not in page.content()
    return secret


def _lose_the_answer(route: Route) -> None:
    route.fetch()
    route.abort()


def test_rotation_from_the_button_to_the_end_of_the_old_secret(
    visitor: Visitor, site: Site
) -> None:
    script = Script(site)
    made = script.create_token("Nightly sync", "GET /api/v1/devices")
    old = made["secret"]
    page = visitor.open(f"/tokens/{made['token']['id']}").page
    form = _rotate(page)
    lifetime = form.get_by_label("Once the new secret is used, the old one ends")
    expect(lifetime.locator("option:checked")).to_have_text("After 10 minutes")
    lifetime.select_option("After 1 hour")
    button(form, "Rotate").click()
    expect(dialog(page, "Copy the new secret")).to_contain_text("and for 1 hour longer")
    new = _new_secret(page)
    assert new not in everything_kept(visitor, site, [])
    pending = f"The new secret ({new[:6]}"
    expect(_note(page)).to_contain_text(pending)
    expect(_note(page)).to_contain_text("has not been used yet. The old one")
    expect(_note(page)).to_contain_text("by Ada Lovelace.")
    _use_both(page, script, old, new)
    _end_the_old_secret(page)
    refused = script.check(old, _TARGET)
    assert (refused.status_code, refused.headers[_CODE]) == (401, "SECRET_RETIRED")
    assert script.call_api(new, _TARGET) == 200
    assert visitor.seen == Watch()


def _use_both(page: Page, script: Script, old: str, new: str) -> None:
    """The page notices by itself that the new secret is used, and who still uses the old one."""
    assert script.call_api(new, _TARGET) == 200
    expect(page.locator(".status-line")).to_contain_text("used for the first time")
    expect(_note(page)).to_contain_text("first used on")
    expect(_note(page)).to_contain_text("from 203.0.113.7.")
    expect(_note(page)).to_contain_text("The old secret has not been used since.")
    expect(button(page, "Cancel rotation")).to_have_count(0)
    assert script.call_api(old, _TARGET, address="198.51.100.9", user_agent="old/1.0") == 200
    caller = row(page, "198.51.100.9")
    expect(caller).to_contain_text("old/1.0")
    expect(_note(page)).to_contain_text("1 caller still used the old secret")


def _end_the_old_secret(page: Page) -> None:
    button(page, "End the old secret now").click()
    asked = dialog(page, "End the old secret now?")
    expect(button(asked, "Cancel")).to_be_focused()
    button(asked, "End the old secret").click()
    expect(page.locator(".status-line")).to_have_text("The old secret has ended.")
    expect(_note(page)).to_have_count(0)
    expect(page.locator("h1")).to_be_focused()


def test_a_rotation_is_cancelled_unless_the_new_secret_was_used_meanwhile(
    visitor: Visitor, site: Site
) -> None:
    script = Script(site)
    made = script.create_token("Nightly sync", "GET /api/v1/devices")
    token_id, old = made["token"]["id"], made["secret"]
    page = visitor.open(f"/tokens/{token_id}").page
    button(_rotate(page), "Rotate").click()
    new = _new_secret(page)
    button(page, "Cancel rotation").click()
    asked = dialog(page, "Cancel the rotation?")
    expect(asked).to_contain_text("is refused from now on, and the old one")
    button(asked, "End the new secret").click()
    expect(_note(page)).to_have_count(0)
    refused = script.check(new, _TARGET)
    assert (refused.status_code, refused.headers[_CODE]) == (401, "SECRET_RETIRED")
    assert script.call_api(old, _TARGET) == 200
    # The next one is used while the question is open: then it cannot be taken back.
    button(_rotate(page), "Rotate").click()
    new = _new_secret(page)
    button(page, "Cancel rotation").click()
    assert script.call_api(new, _TARGET) == 200
    expect(_note(page)).to_contain_text("first used on")
    button(asked, "End the new secret").click()
    expect(asked.get_by_role("alert")).to_contain_text(
        "The token has changed since you opened this."
    )
    expect(asked.get_by_role("alert")).to_contain_text("first used on")
    button(asked, "End the new secret").click()
    expect(asked.get_by_role("alert")).to_contain_text("it cannot be taken back")
    button(asked, "Cancel").click()
    newest = _rotate_once_more(page)
    expect(_note(page)).to_have_count(0)
    assert [script.call_api(one, _TARGET) for one in (old, new, newest)] == [401, 401, 200]


def _rotate_once_more(page: Page) -> str:
    """Another rotation waits for the end of this one, unless the secrets are known to others."""
    form = _rotate(page)
    expect(form).to_contain_text("A rotation is under way: the old secret ends on")
    button(form, "Rotate").click()
    expect(form.get_by_role("alert")).to_contain_text("End it, or wait for its end.")
    form.get_by_role("checkbox", name="The old secret is known to others").check()
    expect(form.get_by_label("the old one ends")).to_be_disabled()
    button(form, "Rotate").click()
    expect(dialog(page, "Copy the new secret")).to_contain_text("is refused from now on")
    return _new_secret(page)


def test_a_lost_answer_and_another_admin_lose_no_secret(visitor: Visitor, site: Site) -> None:
    script = Script(site)
    script.add_admin(COLLEAGUE, "Grace Hopper")
    made = script.create_token("Nightly sync", "GET /api/v1/devices")
    token_id = made["token"]["id"]
    page = visitor.open(f"/tokens/{token_id}").page
    form = _rotate(page)
    page.route("**/graphql", _lose_the_answer, times=1)
    button(form, "Rotate").click()
    expect(form.get_by_role("alert")).to_contain_text("cannot be reached")
    button(form, "Rotate").click()
    first = _new_secret(page)
    # Grace cancels that rotation and begins another, while the dialog is open.
    form = _rotate(page)
    expect(form).to_contain_text("Rotating again ends that one at once")
    colleague = Script(site, COLLEAGUE)
    colleague.change_token("endRotation", token_id, keep="OLD")
    theirs = colleague.rotate_token(token_id, latestBy="2031-01-01T12:00:00Z")
    button(form, "Rotate").click()
    told = form.get_by_role("alert")
    expect(told).to_contain_text("The token has changed since you opened this.")
    expect(told).to_contain_text(theirs[:6])
    button(form, "Cancel").click()
    expect(_note(page)).to_contain_text("The old one ends on 1 Jan 2031")
    expect(_note(page)).to_contain_text("by Grace Hopper.")
    button(_rotate(page), "Rotate").click()
    mine = _new_secret(page)
    secrets = (made["secret"], first, theirs, mine)
    assert [script.call_api(one, _TARGET) for one in secrets] == [200, 401, 401, 200]


def _use_the_new_secret(script: Script, token_id: str, secret: str) -> None:
    """The first use, until it is recorded."""
    assert script.call_api(secret, _TARGET) == 200
    query = "query ($id: ID!) { token(id: $id) { rotation { state } } }"
    pending = {"state": "PENDING"}
    wait_until(lambda: script.run(query, id=token_id)["token"]["rotation"] != pending)


def test_a_first_use_during_an_edit_blames_nobody_and_loses_no_input(
    visitor: Visitor, site: Site
) -> None:
    script = Script(site)
    token_id = script.create_token("Nightly sync", "GET /api/v1/devices")["token"]["id"]
    new = script.rotate_token(token_id, drainSeconds=0)
    page = visitor.open(f"/tokens/{token_id}/edit-permissions").page
    chosen = page.get_by_role("checkbox", name="List audit events")
    chosen.check()
    _use_the_new_secret(script, token_id, new)
    button(page, "Save").click()
    told = dialog(page, "The token has changed")
    expect(told).to_contain_text("The token has changed since you opened this.")
    expect(told).to_contain_text("Its permissions are still the same.")
    expect(told.get_by_role("button")).to_have_text(["Keep my selection"])
    expect(button(told, "Keep my selection")).to_be_focused()
    page.keyboard.press("Enter")
    expect(chosen).to_be_checked()
    button(page, "Save").click()
    expect(page.get_by_role("heading", name="Permissions (2)")).to_be_visible()
    # The same beside a new name.
    new = script.rotate_token(token_id)
    page.reload()
    button(page, "Edit").click()
    form = dialog(page, "Edit token")
    form.get_by_label("Name", exact=True).fill("Hourly sync")
    _use_the_new_secret(script, token_id, new)
    button(form, "Save").click()
    expect(form.get_by_role("alert")).to_contain_text("The token has changed since you opened this")
    expect(form.get_by_label("Name", exact=True)).to_have_value("Hourly sync")
    button(form, "Save").click()
    expect(page.get_by_role("heading", name="Hourly sync", exact=True)).to_be_visible()


def test_an_auditor_sees_a_rotation_and_no_button(visitor: Visitor, site: Site) -> None:
    owner = Script(site)
    owner.add_admin(AUDITOR, "Alan Turing", "AUDITOR")
    token_id = owner.create_token("Watched")["token"]["id"]
    owner.rotate_token(token_id)
    page = visitor.open(f"/tokens/{token_id}", AUDITOR).page
    expect(_note(page)).to_contain_text("has not been used yet")
    expect(_note(page).get_by_role("button")).to_have_count(0)
    expect(button(page, "Rotate secret")).to_have_count(0)
    # Revoking ends both secrets.
    owner.change_token("revokeToken", token_id)
    expect(_note(page)).to_have_count(0)
