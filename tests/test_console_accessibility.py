"""Every state of the console, for everybody.

axe-core, both colour schemes, forced colours, paper, and a narrow screen.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.support import node
from tests.support.accessibility import AXE, overflowing, pressable, violations
from tests.support.browser import Watch
from tests.support.console_states import STATES, Scene
from tests.support.visitor import Site, Visitor, serving, visiting

_USUAL = 1280
# 320 pixels remain at 400 % zoom (WCAG 1.4.10); at 760 tables are still tables.
_NARROWER = (760, 320)
_DARK_TEXT = "rgb(29, 36, 48)"


@pytest.fixture(scope="module")
def site(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for all states."""
    folder = tmp_path_factory.mktemp("console")
    file = folder / "tessera.db"
    file.write_bytes(migrated_file.read_bytes())
    with serving(folder, f"sqlite://{file}") as running:
        yield running


@pytest.fixture(scope="module")
def scene(site: Site) -> Scene:
    node.install()
    return Scene.make(site)


@pytest.fixture(scope="module")
def visitor(chromium: Browser, site: Site) -> Iterator[Visitor]:
    """One for all states: signing in is slow on purpose."""
    node.install()
    with visiting(chromium, site) as someone:
        # The browser keeps it for all pages: sent to each one, it would take as long as its search.
        someone.context.add_init_script(path=AXE)
        yield someone


@pytest.mark.parametrize("name", STATES)
def test_every_state_is_accessible(name: str, visitor: Visitor, scene: Scene) -> None:
    page = visitor.page
    page.set_viewport_size({"width": _USUAL, "height": 860})
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    STATES[name](visitor, scene)
    assert violations(page, rules={"target-size": {"enabled": True}}) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page, runOnly=["color-contrast"]) == []
    page.emulate_media(forced_colors="active")
    assert violations(page, runOnly=["color-contrast"]) == []
    _check_on_paper(page)
    for width in _NARROWER:
        page.set_viewport_size({"width": width, "height": 740})
        assert overflowing(page) == []
    # Chromium itself notes each 401 and 422: how pages learn that the session has ended, or that an
    # invitation was used.
    noted = ("401", "422")
    errors = [e for e in visitor.seen.console_errors if not any(one in e for one in noted)]
    assert Watch(visitor.seen.foreign_requests, errors) == Watch()


def _check_on_paper(page: Page) -> None:
    """In the dark scheme, whose text would be light on white paper."""
    page.emulate_media(forced_colors="none", media="print")
    assert page.evaluate("getComputedStyle(document.body).color") == _DARK_TEXT
    assert pressable(page) == []
    assert len(page.locator("main").inner_text()) > len("Tessera")
    page.emulate_media(media="screen")


def test_planted_faults_are_found(visitor: Visitor, scene: Scene) -> None:
    """The checks find a button without a name, low contrast, and an element that is too wide.

    In forced colours, low contrast too; on paper, a button.
    """
    page = visitor.page
    STATES["tokens"](visitor, scene)
    page.evaluate("""() => {
        document.querySelector('main').innerHTML += '<button></button>'
            + '<p id="pale">pale</p><div id="wide">wide</div>';
        Object.assign(pale.style, { color: '#888', background: '#777', forcedColorAdjust: 'none' });
        wide.style.width = '5000px';
    }""")
    found = {violation[0] for violation in violations(page)}
    assert {"button-name", "color-contrast"} <= found
    assert overflowing(page) != []
    page.emulate_media(forced_colors="active")
    assert violations(page, runOnly=["color-contrast"]) != []
    page.emulate_media(forced_colors="none", media="print")
    shown = "(button) => button.style.setProperty('display', 'block', 'important')"
    page.locator("main > button").evaluate(shown)
    assert pressable(page) != []
    page.emulate_media(media="screen")
