"""A token's conditions in the console: chosen, shown, changed, enforced, and recorded."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import Watch
from tests.support.console_page import button, choose, dialog, read_secret, row
from tests.support.console_states import AUDITOR, COLLEAGUE
from tests.support.process import tessera
from tests.support.visitor import Script, Site, Visitor, visiting
from tests.support.waiting import wait_until

_ZONE = "Asia/Tokyo"
_TARGET = "/api/v1/devices"
# Of the cells of the table of tokens.
_OWNER = 2


@pytest.fixture
def visitor(chromium: Browser, site: Site) -> Iterator[Visitor]:
    with visiting(chromium, site, timezone_id=_ZONE) as someone:
        yield someone


def _conditions(page: Page) -> Locator:
    return page.get_by_role("region", name="Conditions")


def _change(page: Page, name: str, title: str) -> Locator:
    """The dialog of a condition, opened by its button."""
    button(_conditions(page), name).click()
    return dialog(page, title)


def test_conditions_from_creation_to_transfer(visitor: Visitor, site: Site) -> None:
    script = Script(site)
    page = visitor.open().page
    secret = _add_with_conditions(page)
    _see_them(page)
    _pause_and_resume(page, script, secret)
    _set_networks(page, script, secret)
    _set_the_limit_and_the_expiry(page)
    _transfer(page, site)
    _read_the_activity(page, site)
    _read_the_refusals(page, script)
    assert visitor.seen == Watch()


def _add_with_conditions(page: Page) -> str:
    """Returns the secret of a token with an expiry, networks and a limit."""
    button(page, "Add your first token").click()
    form = dialog(page, "Add token")
    form.get_by_label("Name", exact=True).fill("Nightly sync")
    expires = form.get_by_label("Expires", exact=True)
    expect(expires).to_have_value("never")
    expires.select_option("In 30 days")
    expect(form.get_by_text("Works until")).to_be_visible()
    expires.select_option("On a date")
    create = button(form, "Create")
    create.click()
    expect(form.get_by_role("alert")).to_have_text("Choose a date.")
    last_day = (datetime.now(ZoneInfo(_ZONE)) + timedelta(days=3)).date()
    form.get_by_label("Last day").fill(last_day.isoformat())
    expect(form.get_by_text("Works until")).to_contain_text(f"{last_day.year}, 23:59 GMT+9")
    form.get_by_text("More", exact=True).click()
    expect(form.get_by_role("radio", name="Me (Ada Lovelace)")).to_be_checked()
    form.get_by_role("checkbox", name="Its holder may rotate the secret").check()
    form.get_by_label("Networks").fill("203.0.113.0/24\nnowhere")
    form.get_by_label("Requests an hour").fill("ten")
    create.click()
    both = [re.compile("^Entry 2 is no network"), re.compile("^Enter a whole number")]
    expect(form.get_by_role("alert")).to_have_text(both)
    form.get_by_label("Requests an hour").fill("1000")
    # A problem opens the closed part of the form.
    form.get_by_text("More", exact=True).click()
    expect(form.get_by_label("Networks")).to_be_hidden()
    create.click()
    expect(form.get_by_role("alert")).to_contain_text("Entry 2 is no network")
    form.get_by_label("Networks").fill("203.0.113.0/24\n2001:db8::/32")
    create.click()
    shown = dialog(page, "Copy your token")
    button(shown, "Show token").click()
    secret = read_secret(shown, "Token", r"^tsr_[0-9A-Za-z]{49}$")
    button(shown, "Next").click()
    button(page, "Skip").click()
    return secret


def _see_them(page: Page) -> None:
    listed = row(page, "Nightly sync")
    expect(listed.get_by_text(re.compile("^Ends in [34] days$"))).to_be_visible()
    expect(listed.get_by_role("cell").nth(_OWNER)).to_have_text("Ada Lovelace")
    choose(page, "Nightly sync", "View")
    for shown in (
        "Active",
        "203.0.113.0/24",
        "2001:db8::/32",
        "1,000 an hour",
        "Ada Lovelace",
        "Holder may rotateYes",
    ):
        expect(_conditions(page)).to_contain_text(shown)


def _pause_and_resume(page: Page, script: Script, secret: str) -> None:
    assert script.call_api(secret, _TARGET) == 403
    asked = _change(page, "Pause", "Pause “Nightly sync”?")
    expect(asked).to_contain_text("are refused until you resume it.")
    expect(button(asked, "Cancel")).to_be_focused()
    button(asked, "Pause token").click()
    expect(page.get_by_text("it has been paused since")).to_contain_text("Resume it")
    expect(button(page, "Resume")).to_be_focused()
    assert script.call_api(secret, _TARGET) == 401
    page.get_by_role("link", name="API tokens").first.click()
    expect(row(page, "Nightly sync").get_by_text("Paused", exact=True)).to_be_visible()
    choose(page, "Nightly sync", "View")
    asked = _change(page, "Resume", "Resume “Nightly sync”?")
    button(asked, "Resume token").click()
    expect(page.get_by_text("it has been paused since")).to_have_count(0)
    assert script.call_api(secret, _TARGET) == 403


def _set_networks(page: Page, script: Script, secret: str) -> None:
    form = _change(page, "Edit networks", "Edit networks")
    expect(form).to_contain_text("from any other address are refused")
    field = form.get_by_label("Networks")
    expect(field).to_have_value("203.0.113.0/24\n2001:db8::/32")
    field.fill("198.51.100.7")
    # Another admin is faster.
    token_id = page.url.rpartition("/")[2]
    script.change_token("setTokenNetworks", token_id, networks=["192.0.2.0/28"])
    button(form, "Save").click()
    told = form.get_by_role("alert")
    expect(told).to_contain_text("The token has changed since you opened this.")
    expect(told).to_contain_text("192.0.2.0/28")
    expect(field).to_have_value("198.51.100.7")
    button(told, "Use these values").click()
    expect(field).to_have_value("192.0.2.0/28")
    field.fill("198.51.100.7")
    button(form, "Save").click()
    expect(form).to_have_count(0)
    expect(_conditions(page)).to_contain_text("198.51.100.7/32")
    assert script.call_api(secret, _TARGET) == 403


def _set_the_limit_and_the_expiry(page: Page) -> None:
    form = _change(page, "Edit rate limit", "Edit rate limit")
    form.get_by_label("Requests an hour").fill("")
    button(form, "Save").click()
    expect(_conditions(page)).to_contain_text("None")
    form = _change(page, "Edit expiry", "Edit expiry")
    expect(form.get_by_label("Expires", exact=True)).to_have_value("unchanged")
    form.get_by_label("Expires", exact=True).select_option("Never")
    expect(form).to_contain_text("Works until it is revoked.")
    button(form, "Save").click()
    expect(_conditions(page)).to_contain_text("Never")


def _transfer(page: Page, site: Site) -> None:
    form = _change(page, "Edit owner", "Transfer token")
    form.get_by_label("Owned by").select_option(f"{site.tenant.title()} (organisation)")
    button(form, "Transfer").click()
    expect(_conditions(page)).to_contain_text(f"{site.tenant.title()} (organisation)")


def _read_the_activity(page: Page, site: Site) -> None:
    page.get_by_role("link", name="Activity").last.click()
    entries = page.locator(".activity > li")
    told = [
        ("transferred the token", "Ada Lovelace", f"{site.tenant.title()} (organisation)"),
        ("changed the expiry", ", 23:59", "Never"),
        ("changed the rate limit", "1,000 an hour", "None"),
        ("changed the networks", "192.0.2.0/28", "198.51.100.7/32"),
        ("changed the networks", "203.0.113.0/24, 2001:db8::/32", "192.0.2.0/28"),
        ("resumed the token", "", ""),
        ("paused the token", "", ""),
        ("created the token", "", ""),
    ]
    expect(entries).to_have_count(len(told))
    for place, (sentence, before, after) in enumerate(told):
        entry = entries.nth(place)
        expect(entry).to_contain_text(f"Ada Lovelace {sentence}")
        if after:
            expect(entry.locator("del")).to_contain_text(before)
            expect(entry.locator("ins")).to_have_text(after)
    page.get_by_label("Show", exact=True).select_option("Tokens paused")
    expect(entries).to_have_count(1)


def _read_the_refusals(page: Page, script: Script) -> None:
    query = "{ tokens { edges { node { recentRefusals { reason } } } } }"

    def reasons() -> set[str]:
        [edge] = script.run(query)["tokens"]["edges"]
        return {one["reason"] for one in edge["node"]["recentRefusals"]}

    # The decision log is written within seconds.
    wait_until(lambda: {"ADDRESS_NOT_ALLOWED", "PAUSED"} <= reasons(), tell=reasons)
    page.get_by_role("link", name="Usage").click()
    expect(page.get_by_role("heading", name="Latest refusals")).to_be_visible()
    expect(row(page, "outside the networks")).to_have_count(1)
    expect(row(page, "The token was paused")).to_have_count(1)


def test_after_a_conflict_the_other_admins_expiry_can_be_kept(visitor: Visitor, site: Site) -> None:
    script = Script(site)
    token_id = script.create_token("Shared")["token"]["id"]
    page = visitor.open(f"/tokens/{token_id}").page
    form = _change(page, "Edit expiry", "Edit expiry")
    expires = form.get_by_label("Expires", exact=True)
    expires.select_option("In 7 days")
    script.change_token("setTokenExpiry", token_id, expiresAt="2031-01-01T00:00:00Z")
    button(form, "Save").click()
    expect(form.get_by_role("alert")).to_contain_text("1 Jan 2031, 09:00 GMT+9")
    expect(expires).to_have_value("7")
    button(form, "Use these values").click()
    expect(expires.locator("option:checked")).to_have_text("1 Jan 2031, 09:00 GMT+9")
    button(form, "Save").click()
    expect(_conditions(page)).to_contain_text("1 Jan 2031")


def test_an_expired_token_says_so_and_is_revived(visitor: Visitor, site: Site) -> None:
    script = Script(site)
    token_id = _expired(script, "Last year’s")
    page = visitor.open().page
    expect(row(page, "Last year’s").get_by_text("Expired", exact=True)).to_be_visible()
    choose(page, "Last year’s", "View")
    expect(page.get_by_text("it expired on")).to_contain_text("Give it a later expiry")
    expect(button(page, "Pause")).to_have_count(0)
    form = _change(page, "Edit expiry", "Edit expiry")
    # Its own expiry is no choice, and a date in the past is refused.
    expect(form.get_by_label("Expires", exact=True)).to_have_value("30")
    form.get_by_label("Expires", exact=True).select_option("On a date")
    form.get_by_label("Last day").fill("2020-01-31")
    button(form, "Save").click()
    expect(form.get_by_role("alert")).to_have_text("Choose an instant in the future.")
    form.get_by_label("Expires", exact=True).select_option("In 7 days")
    button(form, "Save").click()
    expect(_conditions(page)).to_contain_text("Active")
    expect(_conditions(page)).to_contain_text("Ends in 7 days")
    expect(page.get_by_text("it expired on")).to_have_count(0)
    # While a dialog is open, the token is revoked.
    form = _change(page, "Edit owner", "Transfer token")
    script.run(
        "mutation ($id: ID!) { revokeToken(input: { tokenId: $id }) { __typename } }", id=token_id
    )
    button(form, "Transfer").click()
    expect(form.get_by_role("alert")).to_contain_text("has been revoked")
    button(form, "Cancel").click()
    expect(_conditions(page)).to_contain_text("Revoked")
    expect(_conditions(page).get_by_role("button")).to_have_count(0)


def test_an_auditor_sees_conditions_and_whom_to_ask(visitor: Visitor, site: Site) -> None:
    owner = Script(site)
    owner.add_admin(AUDITOR, "Alan Turing", "AUDITOR")
    token_id = _expired(owner, "Watched")
    page = visitor.open(f"/tokens/{token_id}", AUDITOR).page
    expect(page.get_by_text("it expired on")).to_contain_text("Ask an admin")
    expect(_conditions(page)).to_contain_text("Expired")
    expect(_conditions(page).get_by_role("button")).to_have_count(0)
    owner.change_token("setTokenExpiry", token_id, expiresAt=None)
    owner.change_token("pauseToken", token_id)
    page.reload()
    expect(page.get_by_text("it has been paused since")).to_contain_text(
        "Ask an admin to resume it."
    )
    expect(_conditions(page).get_by_role("button")).to_have_count(0)


def test_a_new_token_may_be_the_organisations(visitor: Visitor, site: Site) -> None:
    page = visitor.open().page
    button(page, "Add your first token").click()
    form = dialog(page, "Add token")
    form.get_by_label("Name", exact=True).fill("Of all")
    form.get_by_text("More", exact=True).click()
    form.get_by_role("radio", name=f"{site.tenant.title()} (organisation)").check()
    button(form, "Create").click()
    button(page, "Next").click()
    button(page, "Skip").click()
    expect(row(page, "Of all").get_by_role("cell").nth(_OWNER)).to_have_text(
        f"{site.tenant.title()} (organisation)"
    )


def test_a_token_of_the_organisation_stays_when_its_creator_goes(
    visitor: Visitor, site: Site
) -> None:
    owner = Script(site)
    owner.add_admin(COLLEAGUE, "Grace Hopper")
    colleague = Script(site, COLLEAGUE)
    colleague.create_token("Of all", isOwnedByOrganisation=True)
    colleague.create_token("Of Grace")
    used = colleague.create_token("Label printer", "GET /api/v1/tags")["secret"]
    colleague.call_api(used, "/api/v1/tags", address="203.0.113.9", user_agent="printer/2")
    page = visitor.open("/admins").page
    choose(page, "Grace Hopper", "Remove")
    asked = dialog(page, "Remove Grace Hopper?")
    expect(asked).to_contain_text("2 tokens will be revoked: callers are refused")
    expect(asked).to_contain_text("Tokens of the organisation stay, also those that they created.")
    ours = f"Transfer to {site.tenant.title()} (organisation)"
    asked.get_by_label("Choice for Label printer").select_option(ours)
    expect(asked).to_contain_text("1 token will be revoked")
    expect(asked).to_contain_text("1 token will be transferred, and go on working.")
    # Meanwhile Grace adds a token, which this plan has not shown.
    colleague.create_token("Of late")
    button(asked, "Remove admin").click()
    expect(asked.get_by_role("alert")).to_contain_text("Their tokens have changed meanwhile.")
    expect(row(page, "Of late")).to_contain_text("No calls in the last 30 days")
    expect(asked).to_contain_text("2 tokens will be revoked")
    button(asked, "Remove admin").click()
    expect(page.locator(".status-line")).to_have_text(
        "Grace Hopper was removed: 2 tokens revoked, 1 token transferred."
    )
    page.get_by_role("link", name="API tokens").first.click()
    expect(row(page, "Label printer").get_by_role("cell").nth(_OWNER)).to_have_text(
        f"{site.tenant.title()} (organisation)"
    )
    expect(row(page, "Of late")).to_have_count(0)
    expect(row(page, "Of all").get_by_role("cell").nth(_OWNER)).to_have_text(
        f"{site.tenant.title()} (organisation)"
    )
    expect(row(page, "Of Grace")).to_have_count(0)


def _expired(script: Script, name: str) -> str:
    """The id of a token that has expired."""
    # An instant that has passed before the server reads it would be refused.
    soon = datetime.now(UTC) + timedelta(seconds=3)
    token_id = script.create_token(name, expiresAt=soon.isoformat())["token"]["id"]
    query = "query ($id: ID!) { token(id: $id) { state } }"
    wait_until(lambda: script.run(query, id=token_id)["token"]["state"] == "EXPIRED")
    return str(token_id)


def test_a_pause_at_the_command_line_shows_the_operator(
    visitor: Visitor, site: Site, first_site: tuple[Site, str]
) -> None:
    token = Script(site).create_token("Nightly sync")["token"]["id"]
    page = visitor.open(f"/tokens/{token}").page
    done = tessera("token", "pause", token, "--tenant", site.tenant, database_url=first_site[1])
    assert done.returncode == 0, done.stderr
    page.reload()
    expect(page.get_by_text("Paused", exact=True).first).to_be_visible()
    page.get_by_role("link", name="Activity").last.click()
    entry = page.get_by_role("listitem").filter(has_text="paused the token")
    expect(entry).to_contain_text(re.compile(r"The operator \(.+\) paused the token"))
    assert visitor.seen == Watch()
