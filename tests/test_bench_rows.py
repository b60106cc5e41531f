"""The rows of `make bench` are such as the server writes, and its requests ask what it says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import orjson
import pytest

import models
from server.app import create_app
from server.decisions.rotations import under_way
from server.settings import read_settings
from server.starting import running_service
from server.token_format import DigestKey
from tests.bench import checks, dataset
from tests.bench.checks import Requests, Tokens, load_checks
from tests.bench.dataset import Dataset, Sizes
from tests.bench.page import PAGE_SIZE
from tests.support.audit import Birth, read_ledger

_KEY = bytes(range(32))
_SIZES = Sizes(tenants=2, tokens=60, small=60, large=1_500, deep_page=3)
_TOKENS = Tokens(tenants=4, each=20, asked=10, under_terms=10, tried=10)


@pytest.fixture
async def pages(database_url: str) -> Dataset:
    return await dataset.load(database_url, _SIZES, DigestKey(_KEY), asked=2)


@pytest.fixture
async def requests(database_url: str) -> Requests:
    return await load_checks(database_url, _TOKENS, DigestKey(_KEY))


@asynccontextmanager
async def speaking(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the service on that database."""
    settings = read_settings({"TESSERA_DATABASE_URL": url, "TESSERA_DIGEST_KEY": _KEY.hex()})
    async with running_service(settings) as service:
        app = create_app(service)
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://bench.test") as http:
            yield http
        await app.close()


async def ask(http: httpx2.AsyncClient, request: bytes) -> httpx2.Response:
    """The answer to a request in the form in which the load sends it."""
    head, _, body = request.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    method, target, _ = line.split(" ")
    headers = [(name, value) for name, _, value in (one.partition(": ") for one in fields)]
    return await http.request(method, target, headers=headers, content=body)


async def contradictions() -> list[str]:
    """The contradictions of all tokens; they have no search rows."""
    ledger = await read_ledger()
    assert ledger.orphans() == set()
    found = []
    for token in ledger.tokens.values():
        born = Birth(token.name, frozenset(ledger.held[token.id]), token.description)
        found += ledger.contradictions(token.id, born)
    return [one for one in found if not one.endswith("it is searched as None")]


async def used_and_unused() -> list[set[object]]:
    """The tokens that are marked as used, and those that have a last use."""
    marked = await models.Token.filter(first_used_at__isnull=False).values_list("id", flat=True)
    return [set(marked), set(await models.TokenLastUse.all().values_list("id", flat=True))]


async def test_rows_of_pages_obey_the_audit(pages: Dataset, database_url: str) -> None:
    async with speaking(database_url):
        assert await contradictions() == []
        marked, used = await used_and_unused()
        assert marked == used
        assert len(used) == (2 * 60 + 60 + 1_500) // 2
        # A fault that the audit finds.
        await models.TokenSecret.filter(block="PAUSED").update(block=None)
        paused = await models.Token.filter(paused_at__isnull=False).count()
        assert len(await contradictions()) == paused > 100


async def test_filtered_pages_are_full_and_meet_filter_and_order(
    pages: Dataset, database_url: str
) -> None:
    async with speaking(database_url) as http:
        shown = {}
        for name, one in pages.lists.items():
            answer = orjson.loads((await ask(http, one.request())).content)
            shown[name] = [edge["node"] for edge in answer["data"]["tokens"]["edges"]]
        rows = {row.name: row for row in await models.Token.all().order_by("id")}
        large = {edge["name"]: rows[edge["name"]] for page in shown.values() for edge in page}
    assert [len(page) for page in shown.values()] == [PAGE_SIZE] * 4
    active, owned, ending, holding = shown.values()
    last_uses = [one["lastUsedAt"] for one in active]
    assert last_uses == sorted(last_uses, reverse=True)
    assert [one["name"] for one in active if large[one["name"]].paused_at] == []
    names = [one["name"].lower() for one in owned]
    assert names == sorted(names)
    assert len({large[one["name"]].owner_id for one in owned}) == 1
    ends = [large[one["name"]].expires_at for one in ending]
    assert ends == sorted(ends, key=str)
    [*held] = [{permission["key"] for permission in one["permissions"]} for one in holding]
    assert set.intersection(*held)


async def test_rows_of_checks_obey_the_audit(requests: Requests, database_url: str) -> None:
    async with speaking(database_url):
        assert await contradictions() == []
        marked, used = await used_and_unused()
        assert marked == used
        assert len(used) == _TOKENS.under_terms


async def test_checks_pass_under_every_term(requests: Requests, database_url: str) -> None:
    assert [len(one) for one in (requests.plain, requests.under_terms, requests.tried)] == [10] * 3
    async with speaking(database_url) as http:
        plain = [await ask(http, one) for one in requests.plain]
        under_terms = [await ask(http, one) for one in requests.under_terms]
        tried = [await ask(http, one) for one in requests.tried]
        for tenant in await models.Tenant.all():
            networks = (tenant.networks or "").split(",")
            assert len(networks) in (1, 10)
        bound = await models.Token.exclude(networks=None)
        assert {len(str(token.networks).split(",")) for token in bound} == {10}
        assert len({token.networks for token in bound}) == len(bound) == 10
        for token in bound:
            rotation = (await under_way(token.tenant_id, [token.id]))[token.id]
            assert rotation.picked_up_at is not None
    assert {one.status_code for one in (*plain, *under_terms, *tried)} == {200}
    for one in (*plain, *tried):
        assert "x-tessera-token-expires-at" not in one.headers
        assert "token-hour" not in one.headers["ratelimit-policy"]
    for one in under_terms:
        assert one.headers["x-tessera-token-expires-at"]
        assert "token-hour" in one.headers["ratelimit-policy"]
    # Written when the application was closed: each of them was asked with its old secret.
    async with speaking(database_url):
        assert await models.SecretUse.all().count() == 10
        counted = await models.TrialDenial.all()
        assert [one.requests for one in counted] == [1] * 10


async def test_a_request_from_elsewhere_is_refused(
    monkeypatch: pytest.MonkeyPatch, sqlite_url: str
) -> None:
    """The networks bind: the load would end with `WrongAnswer`."""
    monkeypatch.setattr(checks, "_OWN_NETWORK", "192.0.2.0/24")
    asked = await load_checks(sqlite_url, _TOKENS, DigestKey(_KEY))
    async with speaking(sqlite_url) as http:
        plain = [(await ask(http, one)).status_code for one in asked.plain]
        bound = [(await ask(http, one)).status_code for one in asked.under_terms]
    assert (set(plain), set(bound)) == ({200}, {403})
