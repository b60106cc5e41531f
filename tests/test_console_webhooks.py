"""Webhooks in the console: from the secret that is shown once to the removal, and for auditors."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from server.access.events import EVENT_TYPES
from tests.support.console_page import (
    button,
    choose,
    dialog,
    everything_kept,
    read_secret,
    row,
)
from tests.support.console_states import AUDITOR
from tests.support.process import LOOPBACK, ServerProcess, free_port
from tests.support.visitor import (
    EMAIL,
    PASSWORD,
    TENANT,
    Script,
    Site,
    Visitor,
    add_tenant,
    visiting,
)
from tests.support.webhooks import ThreadedReceiver, listening


@pytest.fixture(scope="module")
def hook_site(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that may send events to this machine."""
    folder = tmp_path_factory.mktemp("webhooks")
    file = folder / "tessera.db"
    file.write_bytes(migrated_file.read_bytes())
    url = f"sqlite://{file}"
    add_tenant(url, TENANT, EMAIL)
    networks = {"TESSERA_WEBHOOK_NETWORKS": f"{LOOPBACK}/32"}
    with ServerProcess(folder, database_url=url, settings=networks) as running:
        yield Site(running)


@pytest.fixture(scope="module")
def receiver() -> Iterator[ThreadedReceiver]:
    with listening() as running:
        yield running


@pytest.fixture
def visitor(chromium: Browser, hook_site: Site) -> Iterator[Visitor]:
    with visiting(chromium, hook_site) as someone:
        yield someone


def _check(form: Locator, name: str) -> None:
    form.get_by_role("checkbox", name=name).check()


def _create(page: Page, url: str) -> str:
    """The secret that a dialog shows once; closes the dialog."""
    button(page, "Create webhook").click()
    form = dialog(page, "Create webhook")
    form.get_by_label("Address").fill("ftp://example.com")
    button(form, "Create").click()
    expect(form.get_by_label("Address")).to_have_attribute("aria-invalid", "true")
    expect(form.get_by_role("group", name="Events", exact=True)).to_contain_text(
        "Choose at least one type of events."
    )
    form.get_by_label("Address").fill(url)
    for of_type in EVENT_TYPES:
        expect(form.get_by_text(of_type, exact=True)).to_have_count(1)
    names = form.locator(".event-types .hint").all_inner_texts()
    assert sorted(names) == sorted(EVENT_TYPES)
    _check(form, "All events of admins")
    expect(form.get_by_text("admin.invited", exact=True)).to_have_count(0)
    _check(form, "token.created")
    button(form, "Create").click()
    shown = dialog(page, "Copy the webhook’s secret")
    assert "whsec_" not in shown.inner_html()
    page.keyboard.press("Escape")
    button(shown, "Keep it open").click()
    button(shown, "Show secret").click()
    secret = read_secret(shown, "Secret", r"^whsec_[0-9A-Za-z+/=]{40,}$")
    button(shown, "Done").click()
    expect(shown).to_have_count(0)
    return secret


def _confirm(page: Page, title: str, name: str, said: str) -> None:
    asked = dialog(page, title)
    button(asked, name).click()
    # First: it is shown for seconds.
    expect(page.get_by_role("status").filter(has_text=said)).to_be_visible()
    expect(asked).to_have_count(0)


def test_webhook_from_its_secret_to_its_removal(
    visitor: Visitor, hook_site: Site, receiver: ThreadedReceiver
) -> None:
    page = visitor.open("/webhooks").page
    expect(page.get_by_text("No webhooks yet.")).to_be_visible()
    secret = _create(page, receiver.url)
    assert secret not in everything_kept(visitor, hook_site, [])
    created = row(page, receiver.url)
    expect(created).to_contain_text("admin.*, token.created")
    expect(created).to_contain_text("Active")
    _deliver(page, hook_site, receiver)
    _pause_and_edit(page, receiver)
    page.get_by_role("link", name="Webhooks").first.click()
    choose(page, receiver.url, "Remove")
    asked = dialog(page, "Remove this webhook?")
    expect(button(asked, "Cancel")).to_be_focused()
    _confirm(page, "Remove this webhook?", "Remove webhook", "The webhook was removed.")
    expect(page.get_by_text("No webhooks yet.")).to_be_visible()


def _deliver(page: Page, site: Site, receiver: ThreadedReceiver) -> None:
    """An event, a test event, and both once more, each listed with how it went."""
    Script(site).create_token("Told of")
    page.get_by_role("link", name=receiver.url).click()
    expect(row(page, "token.created")).to_have_count(1)
    button(page, "Send test event").click()
    _confirm(page, "Send a test event?", "Send", "A test event was sent.")
    expect(row(page, "webhook.test")).to_have_count(1)
    expect(row(page, "webhook.test")).to_contain_text("Delivered")
    expect(row(page, "webhook.test")).to_contain_text("204")
    # To be compared with the receiver's log.
    at = row(page, "webhook.test").locator("time")
    expect(at).to_have_text(re.compile(r"\d\d:\d\d:\d\d .*(UTC|GMT|[A-Z]{3,4})"))
    button(page, "Send events again").click()
    asked = dialog(page, "Send events again")
    asked.get_by_label("Since").fill("")
    button(asked, "Send again").click()
    expect(asked).to_contain_text("Choose a date and a time.")
    asked.get_by_label("Since").fill("2026-01-01T00:00")
    _confirm(page, "Send events again", "Send again", "The events are being sent again.")
    expect(row(page, "webhook.test")).to_have_count(2)
    assert receiver.contents().count(b'"type":"token.created"') == 2


def _pause_and_edit(page: Page, receiver: ThreadedReceiver) -> None:
    button(page, "Pause").click()
    _confirm(page, "Pause this webhook?", "Pause", "The webhook was paused.")
    expect(page.get_by_text("An admin paused it. Events wait until")).to_be_visible()
    expect(button(page, "Send test event")).to_have_count(0)
    button(page, "Edit").click()
    form = dialog(page, "Edit webhook")
    expect(form.get_by_label("Address")).to_have_value(receiver.url)
    expect(form.get_by_role("checkbox", name="token.created")).to_be_checked()
    _check(form, "All events Types")
    button(form, "Save").click()
    expect(form).to_have_count(0)
    expect(page.get_by_text("*", exact=True)).to_be_visible()
    button(page, "Resume").click()
    _confirm(page, "Resume this webhook?", "Resume", "The webhook was resumed.")
    expect(button(page, "Pause")).to_be_visible()


def test_failing_webhook_shows_why_and_when_it_is_tried_again(
    visitor: Visitor, hook_site: Site
) -> None:
    script = Script(hook_site)
    nobody = f"http://{LOOPBACK}:{free_port()}/hook"
    made = script.run(
        'mutation ($url: String!) { createWebhook(input: {url: $url, events: ["*"]})'
        " { ... on CreateWebhookPayload { webhook { id } } } }",
        url=nobody,
    )
    script.create_token("Never told of")
    page = visitor.open(f"/webhooks/{made['createWebhook']['webhook']['id']}").page
    expect(row(page, "Unreachable").first).to_contain_text("token.created")
    details = page.locator(".details")
    expect(details).to_contain_text("Failing")
    expect(details).to_contain_text(re.compile(r"\d attempts? failed"))
    expect(details.locator("div").filter(has_text="Next attempt").locator("time")).to_have_count(1)
    visitor.open("/webhooks/nowhere")
    expect(page.get_by_role("heading", name="Webhook not found")).to_be_visible()


def test_auditor_reads_and_changes_nothing(visitor: Visitor, hook_site: Site) -> None:
    script = Script(hook_site)
    script.add_admin(AUDITOR, "Alan Turing", "AUDITOR")
    script.run(
        'mutation { createWebhook(input: {url: "https://example.com/a", events: ["tenant.*"]})'
        " { __typename } }"
    )
    page = visitor.page
    page.goto(f"{hook_site.url}/sign-in?next=/webhooks")
    visitor.sign_in(PASSWORD, AUDITOR)
    expect(
        page.get_by_role("heading", name="API tokens")
        .or_(page.get_by_role("heading", name="Webhooks"))
        .first
    ).to_be_visible()
    page.get_by_role("link", name="Webhooks").first.click()
    expect(row(page, "https://example.com/a")).to_be_visible()
    expect(button(page, "Create webhook")).to_have_count(0)
    expect(page.get_by_role("button", name="Actions for")).to_have_count(0)
    page.get_by_role("link", name="https://example.com/a").click()
    expect(page.get_by_text("No attempt was made, or it is no longer kept.")).to_be_visible()
    expect(button(page, "Edit")).to_have_count(0)
    expect(button(page, "Remove")).to_have_count(0)
