"""A token's page and the ways to it: its use, its first request, copies, links and keys."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

import models
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.browser import Watch
from tests.support.console_page import button, choose, dialog, row
from tests.support.postgres import run_now
from tests.support.visitor import Script, Site, Visitor, visiting

_DEVICES, _TAGS = "GET /api/v1/devices", "GET /api/v1/tags"


@pytest.fixture
def visitor(chromium: Browser, site: Site) -> Iterator[Visitor]:
    with visiting(chromium, site, viewport={"width": 1280, "height": 860}) as someone:
        yield someone


async def _use(url: str, name: str) -> None:
    """Calls of today and of 29 and 30 days ago."""
    async with running_service(settings_for(url)):
        token = await models.Token.get(name=name)
        for days, allowed, denied in ((0, 1_000, 30), (29, 200, 6), (30, 5_000, 0)):
            at = models.now() - timedelta(days=days)
            await models.TokenUse.create(
                tenant_id=token.tenant_id, token_id=token.id, key=_DEVICES, day=at.date(),
                allowed=allowed, denied=denied, first_used_at=at, last_used_at=at,
            )  # fmt: skip


def test_use_is_told_in_words_and_in_a_table(
    visitor: Visitor, first_site: tuple[Site, str], site: Site
) -> None:
    name = f"Used of {site.tenant}"
    made = Script(site).create_token(name, _DEVICES)
    run_now(_use(first_site[1], name))
    page = visitor.open(f"/tokens/{made['token']['id']}").page
    use = page.get_by_role("region", name="Use", exact=True)
    expect(use).to_contain_text("1,236 calls in 30 days, 3% refused.")
    expect(use.locator(".use-chart g")).to_have_count(30)
    use.get_by_text("By day").click()
    days = use.get_by_role("row")
    expect(days).to_have_count(3)
    expect(days.nth(1)).to_contain_text("1,000")
    expect(days.nth(2)).to_contain_text("200")
    # The actions stay in sight.
    page.evaluate("() => scrollTo(0, 0)")
    page.set_viewport_size({"width": 1280, "height": 500})
    for action in ("Revoke", "Rotate secret", "Edit"):
        expect(button(page, action)).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("link", name="Edit permissions")).to_be_in_viewport(ratio=1)
    assert visitor.seen == Watch()


def test_a_new_token_comes_with_its_first_request(visitor: Visitor, site: Site) -> None:
    page = visitor.open(f"/?add-token=Nightly+export&grant={_DEVICES}&grant={_TAGS}").page
    form = dialog(page, "Add token")
    expect(form.get_by_label("Name", exact=True)).to_have_value("Nightly export")
    for key in (_TAGS, _DEVICES):
        expect(form.get_by_text(key)).to_be_visible()
    button(form, "Create").click()
    shown = dialog(page, "Copy your token")
    command = f"curl -H \"Authorization: Bearer $TOKEN\" '{site.api_url}/api/v1/devices'"
    expect(shown).to_contain_text(command)
    # Copying comes first.
    expect(button(shown, "Copy Token")).to_have_class("button primary")
    expect(button(shown, "Next")).to_have_class("button")
    button(shown, "Show token").click()
    expect(button(shown, "Next")).to_have_class("button primary")
    expect(shown.locator(".primary")).to_have_count(1)
    button(shown, "Next").click()
    button(page, "Skip").click()
    # A reload does not ask again.
    expect(page).to_have_url(f"{site.url}/")
    page.get_by_role("link", name="Nightly export", exact=True).click()
    expect(page.get_by_text(command)).to_be_visible()
    expect(page.get_by_role("heading", name="Permissions (2)")).to_be_visible()


def test_a_link_with_a_permission_that_does_not_exist_says_so(visitor: Visitor) -> None:
    page = visitor.open("/?add-token=Wrong&grant=GET+/nowhere").page
    form = dialog(page, "Add token")
    button(form, "Create").click()
    expect(form.get_by_role("alert")).to_contain_text("GET /nowhere")
    button(form, "Without these permissions").click()
    button(form, "Create").click()
    expect(dialog(page, "Copy your token")).to_be_visible()


def test_a_token_is_duplicated(visitor: Visitor, site: Site) -> None:
    script = Script(site)
    made = script.create_token(
        "First", _DEVICES, description="Reads", networks=["203.0.113.0/24"], requestsPerHour=50
    )
    page = visitor.open().page
    choose(page, "First", "Duplicate")
    form = dialog(page, "Add token")
    expect(form.get_by_label("Name", exact=True)).to_have_value("Copy of First")
    button(form, "Create").click()
    expect(dialog(page, "Copy your token")).to_be_visible()
    query = """{ tokens { edges { node {
        id name description networks requestsPerHour permissions { key } } } } }"""
    copy, first = [edge["node"] for edge in script.run(query)["tokens"]["edges"]]
    assert copy.pop("id") != first.pop("id") == made["token"]["id"]
    assert copy | {"name": "First"} == first
    assert copy["name"] == "Copy of First"


def _type(page: Page, key: str) -> None:
    page.locator("main h1").click()
    page.keyboard.press(key)


def test_keys_search_and_list_themselves_unless_switched_off(visitor: Visitor, site: Site) -> None:
    Script(site).create_token("Reached")
    page = visitor.open("/admins").page
    expect(page.get_by_role("heading", name="Admins")).to_be_visible()
    _type(page, "/")
    box = page.get_by_label("Search tokens")
    expect(box).to_be_focused()
    page.keyboard.type("re/?")
    expect(box).to_have_value("re/?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    box.fill("")
    expect(row(page, "Reached")).to_be_visible()
    _type(page, "?")
    keys = dialog(page, "Keys")
    keys.get_by_label("Use / and ? as keys").uncheck()
    button(keys, "Close").click()
    page.reload()
    expect(row(page, "Reached")).to_be_visible()
    _type(page, "?")
    _type(page, "/")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_label("Search tokens")).not_to_be_focused()
    button(page, "Account: Ada Lovelace Owner").click()
    button(page, "Keys").click()
    dialog(page, "Keys").get_by_label("Use / and ? as keys").check()
    expect(page).to_have_url(re.compile(r"/$"))
