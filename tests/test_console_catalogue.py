"""API changes and recipes in the console: noticed, read, dismissed, followed and compared.

One tenant and one sign-in for all tests, in this order.
"""

from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import models
from server.access.principal import Operator
from server.catalogue import Catalogue
from server.catalogue.reader import catalogue_of
from server.database import transaction
from server.jobs import catalogue_changes
from server.operations import catalogue_versions
from server.starting import running_service
from tests.conftest import settings_for
from tests.support import node
from tests.support.accessibility import AXE, overflowing, violations
from tests.support.console_page import button, dialog
from tests.support.postgres import run_now
from tests.support.visitor import Script, Site, Visitor, serving, visiting

_OLD = "GET /api/v1/old-devices"
_END = object()
_SAAS = "1Password SaaS Manager"


def _before() -> Catalogue:
    """A document with an operation that has left, and one that has another path."""
    paths = {
        "/api/v1/old-devices": {"get": {"summary": "List old devices", "tags": ["Devices"]}},
        "/api/v1/tags/{id}": {"delete": {"summary": "Delete Tag", "tags": ["Tags"]}},
    }
    return catalogue_of({"openapi": "3.1.0", "info": {"title": "T"}, "paths": paths})


async def _serve_before(url: str) -> None:
    async with running_service(settings_for(url)):
        await catalogue_versions.adopt(Operator(), _before(), accepts_removals=False)


async def _tell(url: str, token_name: str) -> None:
    """Let the token hold a removed permission, and tell the tenant of the server's version."""
    async with running_service(settings_for(url)):
        token = await models.Token.get(name=token_name)
        await models.TokenPermission.create(tenant_id=token.tenant_id, token_id=token.id, key=_OLD)
        async with aclosing(catalogue_changes.announce()) as portions:
            while True:
                async with transaction():
                    if await anext(portions, _END) is _END:
                        return


@pytest.fixture(scope="module")
def site(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server whose document came after another one."""
    folder = tmp_path_factory.mktemp("catalogue")
    file = folder / "tessera.db"
    file.write_bytes(migrated_file.read_bytes())
    url = f"sqlite://{file}"
    run_now(_serve_before(url))
    with serving(folder, url) as running:
        script = Script(running)
        script.create_token("Old reader")
        run_now(_tell(url, "Old reader"))
        yield replace(running)


@pytest.fixture(scope="module")
def visitor(chromium: Browser, site: Site) -> Iterator[Visitor]:
    node.install()
    with visiting(chromium, site, viewport={"width": 1280, "height": 860}) as someone:
        someone.context.add_init_script(path=AXE)
        yield someone.open()


def _notice(page: Page) -> Locator:
    return page.get_by_role("region", name="Your organisation’s API has changed")


def _summary(page: Page) -> Locator:
    return page.get_by_role("region", name="Changes")


def test_an_api_change_is_noticed_on_every_page(visitor: Visitor) -> None:
    page = visitor.page
    expect(_notice(page)).to_contain_text(
        "120 endpoints added, 1 endpoint removed, 1 endpoint has another path; 1 token is affected."
    )
    page.emulate_media(reduced_motion="reduce")
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page, runOnly=["color-contrast"]) == []
    page.set_viewport_size({"width": 320, "height": 740})
    assert overflowing(page) == []
    page.set_viewport_size({"width": 1280, "height": 860})
    page.emulate_media(color_scheme="light")


def test_the_page_of_versions_names_endpoints_and_tokens(visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_role("link", name="See the changes").click()
    expect(page.get_by_role("heading", name="API changes")).to_be_focused()
    newest = page.get_by_role("article", name="Version 2")
    expect(newest).to_contain_text("Served now")
    newest.get_by_text("1 endpoint removed", exact=True).click()
    expect(newest).to_contain_text("List old devices")
    newest.get_by_text("1 endpoint has another path", exact=True).click()
    expect(newest).to_contain_text("was DELETE /api/v1/tags/{id}. Tokens keep it")
    assert violations(page) == []
    newest.get_by_role("link", name="Old reader").click()
    expect(page.get_by_role("heading", name="Old reader")).to_be_visible()


def test_a_dismissed_notice_stays_away(visitor: Visitor) -> None:
    page = visitor.page
    button(_notice(page), "Dismiss").click()
    expect(page.get_by_text("The notice was dismissed for all admins.")).to_be_visible()
    expect(_notice(page)).to_have_count(0)
    visitor.open("/activity")
    expect(page.get_by_text("dismissed the notice of an API change")).to_be_visible()
    expect(
        page.get_by_text("recorded another version of the API: 120 endpoints added")
    ).to_be_visible()
    expect(_notice(page)).to_have_count(0)


def test_a_link_with_a_recipe_makes_a_token_of_it(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/?recipe=1password-saas-manager")
    add = dialog(page, "Add token")
    expect(add.get_by_label("Recipe")).to_have_value("1password-saas-manager")
    add.get_by_text("9 permissions, and why").wait_for()
    expect(add).to_contain_text("Locks the device of somebody who leaves.")
    add.get_by_label("Name").fill("SaaS Manager")
    button(add, "Create").click()
    button(page, "Next").click()
    button(page, "Skip").click()
    expect(page).to_have_url(f"{visitor.url}/")
    page.get_by_role("link", name="SaaS Manager").click()
    expect(page.get_by_text(f"Made from the recipe {_SAAS}, version 1.")).to_contain_text(
        "It holds exactly what the recipe asks for."
    )
    page.get_by_role("link", name="Activity").last.click()
    created = page.locator(".activity > li").filter(has_text="created the token")
    expect(created).to_contain_text("Recipe: 1password-saas-manager")
    page.get_by_role("link", name="Permissions", exact=True).click()
    expect(page.get_by_role("heading", name="Permissions (9)")).to_be_visible()


def test_what_comes_in_a_category_is_an_explicit_choice(visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_role("link", name="Edit permissions").click()
    follow = page.get_by_role("checkbox", name="and what comes in Tags")
    expect(follow).not_to_be_checked()
    follow.check()
    expect(page.get_by_role("checkbox", name="Tags", exact=True)).to_be_checked()
    page.get_by_role("checkbox", name="Create Tag").uncheck()
    expect(_summary(page)).to_contain_text("Will follow Tags: permissions that later versions")
    expect(_summary(page)).to_contain_text("3 permissions will be granted")
    button(page, "Save").click()
    expect(page.get_by_text("Follows Tags: permissions that later versions")).to_be_visible()
    expect(page.get_by_role("heading", name="Permissions (12)")).to_be_visible()


def test_drift_is_shown_and_mended_in_the_grid(visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_text("3 permissions are beyond the recipe").click()
    page.get_by_role("link", name="Compare with the recipe").click()
    expect(page.get_by_text(f"{_SAAS} needs 9 of these")).to_be_visible()
    expect(page.get_by_text("Erases a device, for good.")).to_be_visible()
    button(page, "Select only these").click()
    expect(_summary(page)).to_contain_text("3 permissions will be withdrawn")
    page.get_by_role("checkbox", name="and what comes in Tags").uncheck()
    expect(_summary(page)).to_contain_text("Will no longer follow Tags.")
    button(page, "Save").click()
    expect(page.get_by_text("It holds exactly what the recipe asks for.")).to_be_visible()
    expect(page.get_by_text("Follows Tags")).to_have_count(0)


def test_the_grid_offers_recipes(visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_role("link", name="Edit permissions").click()
    button(page, "Use a recipe").click()
    dialog(page, "Use a recipe").get_by_role("button", name="Torii").click()
    expect(page.get_by_text("Torii needs 6 of these")).to_be_visible()
    expect(page.get_by_text("Finds the installed apps of all devices at once.")).to_be_visible()
    expect(_summary(page)).to_contain_text("1 permission will be granted")
    button(page, "Save").click()
    expect(page.get_by_text("Made from the recipe Torii, version 1.")).to_be_visible()
    expect(page.get_by_text("4 permissions are beyond the recipe")).to_be_visible()
    assert visitor.seen.console_errors == []
