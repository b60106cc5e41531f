"""The key presses of the whole flow without a mouse, typed text not counted.

A person signs in, creates a token with one permission, copies its secret, renames and revokes it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.console_page import button, dialog
from tests.support.visitor import EMAIL, PASSWORD, Site, Visitor, visiting

# 66 were measured: controls that are added on the way are noticed when they cost too many.
_MAX_PRESSES = 70
_MAX_TABS = 60
_IS_FOCUSED = "(element) => element === document.activeElement"


@dataclass
class Keyboard:
    """Presses keys, and counts the presses."""

    page: Page
    count: int = 0

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.count += 1

    def reach(self, control: Locator, key: str = "Tab") -> None:
        """Press a key until the control has the focus."""
        expect(control).to_be_visible()
        for _ in range(_MAX_TABS):
            if control.evaluate(_IS_FOCUSED):
                return
            self.press(key)
        pytest.fail(f"{_MAX_TABS} presses of {key} do not reach {control}")

    def choose(self, control: Locator) -> None:
        self.reach(control)
        self.press("Enter")

    def fill(self, field: Locator, text: str) -> None:
        """Replace a field's text."""
        self.reach(field)
        if field.input_value():
            self.press("ControlOrMeta+a")
        self.page.keyboard.type(text)


@pytest.fixture
def visitor(chromium: Browser, site: Site) -> Iterator[Visitor]:
    with visiting(
        chromium, site, permissions=["clipboard-read", "clipboard-write"], reduced_motion="reduce"
    ) as someone:
        yield someone


def test_the_whole_flow_takes_few_key_presses(visitor: Visitor) -> None:
    page = visitor.page
    keyboard = Keyboard(page)
    spent: dict[str, int] = {}
    for step in (_sign_in, _create, _copy, _grant, _rename, _revoke):
        before = keyboard.count
        step(visitor, keyboard)
        spent[step.__name__] = keyboard.count - before
    assert 20 < keyboard.count <= _MAX_PRESSES, spent


def _sign_in(visitor: Visitor, keyboard: Keyboard) -> None:
    page = visitor.page
    page.goto(f"{visitor.url}/sign-in")
    keyboard.fill(page.get_by_label("Organisation’s short name"), visitor.site.tenant)
    keyboard.fill(page.get_by_label("E-mail"), EMAIL)
    keyboard.fill(page.get_by_label("Password", exact=True), PASSWORD)
    keyboard.press("Enter")
    expect(page.get_by_role("heading", name="API tokens", exact=True)).to_be_visible()


def _create(visitor: Visitor, keyboard: Keyboard) -> None:
    form = dialog(visitor.page, "Add token")
    keyboard.choose(button(visitor.page, "Add your first token"))
    keyboard.fill(form.get_by_label("Name", exact=True), "By keyboard")
    keyboard.press("Enter")


def _copy(visitor: Visitor, keyboard: Keyboard) -> None:
    shown = dialog(visitor.page, "Copy your token")
    keyboard.choose(button(shown, "Copy Token"))
    expect(button(shown, "Copied")).to_be_visible()
    copied = visitor.page.evaluate("() => navigator.clipboard.readText()")
    assert copied.startswith("tsr_")
    keyboard.choose(button(shown, "Next"))
    keyboard.choose(button(dialog(visitor.page, "Choose permissions?"), "Configure"))


def _grant(visitor: Visitor, keyboard: Keyboard) -> None:
    page = visitor.page
    heading = page.get_by_role("heading", name="Permissions of “By keyboard”")
    expect(heading).to_be_visible()
    search = page.get_by_label("Search by name, method, path or category")
    expect(search).to_be_visible()
    keyboard.press("/")
    keyboard.fill(search, "list devices")
    choice = page.get_by_role("checkbox", name="GET List Devices /api")
    category = page.locator(".category").filter(has=choice)
    keyboard.reach(category.locator("[data-roving][tabindex='0']"))
    keyboard.reach(choice, "ArrowDown")
    keyboard.press("Space")
    keyboard.choose(button(page.get_by_role("region", name="Changes"), "Save"))
    expect(page.get_by_role("heading", name="Permissions (1)")).to_be_visible()
    page.wait_for_function("() => document.activeElement !== document.body")


def _rename(visitor: Visitor, keyboard: Keyboard) -> None:
    page = visitor.page
    form = dialog(page, "Edit token")
    keyboard.choose(button(page, "Edit"))
    keyboard.fill(form.get_by_label("Name", exact=True), "Renamed by keyboard")
    keyboard.press("Enter")
    expect(form).to_have_count(0)
    expect(page.get_by_role("heading", name="Renamed by keyboard")).to_be_visible()
    # In the bar below, where Revoke is too.
    expect(button(page, "Edit")).to_be_focused()


def _revoke(visitor: Visitor, keyboard: Keyboard) -> None:
    page = visitor.page
    keyboard.reach(button(page, "Revoke"), "Shift+Tab")
    keyboard.press("Enter")
    keyboard.choose(button(dialog(page, "Revoke “Renamed by keyboard”?"), "Revoke token"))
    expect(page.get_by_text("Renamed by keyboard").first).to_be_visible()
    expect(button(page, "Revoke")).to_have_count(0)
