"""Parts of the console's pages, found as people find them: by visible names and roles."""

from playwright.sync_api import Locator, Page


def button(page: Page | Locator, name: str) -> Locator:
    """A button of exactly this name."""
    return page.get_by_role("button", name=name, exact=True)


def dialog(page: Page, title: str) -> Locator:
    """A dialog by its title."""
    return page.get_by_role("dialog", name=title)


def row(page: Page, name: str) -> Locator:
    """The rows of a table that hold a text."""
    return page.get_by_role("row").filter(has_text=name)


def choose(page: Page, name: str, choice: str) -> None:
    """Choose from the menu of a table's row."""
    button(page, f"Actions for {name}").click()
    button(page, choice).click()
