"""The audit trail in the console: days, filters kept in the address, files; and own sessions."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.console_page import button, dialog, row
from tests.support.console_states import COLLEAGUE
from tests.support.visitor import Script, Site, Visitor, visiting

_PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
    " Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def visitor(chromium: Browser, site: Site) -> Iterator[Visitor]:
    with visiting(chromium, site, timezone_id="Asia/Tokyo") as someone:
        yield someone


def _download(page: Page, name: str) -> str:
    with page.expect_download() as under_way:
        page.get_by_role("link", name=name, exact=True).click()
    return Path(under_way.value.path()).read_text(encoding="utf-8-sig")


def test_filters_are_kept_in_the_address_and_in_the_files(visitor: Visitor, site: Site) -> None:
    script = Script(site)
    colleague_id = script.add_admin(COLLEAGUE, "Grace Hopper")
    first = script.create_token("First")["token"]["id"]
    Script(site, COLLEAGUE).create_token("Second")
    script.change_token("renameToken", first, name="Renamed")
    page = visitor.open("/activity").page
    entries = page.locator(".activity > li")
    expect(page.get_by_role("heading", name="Today, ")).to_be_visible()
    # The latest is the visitor's own sign-in.
    expect(entries.nth(1)).to_contain_text("changed the name · Renamed")
    expect(entries.nth(1).locator("del")).to_have_text("First")
    expect(entries.nth(1).locator("ins")).to_have_text("Renamed")
    page.get_by_label("Show").select_option("Everything of tokens")
    expect(entries).to_have_count(3)
    page.get_by_label("By", exact=True).select_option("Grace Hopper")
    expect(entries).to_have_count(1)
    expect(entries).to_contain_text("Grace Hopper created the token · Second")
    page.reload()
    expect(entries).to_have_count(1)
    asked = urlencode({"kind": "tokens", "actor": colleague_id})
    expect(page).to_have_url(f"{site.url}/activity?{asked}")
    [record] = csv.DictReader(io.StringIO(_download(page, "CSV")))
    [line] = map(json.loads, _download(page, "NDJSON").splitlines())
    assert (record["kind"], record["subjectName"]) == ("CREATED", "Second")
    assert (line["cursor"], line["subject"]["name"]) == (record["cursor"], "Second")
    button(page, "Clear filters").click()
    expect(page).to_have_url(f"{site.url}/activity")
    page.get_by_label("About").select_option("Grace Hopper")
    expect(entries.first).to_contain_text("signed in")
    page.get_by_label("Until").fill("2026-01-31")
    expect(page.get_by_text("No activity matches these filters.")).to_be_visible()
    _read_one_token(page, site, first)


def _read_one_token(page: Page, site: Site, token_id: str) -> None:
    """From the token's own activity to the whole trail with all filters."""
    page.goto(f"{site.url}/tokens/{token_id}/activity")
    entries = page.locator(".activity > li")
    expect(entries).to_have_count(2)
    page.get_by_role("link", name="More filters").click()
    expect(page.get_by_label("About").locator("option:checked")).to_have_text("Renamed")
    expect(entries).to_have_count(2)


def test_days_are_those_of_the_reader(visitor: Visitor, site: Site) -> None:
    """A day begins at its midnight in Tokyo, 15:00 UTC of the day before, and ends at the next."""
    page = visitor.open("/activity").page
    page.get_by_label("Since").fill("2026-03-10")
    page.get_by_label("Until").fill("2026-03-11")
    expect(page).to_have_url(f"{site.url}/activity?since=2026-03-10&until=2026-03-11")
    asked = {"since": "2026-03-09T15:00:00.000Z", "until": "2026-03-11T15:00:00.000Z"}
    link = page.get_by_role("link", name="NDJSON", exact=True)
    expect(link).to_have_attribute("href", re.compile(rf"\?{re.escape(urlencode(asked))}$"))


def test_signing_out_everywhere_else(visitor: Visitor, site: Site, chromium: Browser) -> None:
    page = visitor.open("/").page
    with visiting(chromium, site, user_agent=_PHONE) as elsewhere:
        elsewhere.open("/")
        page.get_by_role("button", name="Account:").click()
        button(page, "Your sessions").click()
        asked = dialog(page, "Your sessions")
        expect(row(page, "This one")).to_have_count(1)
        expect(row(page, "This one")).to_contain_text("Chrome on Linux")
        expect(row(page, "Safari on iPhone")).to_contain_text("127.0.0.1")
        expect(asked.get_by_role("row")).to_have_count(3)
        button(asked, "Sign out everywhere else").click()
        expect(page.get_by_role("status").filter(has_text="1 other session ended.")).to_be_visible()
        expect(asked).to_have_count(0)
        elsewhere.page.get_by_role("link", name="Activity").click()
        expect(elsewhere.page.get_by_role("heading", name="Your session has ended")).to_be_visible()
    page.get_by_role("link", name="Activity").click()
    expect(page.locator(".activity > li").first).to_contain_text("ended 1 session")
    page.get_by_role("button", name="Account:").click()
    button(page, "Your sessions").click()
    expect(dialog(page, "Your sessions")).to_contain_text("You are signed in nowhere else.")
