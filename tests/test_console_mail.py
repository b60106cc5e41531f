"""An invitation from the console, by e-mail, to the invited person's browser."""

import shutil
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.support.browser import Watch
from tests.support.console_page import button, dialog
from tests.support.mail_server import CONSOLE, MailServer
from tests.support.process import ServerProcess
from tests.support.visitor import EMAIL, PASSWORD, TENANT, Site, add_tenant, visiting
from tests.support.waiting import wait_until

_GUEST = "grace@example.com"


def test_invited_person_comes_in_by_the_link_in_the_email(
    chromium: Browser, migrated_file: Path, tmp_path: Path
) -> None:
    url = f"sqlite://{shutil.copy(migrated_file, tmp_path / 'tessera.db')}"
    add_tenant(url, TENANT, EMAIL)
    mail = MailServer()
    with (
        mail.running(),
        ServerProcess(tmp_path, database_url=url, settings=mail.settings) as server,
        visiting(chromium, Site(server)) as owner,
    ):
        page = owner.open("/admins").page
        button(page, "Invite admin").click()
        form = dialog(page, "Invite admin")
        form.get_by_label("E-mail").fill(_GUEST)
        form.get_by_label("Name", exact=True).fill("Grace Hopper")
        button(form, "Invite").click()
        shown = dialog(page, "This link is sent by e-mail")
        expect(shown).to_contain_text("Grace Hopper gets it by e-mail")
        wait_until(lambda: mail.letters)
        [letter] = mail.letters
        link = f"{CONSOLE}/invitation#{letter.invitation}"
        assert link in letter.text
        with visiting(chromium, Site(server)) as guest:
            guest.page.goto(link.replace(CONSOLE, server.url))
            guest.page.get_by_label("Password", exact=True).fill(PASSWORD)
            button(guest.page, "Set password and sign in").click()
            expect(guest.page.get_by_role("heading", name="No API tokens yet")).to_be_visible()
        assert owner.seen == Watch()
