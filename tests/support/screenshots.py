"""`make screenshots`: pictures of the console's main states, for the README.

Each in light and dark, for desktop and phone, into `server/console/screenshots`.
"""

import shutil
import sys
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from server.database import migrate
from tests.conftest import settings_for
from tests.support.browser import browser
from tests.support.console_states import STATES, Scene
from tests.support.postgres import run_now
from tests.support.process import ROOT
from tests.support.visitor import serving, visiting

FOLDER = ROOT / "server" / "console" / "screenshots"
_PICTURED = (
    "sign-in",
    "tokens",
    "add-token",
    "add-token-more",
    "grid-changed",
    "token",
    "token-expired",
    "edit-networks",
    "token-activity",
    "token-usage",
    "token-right-size",
    "grid-suggested",
    "check-denied",
    "revoke-token",
    "activity",
    "admins",
    "webhooks",
    "webhook",
    "grid-conflict",
    "secret",
    "session-ended",
)
_SCREENS = {"desktop": (1280, 800), "phone": (390, 780)}


def main() -> int:
    shutil.rmtree(FOLDER, ignore_errors=True)
    with browser() as chromium:
        for screen, scheme in product(_SCREENS, ("light", "dark")):
            _picture_all(chromium, screen, scheme)
    return 0


def _picture_all(chromium: Browser, screen: str, scheme: str) -> None:
    """Each on a server of its own, so that no picture shows changes of another."""
    width, height = _SCREENS[screen]
    look = {
        "viewport": {"width": width, "height": height},
        "color_scheme": scheme,
        "reduced_motion": "reduce",
        "locale": "en-GB",
        "timezone_id": "Europe/Paris",
    }
    with TemporaryDirectory(prefix="tessera-screenshots-") as folder:
        url = f"sqlite://{folder}/tessera.db"
        run_now(migrate(settings_for(url)))
        with (
            serving(Path(folder), url) as site,
            visiting(chromium, site, **look) as visitor,
        ):
            scene = Scene.make(site)
            for name in _PICTURED:
                STATES[name](visitor, scene)
                visitor.page.screenshot(path=FOLDER / f"{name}-{screen}-{scheme}.png")


if __name__ == "__main__":
    sys.exit(main())
