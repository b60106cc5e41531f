"""The page about webhooks: its table, its schedule, and its code on a real request."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from server.access.events import EVENT_TYPES, MAX_BODY_BYTES
from server.access.outbox import MAX_WAITING
from server.jobs.deliveries import MAX_AT_ONCE, MAX_OF_TENANT
from server.jobs.delivery_queue import WAITS
from server.operations.webhooks import MAX_WEBHOOKS
from server.outbound.posting import ANSWER_SECONDS
from server.service import Service
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import World
from tests.support.process import ROOT
from tests.support.webhooks import NETWORKS, Receiver, delivering, hook, receiving

_PAGE = (ROOT / "docs/webhooks.md").read_text()
_OPERATING = (ROOT / "docs/operating.md").read_text()


@pytest.fixture
async def service(sqlite_url: str) -> AsyncIterator[Service]:
    settings = replace(settings_for(sqlite_url), webhook_networks=NETWORKS)
    async with running_service(settings) as running:
        yield running


def _functions() -> dict[str, Callable[[str, dict[str, str], bytes], Any]]:
    scope: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", _PAGE, re.DOTALL):
        exec(code, scope)
    return {name: value for name, value in scope.items() if name.startswith("verify_")}


async def test_both_ways_to_verify_accept_a_real_request_and_no_altered_one(
    service: Service,
) -> None:
    person, receiver = await World(service).person(), Receiver()
    async with receiving(receiver), delivering(service):
        secret = (await hook(service, person, receiver)).secret
        await World(service).token(person)
        await receiver.has(1)
    [received] = receiver.got
    functions = _functions()
    assert len(functions) == 2
    for verify in functions.values():
        assert verify(secret, received.headers, received.body)["type"] == "token.created"
        late = received.headers | {"webhook-timestamp": "1"}
        other = received.headers | {"webhook-id": "evt_other"}
        wrong = ((late, received.body), (other, received.body), (received.headers, b"{}"))
        for headers, body in wrong:
            with pytest.raises((ValueError, WebhookVerificationError)):
                verify(secret, headers, body)


def test_table_lists_every_type_of_event() -> None:
    cells = re.findall(r"^\| (`\w+\.\w+`(?:, `\w+\.\w+`)*) \|", _PAGE, re.MULTILINE)
    listed = [one for cell in cells for one in re.findall(r"`([^`]+)`", cell)]
    assert sorted(listed) == sorted(EVENT_TYPES)


def test_figures_are_those_of_the_code() -> None:
    seconds = [round(wait.total_seconds()) for wait in WAITS]
    hours = [one // 3600 for one in seconds[3:]]
    assert seconds[:3] == [5, 300, 1800]
    said = f"{', '.join(map(str, hours[:-1]))} and {hours[-1]} hours"
    assert f"after 5 seconds, 5 minutes, 30 minutes, then {said}" in _PAGE
    assert f"within {ANSWER_SECONDS:.0f} seconds" in _PAGE
    assert f"{MAX_WAITING:,} events wait at most" in _PAGE
    assert f"A body has {MAX_BODY_BYTES:,} bytes" in _PAGE
    assert f"A tenant has {MAX_WEBHOOKS} at most" in _PAGE
    assert f"the last {settings_for('sqlite:///x.db').keep_webhook_days} days" in _PAGE
    assert f"{MAX_AT_ONCE} at once, {MAX_OF_TENANT} of a tenant" in _OPERATING
