"""The browser of the tests draws text, runs scripts and reports requests to other hosts."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.async_api import async_playwright
from playwright.sync_api import Browser

from tests.support import browser
from tests.support.process import LOOPBACK

PAGE = b"""<!doctype html><title>A page</title><link rel="icon" href="data:,">
<p><span>Some drawn text</span> <button onclick="this.textContent = 6 * 7">Ask</button></p>
<img src="http://127.0.0.1:9/elsewhere.png"><script>console.error("something broke")</script>"""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{LOOPBACK}:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def chromium() -> Iterator[Browser]:
    with browser.browser() as running:
        yield running


def test_page_is_drawn_clicked_and_watched(chromium: Browser, origin: str) -> None:
    page = chromium.new_page()
    seen = browser.watch(page, origin)
    page.goto(origin)
    page.click("button")
    assert page.inner_text("button") == "42"
    size = page.locator("span").bounding_box()
    assert size is not None
    assert size["width"] > 50  # Without a font, text has no width.
    assert seen.foreign_requests == ["http://127.0.0.1:9/elsewhere.png"]
    assert "something broke" in seen.console_errors


async def test_asynchronous_playwright_takes_the_same_options(origin: str) -> None:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(**browser.launch_options())
        page = await running.new_page()
        await page.goto(origin)
        assert await page.title() == "A page"
        await running.close()


def test_missing_browser_fails_in_ci_and_skips_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(browser.VARIABLE, raising=False)
    monkeypatch.setattr(browser, "UNPACKED", tmp_path)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Chromium"):
        browser.launch_options()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no Chromium"):
        browser.launch_options()
