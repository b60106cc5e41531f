"""Evidence in the console: a suggestion from a token's use, and the explanation of a request."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import models
from server.decisions.log import DecisionLog
from server.global_ids import id_of
from server.starting import running_database
from tests.conftest import settings_for
from tests.support.browser import Watch
from tests.support.console_page import button, row
from tests.support.postgres import run_now
from tests.support.visitor import Script, Site, Visitor, visiting

DEVICES, DEVICE = "GET /api/v1/devices", "GET /api/v1/devices/{device_id}"
TAGS, BLUEPRINTS = "GET /api/v1/tags", "GET /api/v1/blueprints"


@pytest.fixture
def visitor(chromium: Browser, site: Site) -> Iterator[Visitor]:
    with visiting(chromium, site) as someone:
        yield someone


def _pour(url: str, token: str, uses: dict[str, list[int]]) -> None:
    """Allowed requests of a token, by permission, so many days ago."""

    async def pour() -> None:
        async with running_database(settings_for(url)):
            row = await models.Token.get(id=id_of("Token", token))
            log, midnight = DecisionLog(), datetime.now(UTC).replace(hour=0).timestamp()
            requests = [(midnight - day * 86_400, key) for key in uses for day in uses[key]]
            for at, key in sorted(requests):
                ids = str(row.tenant_id), str(row.id)
                log.note(*ids, "GET", key, None, "203.0.113.7", "made", "x", at)
            await log.close()

    run_now(pour())


def test_suggestion_is_reviewed_and_saved(
    visitor: Visitor, site: Site, first_site: tuple[Site, str]
) -> None:
    script, page = Script(site), visitor.page
    made = script.create_token("Sync", DEVICES, DEVICE, TAGS, BLUEPRINTS)
    token, secret = made["token"]["id"], made["secret"]
    _pour(first_site[1], token, {DEVICES: [*range(60)] * 3, TAGS: [100, 191, 282], DEVICE: [200]})
    visitor.open(f"/tokens/{token}")
    page.get_by_role("link", name="Right-size").click()
    replay = "0 of 180 requests of the last 90 days would have been denied."
    expect(page.get_by_text(replay)).to_be_visible()
    # Quarterly, so that this period has no run: it stays.
    expect(row(page, "/api/v1/tags")).to_contain_text("At long intervals")
    expect(row(page, "/api/v1/tags")).to_contain_text("Keep")
    expect(row(page, "/api/v1/blueprints")).to_contain_text("Not in the last 400 days")
    page.get_by_role("link", name="Review the suggestion").click()
    expect(page.get_by_text("Nothing is changed until you save.")).to_be_visible()
    for path, is_checked in (
        ("/api/v1/devices", True),
        ("/api/v1/tags", True),
        ("/api/v1/blueprints", False),
        ("/api/v1/devices/{device_id}", False),
    ):
        expect(_choice(page, path)).to_be_checked(checked=is_checked)
    summary = page.get_by_role("region", name="Changes")
    summary.get_by_text("2 permissions will be withdrawn").click()
    last = (datetime.now(UTC) - timedelta(days=200)).strftime("%-d %b %Y")
    expect(summary).to_contain_text(f"at no regular intervals; last used on {last}")
    expect(summary).to_contain_text("nor in the 400 that are kept")
    button(page, "Compare with its use").click()
    expect(summary).to_contain_text("would have denied 0 of 180 requests")
    _choice(page, "/api/v1/devices").uncheck()
    expect(summary).not_to_contain_text("would have denied")
    button(page, "Compare with its use").click()
    expect(summary).to_contain_text("would have denied 180 of 180 requests")
    _choice(page, "/api/v1/devices").check()
    # Nothing is done by itself.
    assert script.call_api(secret, "/api/v1/blueprints") == 200
    button(page, "Save").click()
    expect(page.get_by_role("heading", name="Permissions (2)")).to_be_visible()
    assert script.call_api(secret, "/api/v1/blueprints") == 403
    assert script.call_api(secret, "/api/v1/tags") == 200
    assert visitor.seen == Watch()


def _choice(page: Page, path: str) -> Locator:
    return (
        page.locator("label.choice")
        .filter(has=page.locator(f'code:text-is("{path}")'))
        .filter(has=page.locator(".method.get"))
        .get_by_role("checkbox")
    )


def test_request_is_explained(visitor: Visitor, site: Site) -> None:
    script, page = Script(site), visitor.page
    made = script.create_token("Sync", DEVICES)
    token = made["token"]["id"]
    script.change_token("setTokenNetworks", token, networks=["203.0.113.0/24"])
    visitor.open(f"/tokens/{token}/check")

    def ask(url: str, address: str = "203.0.113.7") -> None:
        page.get_by_label("URL or path").fill(url)
        page.get_by_label("IP address of the client").fill(address)
        button(page, "Check").click()

    ask(f"{site.api_url}/api/v1/devices?limit=3")
    steps = page.get_by_role("list", name="Steps of the decision").locator("> li")
    expect(page.get_by_text("The request passes, with status 200.")).to_be_visible()
    expect(steps.filter(has_text="Permission")).to_contain_text(f"holds the permission {DEVICES}")
    expect(steps.filter(has_text="Networks of the token")).to_contain_text("203.0.113.0/24")
    ask("/api/v1/blueprints")
    expect(page.get_by_text("refused with status 403, INSUFFICIENT_SCOPE.")).to_be_visible()
    ask("/api/v1/devices/")
    endpoint = steps.filter(has_text="Endpoint")
    expect(endpoint).to_contain_text("/api/v1/devices differs by the slash at the end")
    expect(steps.last).to_contain_text("Not checked")
    ask("/api/v1/devices", "198.51.100.1")
    expect(page.get_by_text("ADDRESS_NOT_ALLOWED")).to_be_visible()
    ask("https://elsewhere.example.com/api/v1/devices")
    expect(page.get_by_text("status 401, INVALID_TOKEN.")).to_be_visible()
    ask("devices")
    expect(page.get_by_text("Enter a URL such as")).to_be_visible()
    expect(steps).to_have_count(0)
    # It was no use of the token.
    query = "query ($id: ID!) { token(id: $id) { lastUsedAt usage { allowed } } }"
    shown = script.run(query, id=token)
    assert shown["token"] == {"lastUsedAt": None, "usage": []}
    assert visitor.seen == Watch()
