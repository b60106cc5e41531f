"""The permission grid by keyboard, folded by category, and of an API with many endpoints.

One server, whose document has 24 categories of 50 endpoints, for all tests.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import Watch
from tests.support.console_page import button
from tests.support.process import ServerProcess
from tests.support.visitor import EMAIL, TENANT, Script, Site, Visitor, add_tenant, visiting

_CATEGORIES, _PATHS = 24, 25
_HELD = "GET /api/v1/kind-3/7"


def _document() -> str:
    """Each path is read and deleted: 50 endpoints a category."""
    paths = {
        f"/api/v1/kind-{kind}/{path}": {
            method: {"summary": f"{verb} kind {kind} number {path}", "tags": [f"Kind {kind}"]}
            for method, verb in (("get", "Get"), ("delete", "Delete"))
        }
        for kind in range(_CATEGORIES)
        for path in range(_PATHS)
    }
    return json.dumps({"openapi": "3.1.0", "info": {"title": "Large"}, "paths": paths})


@pytest.fixture(scope="module")
def site(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("grid")
    (folder / "api.json").write_text(_document())
    file = folder / "tessera.db"
    file.write_bytes(migrated_file.read_bytes())
    url = f"sqlite://{file}"
    add_tenant(url, TENANT, EMAIL)
    settings = {"TESSERA_API_SPEC": str(folder / "api.json")}
    with ServerProcess(folder, database_url=url, settings=settings) as server:
        yield Site(server)


@pytest.fixture(scope="module")
def visitor(chromium: Browser, site: Site) -> Iterator[Visitor]:
    with visiting(chromium, site, viewport={"width": 1280, "height": 860}) as someone:
        yield someone


def _grid(visitor: Visitor, site: Site, *keys: str) -> Page:
    """The grid of a new token that holds these permissions."""
    made = Script(site).create_token("Large", *keys)
    page = visitor.open(f"/tokens/{made['token']['id']}/edit-permissions").page
    expect(page.get_by_role("heading", name="Permissions of “Large”")).to_be_visible()
    return page


def _category(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def _boxes(page: Page) -> Locator:
    return page.locator(".choice input")


def test_many_endpoints_are_folded_until_they_are_looked_for(visitor: Visitor, site: Site) -> None:
    page = _grid(visitor, site, _HELD)
    expect(page.locator(".category")).to_have_count(_CATEGORIES)
    expect(_boxes(page)).to_have_count(0)
    expect(_category(page, "Kind 3")).to_contain_text("1 of 50")
    fold = button(page, "Permissions in Kind 3")
    expect(fold).to_have_attribute("aria-expanded", "false")
    fold.click()
    expect(_boxes(page)).to_have_count(50)
    fold.click()
    expect(_boxes(page)).to_have_count(0)
    page.get_by_label("Search by name, method, path or category").fill("delete kind-5")
    expect(_boxes(page)).to_have_count(25)
    page.get_by_label("Search by name, method, path or category").fill("")
    expect(_boxes(page)).to_have_count(0)
    button(page, "Unfold all").click()
    expect(_boxes(page)).to_have_count(_CATEGORIES * _PATHS * 2)
    button(page, "Fold all").click()
    expect(_boxes(page)).to_have_count(0)
    assert visitor.seen == Watch()


def test_a_category_is_set_to_none_reading_or_all(visitor: Visitor, site: Site) -> None:
    page = _grid(visitor, site, _HELD)
    kind, summary = _category(page, "Kind 3"), page.get_by_role("region", name="Changes")
    for level, count, told in (
        ("Read Kind 3", "25 of 50", "24 permissions will be granted"),
        ("All of Kind 3", "50 of 50", "49 permissions will be granted"),
        ("None of Kind 3", "0 of 50", "1 permission will be withdrawn"),
    ):
        button(kind, level).click()
        expect(kind).to_contain_text(count)
        expect(summary).to_contain_text(told)
    # The difference before saving: the changed endpoints alone, each with its change.
    button(_category(page, "Kind 0"), "Permissions in Kind 0").click()
    page.get_by_role("checkbox", name="Get kind 0 number 1 /").check()
    page.get_by_role("checkbox", name="Only changes").check()
    expect(page.locator(".choice")).to_have_count(2)
    expect(page.locator(".choice.granted")).to_contain_text("+ will be granted")
    expect(page.locator(".choice.withdrawn")).to_contain_text("− will be withdrawn")
    page.get_by_role("checkbox", name="Only changes").uncheck()
    expect(page.locator(".category")).to_have_count(_CATEGORIES)


def test_a_category_is_one_tab_stop_and_arrows_move_in_it(visitor: Visitor, site: Site) -> None:
    page = _grid(visitor, site)
    first, second = _category(page, "Kind 0"), _category(page, "Kind 1")
    fold = button(first, "Permissions in Kind 0")
    fold.focus()
    page.keyboard.press("Enter")
    expect(first.locator(".choice")).to_have_count(50)
    page.keyboard.press("ArrowDown")
    box = first.locator(".choice input").first
    expect(box).to_be_focused()
    page.keyboard.press("Space")
    expect(box).to_be_checked()
    page.keyboard.press("ArrowDown")
    expect(first.locator(".choice input").nth(1)).to_be_focused()
    page.keyboard.press("Home")
    expect(fold).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(button(first, "None of Kind 0")).to_be_focused()
    page.keyboard.press("End")
    expect(first.locator(".choice input").last).to_be_focused()
    # The category's stop is where one was, and the next Tab leaves it.
    page.keyboard.press("Tab")
    expect(button(second, "Permissions in Kind 1")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(first.locator(".choice input").last).to_be_focused()
