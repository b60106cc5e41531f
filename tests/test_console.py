"""The console as people use it: by visible names and roles, before a real server process.

No page asks another host for anything, breaks its Content-Security-Policy or writes an error to
the console. How every state looks to axe-core is in `test_console_accessibility`.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, Response, Route, expect

from tests.support.browser import Watch
from tests.support.console_page import (
    button,
    choose,
    dialog,
    everything_kept,
    held,
    read_secret,
    row,
)
from tests.support.console_states import AUDITOR, COLLEAGUE, settle
from tests.support.visitor import PASSWORD, Script, Site, Visitor, serving, visiting
from tests.support.waiting import wait_until

_CLIPBOARD = ["clipboard-read", "clipboard-write"]
_GRANTED = ["GET /api/v1/blueprints", "GET /api/v1/devices"]
_FIRST_LOAD = 150_000


@pytest.fixture
def visitor(chromium: Browser, site: Site) -> Iterator[Visitor]:
    with visiting(chromium, site) as someone:
        yield someone


# The whole flow


def test_the_documented_flow(chromium: Browser, tmp_path: Path, postgres_url: str) -> None:
    """On PostgreSQL; the other tests here use the console on SQLite."""
    with (
        serving(tmp_path, postgres_url) as site,
        visiting(chromium, site, permissions=_CLIPBOARD, timezone_id="Asia/Tokyo") as visitor,
    ):
        page = visitor.page
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        _sign_in(visitor)
        secret = _add_the_first_token(page)
        _grant(page)
        assert secret not in everything_kept(visitor, site, said)
        _see_the_api_url(page)
        _view_and_edit(page)
        _use_it(visitor, Script(site), secret)
        _rename_and_revoke(page)
        assert secret not in everything_kept(visitor, site, said)
        _invite_and_remove(chromium, site, visitor)
        button(page, "Account: Ada Lovelace Owner").click()
        button(page, "Sign out").click()
        expect(page).to_have_url(f"{site.url}/sign-in")
        assert visitor.seen == Watch()


def _sign_in(visitor: Visitor) -> None:
    visitor.page.goto(visitor.url)
    expect(visitor.page.get_by_role("heading", name="Sign in")).to_be_visible()
    visitor.sign_in()
    expect(visitor.page.get_by_role("heading", name="API tokens", exact=True)).to_be_visible()


def _add_the_first_token(page: Page) -> str:
    expect(page.get_by_role("heading", name="No API tokens yet")).to_be_visible()
    expect(page.get_by_text("API URL")).to_have_count(0)
    button(page, "Add your first token").click()
    form = dialog(page, "Add token")
    button(form, "Create").click()
    expect(form.get_by_role("alert")).to_have_text("Enter a name.")
    form.get_by_label("Name", exact=True).fill("Inventory sync")
    form.get_by_label("Description").fill("Nightly export")
    # Nothing closes the dialog while its request is pending.
    with held(page, "createToken(input") as answers:
        button(form, "Create").click()
        expect(button(form, "Creating…")).to_be_focused()
        page.keyboard.press("Escape")
        page.mouse.click(5, 5)
        page.keyboard.press("Enter")
        expect(button(form, "Cancel")).to_be_disabled()
    assert len(answers) == 1
    shown = dialog(page, "Copy your token")
    expect(shown).to_contain_text("it will not be shown again")
    assert "tsr_" not in page.content()
    _dismiss_in_vain(page, shown)
    secret = _copy_the_secret(page, shown)
    button(shown, "Next").click()
    return secret


def _dismiss_in_vain(page: Page, shown: Locator) -> None:
    """Neither Escape, however often, nor a click outside closes the dialog with the secret."""
    dismissals: list[Callable[[], None]] = [
        lambda: page.keyboard.press("Escape"),
        lambda: page.mouse.click(5, 5),
    ]
    for dismiss in dismissals:
        for _ in range(3):
            dismiss()
        expect(shown.get_by_role("alertdialog")).to_contain_text("Close now?")
        button(shown, "Keep it open").click()
        expect(shown.get_by_role("alertdialog")).to_have_count(0)
        expect(button(shown, "Next")).to_be_focused()


def _copy_the_secret(page: Page, shown: Locator) -> str:
    button(shown, "Show token").click()
    secret = read_secret(shown, "Token", r"^tsr_[0-9A-Za-z]{49}$")
    button(shown, "Hide token").click()
    assert "tsr_" not in page.content()
    button(shown, "Copy Token").click()
    expect(button(shown, "Copied")).to_be_visible()
    assert page.evaluate("() => navigator.clipboard.readText()") == secret
    page.evaluate("() => navigator.clipboard.writeText('')")
    return secret


def _grant(page: Page) -> None:
    asked = dialog(page, "Choose permissions?")
    expect(button(asked, "Skip")).to_be_visible()
    button(asked, "Configure").click()
    expect(page.get_by_role("heading", name="Permissions of “Inventory sync”")).to_be_visible()
    category = page.get_by_role("checkbox", name="Blueprints", exact=True)
    summary = page.get_by_role("region", name="Changes")
    expect(button(summary, "Save")).to_be_disabled()
    category.check()
    expect(summary).to_contain_text("9 permissions will be granted")
    page.get_by_role("checkbox", name="Delete Blueprint").uncheck()
    expect(category).to_have_js_property("indeterminate", True)
    category.click()
    category.click()
    expect(summary).to_contain_text("No changes.")
    page.get_by_role("checkbox", name="Delete Blueprint").check()
    button(page, "Add all read-only").click()
    # Adds to the selection, and leaves out permissions that are marked as sensitive.
    expect(page.get_by_role("checkbox", name="Delete Blueprint")).to_be_checked()
    expect(page.get_by_role("checkbox", name="Get Unlock Pin")).not_to_be_checked()
    expect(page.get_by_text("4 sensitive permissions are left out")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Get Blueprint", exact=False).first).to_be_checked()
    button(page, "None").click()
    for words, name in (("list get blueprints", "List Blueprints"), ("v1/devices", "List Devices")):
        page.get_by_label("Search by name, method, path or category").fill(words)
        page.get_by_role("checkbox", name=name).check()
    page.get_by_label("Search by name, method, path or category").fill("")
    page.get_by_role("checkbox", name="Only selected").check()
    expect(page.locator(".choice")).to_have_count(2)
    # One that is unchecked stays, to be checked again.
    page.get_by_role("checkbox", name="List Devices").uncheck()
    expect(summary).to_contain_text("1 permission will be granted")
    page.get_by_role("checkbox", name="List Devices").check()
    summary.get_by_text("2 permissions will be granted").click()
    expect(summary).to_contain_text("/api/v1/blueprints")
    # Choices are disabled while saving, and a second click sends no second request.
    with held(page, "editPermissions(input") as answers:
        button(summary, "Save").click()
        button(summary, "Saving…").click(force=True)
        expect(page.locator(".grid")).to_have_js_property("inert", True)
    assert len(answers) == 1
    expect(page.get_by_role("heading", name="Permissions (2)")).to_be_visible()


def _see_the_api_url(page: Page) -> None:
    page.get_by_role("link", name="API tokens").first.click()
    url = page.get_by_role("region", name="Your organisation’s API URL")
    expect(url).to_contain_text("https://acme.api.us.example.com")
    button(url, "Copy URL").click()
    expect(button(url, "Copied")).to_be_visible()
    assert (
        page.evaluate("() => navigator.clipboard.readText()") == "https://acme.api.us.example.com"
    )
    cells = row(page, "Inventory sync").get_by_role("cell")
    for column, shown in ((1, "2"), (2, "Ada Lovelace"), (4, "Never"), (5, "Never")):
        expect(cells.nth(column)).to_have_text(shown)
    expect(row(page, "Inventory sync")).to_contain_text("Nightly export")


def _view_and_edit(page: Page) -> None:
    choose(page, "Inventory sync", "View")
    expect(page.get_by_role("heading", name="Inventory sync")).to_be_visible()
    button(page, "Edit").click()
    form = dialog(page, "Edit token")
    form.get_by_label("Description").fill("Hourly export")
    button(form, "Save").click()
    expect(form).to_have_count(0)
    expect(page.get_by_text("Hourly export")).to_be_visible()
    page.get_by_role("link", name="Activity").last.click()
    entries = page.locator(".activity > li")
    expect(entries).to_have_count(3)
    expect(entries.nth(0)).to_contain_text("Ada Lovelace changed the description")
    expect(entries.nth(0)).to_contain_text("Nightly export")
    # How many is said once, above their list.
    expect(entries.nth(1)).to_contain_text("edited the permissions")
    expect(entries.nth(1).get_by_text("2 permissions granted")).to_have_count(1)
    expect(entries.nth(1)).not_to_contain_text("withdrawn")
    expect(entries.nth(1)).not_to_contain_text("+2")
    expect(entries.nth(1).get_by_text("/api/v1/devices")).to_be_visible()
    expect(entries.nth(2)).to_contain_text("created the token")
    # The reader's own zone; the exact time in UTC on hover.
    when = entries.nth(0).locator("time")
    stated = when.get_attribute("title") or ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ UTC", stated)
    in_tokyo = when.evaluate(
        "(time) => new Intl.DateTimeFormat(navigator.languages, {"
        " timeStyle: 'medium', timeZone: 'Asia/Tokyo' }).format(new Date(time.dateTime))"
    )
    assert re.search(r"\d:\d\d:\d\d", in_tokyo)
    expect(when).to_have_text(re.compile(rf"^(this minute|\d+ minutes? ago), {in_tokyo}$"))
    page.get_by_label("Show", exact=True).select_option("Names changed")
    expect(page.get_by_text("No activity matches these filters.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Show", exact=True)).to_have_value("NAME_CHANGED")


def _use_it(visitor: Visitor, script: Script, secret: str) -> None:
    page = visitor.page
    assert script.call_api(secret, "/api/v1/devices") == 200
    assert script.call_api(secret, "/api/v1/users") == 403
    written = "{ tokens { edges { node { usage { allowed } recentRefusals { reason } } } } }"
    # The decision log is written after a few seconds.
    wait_until(lambda: all(script.run(written)["tokens"]["edges"][0]["node"].values()))
    page.get_by_role("link", name="Usage").click()
    expect(page.get_by_role("heading", name="Latest refusals")).to_be_visible()
    allowed = row(page, "List Devices")
    for column, count in enumerate(["1", "0"]):
        expect(allowed.get_by_role("cell").nth(column)).to_have_text(count)
    # The token itself was read a moment before its usage.
    page.reload()
    refused = row(page, "does not hold this permission")
    expect(refused).to_contain_text("/api/v1/users")
    expect(refused).to_contain_text("203.0.113.7")
    expect(page.get_by_text("from 203.0.113.7")).to_be_visible()


def _rename_and_revoke(page: Page) -> None:
    page.get_by_role("link", name="API tokens").first.click()
    choose(page, "Inventory sync", "Rename")
    form = dialog(page, "Rename token")
    form.get_by_label("Name", exact=True).fill("Inventory sync (EU)")
    button(form, "Save").click()
    expect(row(page, "Inventory sync (EU)")).to_be_visible()
    choose(page, "Inventory sync (EU)", "Revoke")
    asked = dialog(page, "Revoke “Inventory sync (EU)”?")
    expect(asked).to_contain_text("It gives access to 2 endpoints.")
    expect(asked).to_contain_text("from 203.0.113.7")
    expect(button(asked, "Cancel")).to_be_focused()
    button(asked, "Revoke token").click()
    expect(page.get_by_role("heading", name="No live API tokens")).to_be_visible()
    expect(page.get_by_text("https://acme.api.us.example.com")).to_be_visible()
    page.get_by_role("link", name="Activity").click()
    page.get_by_label("Show", exact=True).select_option("Tokens revoked")
    entry = page.get_by_role("listitem").filter(has_text="revoked the token")
    expect(entry).to_have_count(1)
    entry.get_by_role("link", name="Inventory sync (EU)").click()
    expect(page.get_by_text("Revoked", exact=True).first).to_be_visible()
    expect(button(page, "Edit")).to_have_count(0)


def _invite_and_remove(chromium: Browser, site: Site, owner: Visitor) -> None:
    page = owner.page
    page.get_by_role("link", name="Admins").click()
    button(page, "Invite admin").click()
    form = dialog(page, "Invite admin")
    form.get_by_label("E-mail").fill(COLLEAGUE)
    form.get_by_label("Name", exact=True).fill("Grace Hopper")
    button(form, "Invite").click()
    first = _invitation_link(page)
    expect(row(page, "Grace Hopper")).to_contain_text("Invited")
    choose(page, "Grace Hopper", "New invitation link")
    button(page, "Create a new link").click()
    link = _invitation_link(page)
    assert first != link
    assert link not in page.content()
    _change_role(page)
    with visiting(chromium, site) as guest:
        _accept(guest, first, link)
        _add_a_token_as_guest(guest.page)
        # The list was read before that token was created; the confirmation reads it again.
        choose(page, "Grace Hopper", "Remove")
        asked = dialog(page, "Remove Grace Hopper?")
        expect(asked).to_contain_text("1 token will be revoked")
        expect(asked).to_contain_text("Tokens of the organisation stay")
        button(asked, "Remove admin").click()
        expect(page.get_by_text("Grace Hopper was removed: 1 token revoked")).to_be_visible()
        page.get_by_role("link", name="API tokens").first.click()
        expect(page.get_by_text("Grace’s token")).to_have_count(0)
        page.get_by_role("link", name="Activity").click()
        expect(
            page.get_by_text("removed the admin who owned the token, which revoked it")
        ).to_be_visible()
        guest.page.get_by_role("link", name="Admins").click()
        expect(dialog(guest.page, "Your session has ended")).to_be_visible()


def _change_role(page: Page) -> None:
    for role in ("Auditor", "Admin"):
        choose(page, "Grace Hopper", "Change role")
        page.get_by_role("radio", name=role).check()
        expect(dialog(page, "Role of Grace Hopper")).to_contain_text("keeps their tokens")
        button(page, "Save").click()
        expect(row(page, "Grace Hopper").get_by_role("cell").first).to_have_text(role)


def _add_a_token_as_guest(page: Page) -> None:
    button(page, "Add token").or_(button(page, "Add your first token")).click()
    page.get_by_label("Name", exact=True).fill("Grace’s token")
    button(page, "Create").click()
    button(page, "Next").click()
    button(page, "Skip").click()
    expect(row(page, "Grace’s token")).to_be_visible()


def _invitation_link(page: Page) -> str:
    shown = dialog(page, "Send this link")
    expect(shown).to_contain_text("your organisation’s short name: acme")
    button(shown, "Show invitation link").click()
    link = read_secret(shown, "Invitation link", r"/invitation#\S{20,}$")
    button(shown, "Done").click()
    expect(shown).to_have_count(0)
    return link


def _accept(guest: Visitor, outdated: str, link: str) -> None:
    page = guest.page
    page.goto(f"{guest.url}/invitation")
    expect(page.get_by_role("alert")).to_contain_text("has no invitation")
    # Each is out of the address once the page has read it.
    page.goto(outdated)
    expect(page).to_have_url(f"{guest.url}/invitation")
    # Before a password is invented.
    expect(page.get_by_role("heading", name="This invitation cannot be used")).to_be_focused()
    expect(page.get_by_text("Ask for a new one.")).to_be_visible()
    expect(page.get_by_label("Password", exact=True)).to_be_hidden()
    page.goto(link)
    expect(page).to_have_url(f"{guest.url}/invitation")
    for told in ("Acme", COLLEAGUE, guest.site.tenant):
        expect(page.get_by_text(told, exact=True)).to_be_visible()
    submit = button(page, "Set password and sign in")
    page.get_by_label("Password", exact=True).fill("too short")
    submit.click()
    expect(page.get_by_role("alert")).to_contain_text("at least 15 characters")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    submit.click()
    expect(page).to_have_url(f"{guest.url}/")
    _sign_in_by_short_name(guest)


def _sign_in_by_short_name(guest: Visitor) -> None:
    """The console tells it, the browser remembers it, and a link fills it in."""
    page = guest.page
    button(page, "Account: Grace Hopper Admin").click()
    shown = page.get_by_text("Short name, to sign in with").locator("..")
    expect(shown).to_contain_text(guest.site.tenant)
    button(page, "Sign out").click()
    short_name = page.get_by_label("Organisation’s short name")
    expect(short_name).to_have_value(guest.site.tenant)
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.goto(f"{guest.url}/sign-in?tenant=another")
    expect(short_name).to_have_value("another")
    guest.sign_in(email=COLLEAGUE)


# Two admins, and a session that ends


def test_two_admins_who_edit_one_grid_are_told_of_each_other(chromium: Browser, site: Site) -> None:
    owner = Script(site)
    owner.add_admin(COLLEAGUE, "Grace Hopper")
    token_id = owner.create_token("Shared", *_GRANTED)["token"]["id"]
    path = f"/tokens/{token_id}/edit-permissions"
    with visiting(chromium, site) as ada, visiting(chromium, site) as grace:
        ada.open(path)
        grace.open(path, COLLEAGUE)
        for visitor, name in ((ada, "List audit events"), (grace, "Get Tags")):
            visitor.page.get_by_role("checkbox", name=name).check()
        button(grace.page, "Save").click()
        expect(grace.page.get_by_text("Permissions saved.")).to_be_visible()
        # Ada sees Grace's change and continues from it.
        button(ada.page, "Save").click()
        told = dialog(ada.page, "The token has changed")
        expect(told).to_contain_text("Grace Hopper has changed this token")
        told.get_by_text("1 permission granted").click()
        expect(told).to_contain_text("/api/v1/tags")
        button(told, "Start from their version").click()
        expect(ada.page.get_by_role("checkbox", name="Get Tags")).to_be_checked()
        expect(ada.page.get_by_role("checkbox", name="List audit events")).not_to_be_checked()
        expect(button(ada.page, "Save")).to_be_disabled()
        # Another time she keeps her own, and it is saved over Grace's.
        ada.page.get_by_role("checkbox", name="List audit events").check()
        _set_permissions(Script(site, COLLEAGUE), token_id, ["GET /api/v1/users"])
        button(ada.page, "Save").click()
        button(told, "Keep my selection").click()
        summary = ada.page.get_by_role("region", name="Changes")
        expect(summary).to_contain_text("4 permissions will be granted")
        expect(summary).to_contain_text("1 permission will be withdrawn")
        button(summary, "Save").click()
        expect(ada.page.get_by_role("heading", name="Permissions (4)")).to_be_visible()
        # She leaves it all to Grace.
        ada.page.get_by_role("link", name="Admins").click()
        choose(ada.page, "Grace Hopper", "Transfer ownership")
        button(ada.page, "Transfer ownership").last.click()
        expect(row(ada.page, "Grace Hopper")).to_contain_text("Owner")
        expect(button(ada.page, "Account: Ada Lovelace Admin")).to_be_visible()
        assert (ada.seen, grace.seen) == (Watch(), Watch())


def _set_permissions(script: Script, token_id: str, keys: list[str]) -> None:
    script.run(
        """mutation ($id: ID!, $keys: [String!]!) {
            setPermissions(input: { tokenId: $id, permissions: $keys }) { __typename } }""",
        id=token_id,
        keys=keys,
    )


def test_two_admins_who_edit_one_name_are_told_of_each_other(visitor: Visitor, site: Site) -> None:
    script = Script(site)
    token_id = script.create_token("Shared")["token"]["id"]
    page = visitor.open(f"/tokens/{token_id}").page
    button(page, "Edit").click()
    form = dialog(page, "Edit token")
    form.get_by_label("Name", exact=True).fill("Mine")
    script.run(
        """mutation ($id: ID!) { renameToken(input: { tokenId: $id, name: "Theirs" }) {
            __typename } }""",
        id=token_id,
    )
    button(form, "Save").click()
    expect(form.get_by_role("alert")).to_contain_text("Theirs")
    expect(form.get_by_label("Name", exact=True)).to_have_value("Mine")
    form.get_by_label("Description").fill("Mine too")
    # The name is saved and the description is not: nobody else is to blame for that.
    page.route(
        "**/graphql",
        lambda route: (
            route.abort()
            if "describeToken" in (route.request.post_data or "")
            else route.continue_()
        ),
    )
    button(form, "Save").click()
    expect(form.get_by_role("alert")).to_contain_text("cannot be reached")
    page.unroute("**/graphql")
    button(form, "Save").click()
    expect(form).to_have_count(0)
    expect(page.get_by_role("heading", name="Mine", exact=True)).to_be_visible()
    expect(page.get_by_text("Mine too")).to_be_visible()


def test_a_session_that_ends_in_the_middle_loses_nothing(visitor: Visitor) -> None:
    page = visitor.open().page
    button(page, "Add your first token").click()
    page.get_by_label("Name", exact=True).fill("Kept name")
    page.get_by_label("Description").fill("Kept description")
    visitor.end_session()
    button(page, "Create").click()
    asked = dialog(page, "Your session has ended")
    expect(asked).to_contain_text("ada@example.com")
    page.keyboard.press("Escape")
    asked.get_by_label("Password", exact=True).fill("not the right password")
    # The page counts down the waiting time of any answer.
    page.route(
        "**/session",
        lambda route: route.fulfill(status=429, headers={"Retry-After": "2"}, body="{}"),
        times=1,
    )
    button(asked, "Sign in").click()
    expect(asked.get_by_role("alert")).to_contain_text("Too many attempts")
    expect(asked.get_by_role("button", name="Try again in")).to_be_disabled()
    button(asked, "Sign in").click()
    expect(asked.get_by_role("alert")).to_contain_text("wrong")
    _sign_in_again(asked)
    # The request that was refused is made now, once.
    expect(dialog(page, "Copy your token")).to_contain_text("Kept name")
    button(page, "Next").click()
    visitor.end_session()
    button(page, "Configure").click()
    _sign_in_again(asked)
    page.get_by_role("checkbox", name="List Devices /api").check()
    visitor.end_session()
    button(page, "Save").click()
    _sign_in_again(asked)
    expect(page.get_by_role("heading", name="Permissions (1)")).to_be_visible()
    page.get_by_role("link", name="API tokens").first.click()
    expect(row(page, "Kept name")).to_contain_text("Kept description")
    expect(page.get_by_text(visitor.site.api_url)).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(2)


def _sign_in_again(asked: Locator) -> None:
    asked.get_by_label("Password", exact=True).fill(PASSWORD)
    button(asked, "Sign in").click()


def test_a_link_to_a_page_leads_there_through_signing_in(visitor: Visitor, site: Site) -> None:
    token_id = Script(site).create_token("Linked")["token"]["id"]
    for path, heading, title in (
        (f"/tokens/{token_id}/usage", "Linked", "Usage · Linked · Tessera"),
        ("/?search=link", "API tokens", "API tokens · Tessera"),
        ("/activity?kind=CREATED", "Activity", "Activity · Tessera"),
    ):
        visitor.context.clear_cookies()
        page = visitor.page
        page.goto(f"{site.url}{path}")
        visitor.sign_in()
        page.wait_for_url(f"{site.url}{path}")
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        expect(page).to_have_title(title)
        page.reload()
        expect(page).to_have_url(f"{site.url}{path}")
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    page.goto(f"{site.url}/?after=nowhere")
    button(page, "Go to the first page").click()
    expect(row(page, "Linked")).to_be_visible()


# Failures and unsaved changes


def test_an_answer_that_is_lost_makes_no_second_token(visitor: Visitor) -> None:
    page = visitor.open().page
    button(page, "Add your first token").click()
    page.get_by_label("Name", exact=True).fill("Once")

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/graphql", lose_the_answer, times=1)
    button(page, "Create").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Once")
    button(page, "Create").click()
    lost = dialog(page, "The secret did not arrive")
    button(lost, "Revoke it and start again").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Once")
    button(page, "Create").click()
    expect(button(page, "Copy Token")).to_be_visible()
    button(page, "Next").click()
    button(page, "Skip").click()
    expect(row(page, "Once")).to_have_count(1)


def test_offline_page_says_so_and_continues_afterwards(visitor: Visitor, site: Site) -> None:
    Script(site).create_token("Somewhere")
    page = visitor.open().page
    expect(row(page, "Somewhere")).to_be_visible()
    visitor.context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    choose(page, "Somewhere", "Rename")
    page.get_by_label("Name", exact=True).fill("Elsewhere")
    button(page, "Save").click()
    expect(dialog(page, "Rename token").get_by_role("alert")).to_contain_text("cannot be reached")
    visitor.context.set_offline(False)
    expect(page.get_by_text("You are offline.")).to_have_count(0)
    button(page, "Save").click()
    expect(row(page, "Elsewhere")).to_be_visible()
    visitor.context.set_offline(True)
    page.get_by_role("link", name="Activity").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    visitor.context.set_offline(False)
    button(page, "Try again").click()
    expect(page.get_by_text("changed the name")).to_be_visible()


def test_leaving_unsaved_changes_asks_for_confirmation(visitor: Visitor, site: Site) -> None:
    script = Script(site)
    token_id = script.create_token("Half done")["token"]["id"]
    script.create_token("A model", *_GRANTED)
    page = visitor.open().page
    choose(page, "Half done", "Edit permissions")
    button(page, "Copy from another token").click()
    dialog(page, "Copy from another token").get_by_role("button", name="A model").click()
    expect(page.get_by_role("checkbox", name="List Devices /api")).to_be_checked()
    expect(page.get_by_role("checkbox", name="List Blueprints")).to_be_checked()
    editor = f"{site.url}/tokens/{token_id}/edit-permissions"
    for leave in (
        lambda: page.get_by_role("link", name="Admins").click(),
        lambda: page.evaluate("() => history.back()"),
    ):
        leave()
        button(_leaving(page), "Stay here").click()
        expect(page).to_have_url(editor)
        expect(page.get_by_role("checkbox", name="List Devices /api")).to_be_checked()
    _reload_in_vain(page)
    _sign_out_in_vain(visitor)
    expect(page.get_by_role("checkbox", name="List Devices /api")).to_be_checked()
    page.get_by_role("link", name="Admins").click()
    button(_leaving(page), "Leave").click()
    expect(page.get_by_role("heading", name="Admins")).to_be_visible()
    # Saved, there is nothing to ask.
    page.goto(editor)
    page.get_by_role("checkbox", name="List Devices /api").check()
    button(page, "Save").click()
    expect(page).to_have_url(f"{site.url}/tokens/{token_id}")


def _leaving(page: Page) -> Locator:
    return dialog(page, "Leave without saving?")


def _reload_in_vain(page: Page) -> None:
    """The browser asks before it reloads, and is told to stay."""
    questions: list[str] = []

    def stay(question: Dialog) -> None:
        questions.append(question.type)
        question.dismiss()

    page.once("dialog", stay)
    with page.expect_event("dialog"):
        page.evaluate("() => { location.reload(); }")
    assert questions == ["beforeunload"]


def _sign_out_in_vain(visitor: Visitor) -> None:
    """Sign-out asks before it is done, and leaves a page that could not be read again as it is."""
    page = visitor.page
    visitor.context.set_offline(True)
    button(page, "Account: Ada Lovelace Owner").click()
    button(page, "Sign out").click()
    button(_leaving(page), "Leave").click()
    expect(page.get_by_text("Signing out failed.")).to_be_visible()
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(300)
    visitor.context.set_offline(False)


def test_a_token_that_was_revoked_meanwhile_is_said_to_be_gone(
    visitor: Visitor, site: Site
) -> None:
    script = Script(site)
    token_id = script.create_token("Short-lived")["token"]["id"]
    page = visitor.open(f"/tokens/{token_id}/edit-permissions").page
    page.get_by_role("checkbox", name="List Devices /api").check()
    script.run(
        "mutation ($id: ID!) { revokeToken(input: { tokenId: $id }) { __typename } }", id=token_id
    )
    button(page, "Save").click()
    expect(page.get_by_role("alert")).to_contain_text("has been revoked")


# Roles and the keyboard


def test_an_auditor_sees_everything_and_no_button_that_would_fail(
    visitor: Visitor, site: Site
) -> None:
    owner = Script(site)
    owner.add_admin(AUDITOR, "Alan Turing", "AUDITOR")
    token_id = owner.create_token("Watched", *_GRANTED)["token"]["id"]
    page = visitor.open("/", AUDITOR).page
    expect(row(page, "Watched")).to_be_visible()
    changing = page.get_by_role("button", name=re.compile(r"^(Add|Edit|Re|Invite|Change r)"))
    expect(changing).to_have_count(0)
    choose(page, "Watched", "View")
    for tab in ("Permissions", "Activity", "Usage"):
        page.get_by_role("link", name=tab).last.click()
        expect(page.get_by_role("heading", name="Watched")).to_be_visible()
        expect(changing).to_have_count(0)
    page.get_by_role("link", name="Admins").click()
    expect(row(page, "Ada Lovelace")).to_be_visible()
    expect(changing).to_have_count(0)
    expect(page.get_by_role("button", name="Actions for")).to_have_count(0)
    page.goto(f"{site.url}/tokens/{token_id}/edit-permissions")
    expect(page.get_by_text("Your role can view permissions, but not change them.")).to_be_visible()
    page.get_by_role("link", name="View the token").click()
    expect(page.get_by_role("heading", name="Permissions (2)")).to_be_visible()


def test_a_role_that_was_taken_away_is_said_so(visitor: Visitor, site: Site) -> None:
    owner = Script(site)
    admin_id = owner.add_admin(COLLEAGUE, "Grace Hopper")
    owner.create_token("Shared")
    page = visitor.open("/", COLLEAGUE).page
    choose(page, "Shared", "Rename")
    page.get_by_label("Name", exact=True).fill("Mine")
    owner.run(
        """mutation ($id: ID!) { setAdminRole(input: { adminId: $id, role: AUDITOR }) {
            __typename } }""",
        id=admin_id,
    )
    button(page, "Save").click()
    expect(page.get_by_role("alert")).to_have_text("Your role does not allow this.")


def test_everything_works_by_keyboard_and_gives_the_focus_back(
    visitor: Visitor, site: Site
) -> None:
    Script(site).create_token("Reached")
    page = visitor.open().page
    expect(row(page, "Reached")).to_be_visible()
    page.wait_for_function("document.hasFocus()")  # Until then, the browser loses keys.
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(button(page, "Add token")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(button(page, "Add token")).to_be_focused()
    menu = button(page, "Actions for Reached")
    for choice, title in (("Rename", "Rename token"), ("Revoke", "Revoke “Reached”?")):
        menu.focus()
        page.keyboard.press("Enter")
        while not button(page, choice).evaluate("(one) => one === document.activeElement"):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(dialog(page, title)).to_be_visible()
        page.keyboard.press("Escape")
        expect(menu).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    # A removed element cannot have the focus, so the page's heading gets it.
    page.keyboard.press("Enter")
    button(page, "Revoke").press("Enter")
    button(page, "Revoke token").press("Enter")
    expect(page.get_by_role("heading", name="API tokens", exact=True)).to_be_focused()


# Many tokens, and few bytes


def test_pages_of_many_tokens_can_be_turned_and_searched(visitor: Visitor, site: Site) -> None:
    script = Script(site)
    for number in range(60):
        script.create_token(f"Token {number:02}", description=f"of {number % 3}")
    page = visitor.open().page
    expect(page.get_by_role("row")).to_have_count(26)
    expect(row(page, "Token 59")).to_be_visible()
    button(page, "Next").click()
    expect(row(page, "Token 34")).to_be_visible()
    page.reload()
    expect(row(page, "Token 34")).to_be_visible()
    button(page, "Next").click()
    expect(row(page, "Token 00")).to_be_visible()
    expect(button(page, "Next")).to_be_disabled()
    expect(button(page, "Next")).to_be_focused()
    button(page, "Previous").click()
    expect(row(page, "Token 10")).to_be_visible()
    page.go_back()
    expect(row(page, "Token 00")).to_be_visible()
    page.get_by_label("Search tokens").fill("TOKEN 4")
    expect(page.get_by_role("row")).to_have_count(11)
    expect(page).to_have_url(f"{site.url}/?search=TOKEN+4")
    page.get_by_label("Search tokens").fill("no such")
    expect(page.get_by_text("No token matches “no such”.")).to_be_visible()
    button(page, "Clear the search").click()
    expect(page.get_by_role("row")).to_have_count(26)
    expect(page.get_by_label("Search tokens")).to_be_focused()
    page.get_by_role("link", name="Activity").click()
    entries = page.locator(".activity > li")
    expect(entries).to_have_count(25)
    for loaded in (50, 63):
        button(page, "Load more").click()
        expect(entries).to_have_count(loaded)
    # The button is gone, and its focus is not.
    expect(page.get_by_text("Nothing more to load.")).to_be_focused()


def test_a_language_that_no_standard_knows_is_passed_over(visitor: Visitor) -> None:
    visitor.context.add_init_script(
        "Object.defineProperty(navigator, 'languages', { get: () => ['en-US@posix', 'de-DE'] })"
    )
    page = visitor.open().page
    settle(page)
    expect(page.get_by_role("heading", name="API tokens").first).to_be_visible()


def test_the_first_load_is_small(visitor: Visitor) -> None:
    page = visitor.open().page
    settle(page)
    sizes: dict[str, int] = {}

    def note(response: Response) -> None:
        if "/assets/" in response.url:
            assert response.headers["content-encoding"] == "br"
            sizes[response.url] = int(response.headers["content-length"])

    page.on("response", note)
    visitor.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.reload()
    settle(page)
    assert len(sizes) > 3
    assert 50_000 < sum(sizes.values()) < _FIRST_LOAD, sizes


# Where the secret must not be


def test_the_search_finds_a_secret_that_is_still_held(visitor: Visitor, site: Site) -> None:
    visitor.open()
    button(visitor.page, "Add your first token").click()
    visitor.page.get_by_label("Name", exact=True).fill("Held")
    button(visitor.page, "Create").click()
    expect(button(visitor.page, "Copy Token")).to_be_visible()
    # Hidden: in the dialog's state, and not in the page.
    assert "tsr_" not in visitor.page.content()
    assert re.search(r"tsr_[0-9A-Za-z]{49}", everything_kept(visitor, site, []))
