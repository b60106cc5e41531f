"""The console in WebKit, Safari's engine: signing in, the way to a token, the grid, and GraphiQL.

WebKit has no Navigation API here, so that leaving is asked about by other means than it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.visitor import EMAIL, PASSWORD, Site
from tests.support.webkit import WebKit, webkit

_LEAVING = "Leave without saving?"
_IS_THERE = "return document.evaluate(arguments[0], document).iterateNext()?.checkVisibility()"
_HAS_NAVIGATION = "return 'navigation' in window"


@pytest.fixture
def safari(tmp_path: Path, site: Site) -> Iterator[WebKit]:
    """Signed in, by a link that names the organisation."""
    with webkit(tmp_path) as browser:
        browser.open(f"{site.url}/sign-in?tenant={site.tenant}")
        browser.wait_for(lambda: _focused(browser) == "email")
        browser.type("#email", EMAIL)
        browser.type("#password", PASSWORD)
        browser.click("#submit")
        browser.wait_for(
            lambda: browser.url == f"{site.url}/" and "Skip to" in browser.text("body")
        )
        yield browser


def _focused(browser: WebKit) -> str:
    return str(browser.run("return document.activeElement.id || document.activeElement.innerText"))


def _shows(browser: WebKit, text: str) -> None:
    browser.wait_for(lambda: text in browser.text("body"))


def _press(browser: WebKit, name: str) -> None:
    """Click the button or link with this text; the last one where there are several."""
    found = f"(//*[self::a or self::button][normalize-space()='{name}'])[last()]"

    def press() -> bool:
        browser.click(found)  # Refused if the page has replaced it: then once more.
        return True

    browser.wait_for(lambda: bool(browser.run(_IS_THERE, found)) and press())


def _stay(browser: WebKit, leave: Callable[[], None], kept: Callable[[], bool]) -> None:
    """Try to leave, be asked with the focus on the button that stays, and stay."""
    address = browser.url
    leave()
    _shows(browser, _LEAVING)
    browser.wait_for(lambda: _focused(browser) == "Stay here")
    browser.wait_for(lambda: browser.url == address)
    _press(browser, "Stay here")
    browser.wait_for(lambda: _LEAVING not in browser.text("body"))
    browser.wait_for(kept)


def test_secret_and_changed_grid_are_not_lost_by_leaving(site: Site, safari: WebKit) -> None:
    if safari.run(_HAS_NAVIGATION):
        pytest.skip("this WebKit has the Navigation API")
    # An entry to go back to, in the same document.
    _press(safari, "Activity")
    _press(safari, "API tokens")
    _press(safari, "Add your first token")
    safari.type("dialog input", "From Safari")
    _press(safari, "Create")
    _shows(safari, "Copy your token")
    _press(safari, "Show")
    safari.wait_for(lambda: safari.text(".secret code").startswith("tsr_"))
    secret = safari.text(".secret code")
    _stay(safari, safari.back, lambda: safari.text(".secret code") == secret)
    _press(safari, "Next")
    _press(safari, "Configure")
    _shows(safari, "Permissions of “From Safari”")
    safari.click(".choice input")
    changed = "1 permission will be granted"
    _shows(safari, changed)
    _stay(safari, safari.back, lambda: changed in safari.text(".summary"))
    _stay(safari, lambda: _press(safari, "Admins"), lambda: changed in safari.text(".summary"))
    editor = safari.url
    safari.back()
    _shows(safari, _LEAVING)
    _press(safari, "Leave")
    safari.wait_for(lambda: safari.url == f"{site.url}/")
    safari.open(editor)
    _shows(safari, "No changes.")
    safari.click(".choice input")
    _press(safari, "Save")
    _shows(safari, "Permissions (1)")


def test_graphiql_runs_what_is_typed(site: Site, safari: WebKit) -> None:
    safari.open(f"{site.url}/graphiql?query={quote('{ viewer { email } }')}")
    shown = ".graphiql-query-editor .CodeMirror-code"
    safari.wait_for(lambda: "email" in safari.text(shown))
    safari.type(".graphiql-query-editor textarea", "query Typed ")
    safari.wait_for(lambda: "query Typed {" in safari.text(shown))
    safari.click(".graphiql-execute-button")
    safari.wait_for(lambda: EMAIL in safari.text(".result-window"))
