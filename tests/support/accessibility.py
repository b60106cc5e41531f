"""axe-core in a page: what it finds, and elements that are wider than the window."""

from typing import Any

from playwright.sync_api import Page

from tests.support import node

AXE = node.FOLDER / "node_modules" / "axe-core" / "axe.min.js"
_RUN_AXE = """async (options) => (await axe.run(document, options)).violations.map(
    ({ id, nodes }) => [id, ...nodes.map(({ html, failureSummary }) => html + failureSummary)])"""
# Elements wider than the window, except inside scrollable ones.
_OVERFLOWING = """() => document.documentElement.scrollWidth > innerWidth
    ? [...document.querySelectorAll('body *')]
        .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
        .map((one) => one.outerHTML.slice(0, 120))
    : []"""


def violations(page: Page, **options: Any) -> Any:
    """What axe-core finds. `AXE` is an init script of the page's context."""
    # Of what it does not report, axe then describes one element of each rule, and not all.
    return page.evaluate(_RUN_AXE, options | {"resultTypes": ["violations"]})


def overflowing(page: Page) -> Any:
    """The elements that are wider than the window."""
    return page.evaluate(_OVERFLOWING)
