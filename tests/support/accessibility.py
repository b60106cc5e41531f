"""axe-core in a page: its violations, and elements that are wider than the window."""

from typing import Any

from playwright.sync_api import Page

from tests.support import node

AXE = node.FOLDER / "node_modules" / "axe-core" / "axe.min.js"
# axe-core asks for the colour that fills text, which Chromium tells as if none were forced.
_RUN_AXE = """async (options) => {
    const told = CSSStyleDeclaration.prototype.getPropertyValue;
    CSSStyleDeclaration.prototype.getPropertyValue = function (name) {
        return name === '-webkit-text-fill-color' ? '' : told.call(this, name);
    };
    try {
        return (await axe.run(document, options)).violations.map(({ id, nodes }) =>
            [id, ...nodes.map(({ html, failureSummary }) => html + failureSummary)]);
    } finally {
        CSSStyleDeclaration.prototype.getPropertyValue = told;
    }
}"""
# Elements wider than the window, except inside scrollable ones.
_OVERFLOWING = """() => document.documentElement.scrollWidth > innerWidth
    ? [...document.querySelectorAll('body *')]
        .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
        .map((one) => one.outerHTML.slice(0, 120))
    : []"""
# On paper nothing can be pressed. Chips and the headings of tables say something there.
_PRESSABLE = """() => [...document.querySelectorAll('nav, button, .button, [role=menu]')]
    .filter((one) => !one.matches('.chip, .sort-button') && one.checkVisibility()
        && one.getBoundingClientRect().width > 1)
    .map((one) => one.outerHTML.slice(0, 120))"""


def violations(page: Page, **options: Any) -> Any:
    """The violations that axe-core finds. `AXE` is an init script of the page's context."""
    # Of what it does not report, axe then describes one element of each rule, and not all.
    return page.evaluate(_RUN_AXE, options | {"resultTypes": ["violations"]})


def overflowing(page: Page) -> Any:
    """The elements that are wider than the window."""
    return page.evaluate(_OVERFLOWING)


def pressable(page: Page) -> Any:
    """The navigation and the buttons that are shown."""
    return page.evaluate(_PRESSABLE)
