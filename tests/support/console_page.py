"""Parts of the console's pages, found as people find them: by visible names and roles.

Also all that a page holds on to, where no secret may be.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Locator, Page, Route, expect

from tests.support.visitor import Site, Visitor

_MOMENT_MS, _MOMENTS = 50, 600


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


@contextmanager
def held(page: Page, text: str) -> Iterator[list[Route]]:
    """Requests with that text get no answer within the block; afterwards they are sent.

    The block sends at least one: its end waits for it.
    """
    waiting: list[Route] = []
    is_over = False

    def hold(route: Route) -> None:
        if not is_over and text in (route.request.post_data or ""):
            waiting.append(route)
        else:
            route.continue_()

    page.route("**/graphql", hold)
    yield waiting
    for _ in range(_MOMENTS):
        if waiting:  # Playwright tells of a request some time after the click that sends it.
            break
        page.wait_for_timeout(_MOMENT_MS)
    assert waiting, text
    is_over = True
    for route in waiting:
        route.continue_()
    page.unroute("**/graphql", hold)


def read_secret(shown: Locator, name: str, pattern: str) -> str:
    """The secret that a dialog shows, once it is shown."""
    code = shown.get_by_role("group", name=name).locator("code")
    expect(code).to_have_text(re.compile(pattern))
    return code.inner_text()


def everything_kept(visitor: Visitor, site: Site, said: list[str]) -> str:
    """All that the browser and the server hold on to, as text: the page's heap too."""
    page = visitor.page
    kept = page.evaluate(
        "() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie,"
        " location.href, history.state, performance.getEntries()])"
    )
    state = visitor.context.storage_state(indexed_db=True)
    return "\n".join([page.content(), kept, str(state), site.server.log(), *said, _heap(visitor)])


def _heap(visitor: Visitor) -> str:
    """The heap that scripts can reach, after garbage collection."""
    session = visitor.context.new_cdp_session(visitor.page)
    chunks: list[str] = []
    session.on("HeapProfiler.addHeapSnapshotChunk", lambda event: chunks.append(event["chunk"]))
    session.send("HeapProfiler.collectGarbage")
    session.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
    session.detach()
    return "".join(chunks)
