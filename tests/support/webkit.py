"""A real WebKit for tests, the engine of Safari, driven by the W3C's WebDriver protocol.

Debian's packages are `webkit2gtk-driver` and, for a screen, `xvfb`.
"""

import os
import re
import shutil
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.process import LOOPBACK, Child, answer_of, free_port
from tests.support.waiting import PATIENCE_SECONDS, wait_until

PROGRAMS = ("WebKitWebDriver", "Xvfb")
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_SECONDS = PATIENCE_SECONDS


class Refused(AssertionError):
    """The browser did not carry out a command: an element is not there, or has been replaced."""


@dataclass(frozen=True)
class WebKit:
    """One window of the browser, without cookies at first.

    Selectors are CSS, or XPath in parentheses.
    """

    session: str
    http: httpx2.Client

    def open(self, url: str) -> None:
        self._post("url", url=url)

    @property
    def url(self) -> str:
        return str(self._answer(self.http.get(f"{self.session}/url")))

    def text(self, selector: str) -> str:
        return str(self._answer(self.http.get(f"{self._element(selector)}/text")))

    def type(self, selector: str, text: str) -> None:
        self._answer(self.http.post(f"{self._element(selector)}/value", json={"text": text}))

    def click(self, selector: str) -> None:
        self._answer(self.http.post(f"{self._element(selector)}/click", json={}))

    def back(self) -> None:
        """As the browser's own button."""
        self._post("back")

    def run(self, script: str, *arguments: str) -> Any:
        """The value that a script returns."""
        return self._post("execute/sync", script=script, args=arguments)

    def screenshot(self) -> bytes:
        return b64decode(self._answer(self.http.get(f"{self.session}/screenshot")))

    def cookies(self) -> set[str]:
        return {cookie["name"] for cookie in self._answer(self.http.get(f"{self.session}/cookie"))}

    def wait_for(self, condition: Callable[[], bool]) -> None:
        def holds() -> bool:
            # A page that is being replaced refuses to be read.
            with suppress(Refused):
                return condition()
            return False

        wait_until(holds, tell=lambda: (self.url, self.text("body")))

    def _element(self, selector: str) -> str:
        using = "xpath" if selector.startswith("(") else "css selector"
        found = self._post("element", using=using, value=selector)
        return f"{self.session}/element/{found[_ELEMENT]}"

    def _post(self, command: str, **body: Any) -> Any:
        return self._answer(self.http.post(f"{self.session}/{command}", json=body))

    @staticmethod
    def _answer(response: httpx2.Response) -> Any:
        if response.status_code != 200:
            raise Refused(response.text)
        return response.json()["value"]


@contextmanager
def webkit(folder: Path) -> Iterator[WebKit]:
    """A browser on a screen of its own. Skips the calling test where the programs are missing.

    In CI it fails instead.
    """
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        reason = f"no {' and no '.join(missing)} on PATH"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    port = free_port()
    with Child(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
        log=folder / "xvfb.log",
    ) as screen:
        environment = os.environ | {"DISPLAY": f":{_display(screen)}", "HOME": str(folder)}
        driver = Child(
            ["WebKitWebDriver", f"--port={port}"],
            log=folder / "webkit.log",
            environment=environment,
        )
        with driver, httpx2.Client(timeout=_SECONDS) as http:
            yield from _session(http, f"http://{LOOPBACK}:{port}/session", port)


def _session(http: httpx2.Client, url: str, port: int) -> Iterator[WebKit]:
    wait_until(lambda: answer_of(port, "/status") == 200)
    started = WebKit._answer(http.post(url, json={"capabilities": {}}))
    browser = WebKit(f"{url}/{started['sessionId']}", http)
    try:
        yield browser
    finally:
        http.delete(browser.session)


def _display(screen: Child) -> str:
    wait_until(lambda: re.search(r"^\d+$", screen.log(), re.MULTILINE))
    found = re.search(r"^\d+$", screen.log(), re.MULTILINE)
    assert found
    return found[0]
