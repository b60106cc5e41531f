"""`/metrics` shows lags and connections, and the documents name metrics that exist."""

import asyncio
import json
import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

import models
from server.database import transaction
from server.decisions.log import DecisionLog
from server.monitoring.loop_lag import LoopWatch
from server.monitoring.metrics import REGISTRY
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import Client, World
from tests.support.process import ROOT
from tests.support.waiting import until

NAME = re.compile(r"\b(?:tessera|process)_[a-z_]+")
# The suffixes of a histogram's series, and of the one that says when a counter was made.
PARTS = re.compile(r"_(?:bucket|sum|count|created)$")
DOCUMENTS = [
    ROOT / "docs" / "monitoring" / "alerts.yaml",
    ROOT / "docs" / "monitoring" / "dashboard.json",
]


async def exported(client: Client) -> dict[str, float]:
    """The series of `/metrics`, by name with labels."""
    text = (await client.http.get("/metrics")).text
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {series: float(value) for series, _, value in lines}


async def test_outbox_lag_is_the_wait_of_the_longest_due(world: World, client: Client) -> None:
    lag = 'tessera_outbox_lag_seconds{queue="webhooks"}'
    assert (await exported(client))[lag] == 0
    admin = (await world.person()).admin
    for seconds in (-60, 100, 200):
        await models.Webhook.create(
            tenant_id=admin.tenant_id,
            url="https://example.com/",
            events="token.created",
            created_by_id=admin.id,
            secret=b"",
            state=models.WebhookState.ACTIVE,
            last_number=1,
            due_at=models.now() - timedelta(seconds=seconds),
        )
    found = await exported(client)
    assert 199 < found[lag] < 500
    assert found['tessera_outbox_lag_seconds{queue="mails"}'] == 0
    # An event that is held for a suspended tenant is not late.
    tenant = await models.Tenant.get(id=admin.tenant_id)
    tenant.suspended_at = models.now()
    await tenant.save()
    assert (await exported(client))[lag] == 0
    tenant.suspended_at = None
    await tenant.save()
    assert (await exported(client))[lag] > 0
    # An event that an instance is about to send does not wait.
    held = models.Webhook.filter(due_at__lt=models.now())
    await held.update(leased_until=models.now() + timedelta(minutes=5))
    assert (await exported(client))[lag] == 0


async def test_connections_to_postgresql_are_told_by_pool(postgres_url: str) -> None:
    def told(metric: str, **labels: str) -> float:
        name = f"tessera_database_{metric}"
        return REGISTRY.get_sample_value(name, {"pool": "shared", **labels}) or 0.0

    seen = asyncio.Event()

    async def hold() -> None:
        async with transaction():
            await seen.wait()

    async with running_service(settings_for(postgres_url)):
        before, most = told("connections", state="used"), int(told("connections_max"))
        holding = [asyncio.create_task(hold()) for _ in range(most + 1)]

        async def one_waits() -> bool:
            return told("waiting") == 1 and told("connections", state="used") == before + most

        await until(one_waits)
        seen.set()
        await asyncio.gather(*holding)
        assert (told("waiting"), told("connections", state="used")) == (0, before)


async def test_loop_that_is_held_up_shows_its_lag() -> None:
    watch = LoopWatch()
    await watch.start("held up")
    time.sleep(0.8)  # noqa: ASYNC251 - holds the loop up

    async def is_told() -> bool:
        return bool(of_lag("count"))

    await until(is_told)
    watch.stop()
    assert of_lag("sum") >= 0.25


def of_lag(part: str) -> float:
    name = f"tessera_event_loop_lag_seconds_{part}"
    return REGISTRY.get_sample_value(name, {"loop": "held up"}) or 0.0


async def test_decisions_that_wait_to_be_written_are_told() -> None:
    log = DecisionLog()
    assert log.waits_since() is None
    log.note("t", "1", "GET", "k", None, "", "", "", 1_000.0)
    log.note("t", "2", "GET", "k", None, "", "", "", 1_001.0)
    assert log.waits_since() == 1_000.0
    assert (REGISTRY.get_sample_value("tessera_decision_log_lag_seconds") or 0) > 1_000_000
    assert log._timer is not None
    log._timer.cancel()


def names_in(text: str) -> set[str]:
    return {PARTS.sub("", name) for name in NAME.findall(text)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_metrics_that_exist(document: Path) -> None:
    named = names_in(document.read_text())
    assert len(named) > 5
    assert named <= known()


def known() -> set[str]:
    """All metrics by the names that queries use."""
    found = {"tessera_worker_up", "tessera_outbox_lag_seconds"}
    for family in REGISTRY.collect():
        found.add(f"{family.name}_total" if family.type == "counter" else family.name)
    return found


def test_page_of_the_operator_describes_every_metric() -> None:
    page = (ROOT / "docs" / "operating.md").read_text()
    described = names_in("\n".join(re.findall(r"^\| `(.*?)` \|", page, re.MULTILINE)))
    assert described == {name for name in known() if not name.startswith("process_")}


def test_alerts_and_dashboard_have_the_form_that_they_are_read_in() -> None:
    (group,) = yaml.safe_load(DOCUMENTS[0].read_text())["groups"]
    for rule in group["rules"]:
        assert rule.keys() - {"for"} == {"alert", "expr", "labels", "annotations"}
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert re.fullmatch(r"[0-9]+m", rule.get("for", "1m"))
        assert rule["labels"]["severity"] in {"page", "ticket"}
    assert len({rule["alert"] for rule in group["rules"]}) == len(group["rules"]) > 10
    dashboard = json.loads(DOCUMENTS[1].read_text())
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"]) > 10
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            assert target["expr"].count("(") == target["expr"].count(")")
            assert names_in(target["expr"]), panel["title"]
