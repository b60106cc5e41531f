"""Spans: one a request, one an operation, some of the checks, with the listed attributes alone."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, format_span_id, format_trace_id

import models
from server.app import App, create_app
from server.global_ids import encode_id
from server.service import Service
from tests.support import leaks
from tests.support.factories import Client, Person, World
from tests.support.leaks import KEY_ID, Origin, document, listed
from tests.support.tcp_server import tcp_server
from tests.support.webhooks import NETWORKS, Receiver, delivering, hook, receiving

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACE_PARENT = f"00-{TRACE}-{CALLER}-01"
PERMISSION = "GET /api/v1/devices"
CREATE = """mutation ($i: CreateTokenInput!) { canary: createToken(input: $i) {
    __typename ... on Problem { code } } }"""


class Spans:
    """A service that makes spans, which are kept here, and a client of it."""

    def __init__(self, service: Service, **settings: Any) -> None:
        self.kept = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.kept))
        changed = replace(service.settings, **settings)
        self.service = replace(service, tracer=provider.get_tracer("tests"), settings=changed)
        self.app = create_app(self.service)
        self.client = client_of(self.app)

    def taken(self) -> list[ReadableSpan]:
        """The spans since the last time."""
        spans = [*self.kept.get_finished_spans()]
        self.kept.clear()
        return spans


def client_of(app: App) -> Client:
    transport: Any = httpx2.ASGITransport(app=app, client=("127.0.0.1", 40000))
    return Client(httpx2.AsyncClient(transport=transport, base_url="http://tessera.test"))


@pytest.fixture
def spans(service: Service) -> Spans:
    return Spans(service, trace_authorize_ratio=1.0, webhook_networks=NETWORKS)


def shown(span: ReadableSpan) -> tuple[str, SpanKind, Mapping[str, Any]]:
    return span.name, span.kind, dict(span.attributes or {})


def parent_of(span: ReadableSpan) -> str | None:
    return format_span_id(span.parent.span_id) if span.parent else None


def own_id(span: ReadableSpan) -> str:
    assert span.context
    return format_span_id(span.context.span_id)


def trace_of(span: ReadableSpan) -> str:
    assert span.context
    return format_trace_id(span.context.trace_id)


def tenant_of(person: Person) -> str:
    return encode_id("Tenant", person.admin.tenant_id)


async def test_request_and_operation_have_a_span_each_below_the_callers(
    spans: Spans, world: World
) -> None:
    person = await world.person()
    headers = {"traceparent": TRACE_PARENT, "tracestate": "canary=canary", "baggage": "a=canary"}
    made = await spans.client.of(person).graphql(CREATE, {"i": {"name": "canary"}}, **headers)
    assert made.json()["data"]["canary"]["__typename"] == "CreateTokenPayload"
    operation, request = spans.taken()
    assert shown(request) == (
        "POST /graphql",
        SpanKind.SERVER,
        {
            "http.request.method": "POST",
            "http.route": "/graphql",
            "http.response.status_code": 200,
            "url.scheme": "http",
            "tessera.request.id": made.headers["x-request-id"],
            "tessera.tenant.id": tenant_of(person),
        },
    )
    assert shown(operation) == (
        "createToken",
        SpanKind.INTERNAL,
        {
            "graphql.operation.type": "mutation",
            "tessera.tenant.id": tenant_of(person),
            "tessera.result.code": "OK",
        },
    )
    assert (parent_of(request), parent_of(operation)) == (CALLER, own_id(request))
    assert trace_of(request) == trace_of(operation) == TRACE
    for span in (request, operation):
        assert "canary" not in span.to_json()
        assert span.events == ()


async def test_each_root_field_has_a_span_and_each_result_its_code(
    spans: Spans, world: World
) -> None:
    person = await world.person()
    client = spans.client.of(person)
    await client.graphql("{ a: viewer { email } tenant { id } }")
    *below, request = [span.name for span in spans.taken()]
    assert (sorted(below), request) == (["tenant", "viewer"], "POST /graphql")
    await client.graphql(CREATE, {"i": {"name": ""}})
    await client.graphql('{ tokens(after: "x") { edges { cursor } } }')
    reader = await world.person(role=models.Role.AUDITOR)
    await spans.client.of(reader).graphql(CREATE, {"i": {"name": "x"}})
    codes = [span.attributes["tessera.result.code"] for span in operations_of(spans)]
    assert codes == ["INVALID_INPUT", "BAD_CURSOR", "FORBIDDEN"]


def operations_of(spans: Spans) -> list[Any]:
    return [span for span in spans.taken() if span.kind is SpanKind.INTERNAL]


async def test_fault_is_an_error_without_its_text(
    spans: Spans, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("canary")

    person = await world.person()
    monkeypatch.setattr("server.operations.tokens.create", fail)
    await spans.client.of(person).graphql(CREATE, {"i": {"name": "x"}})
    monkeypatch.setattr("server.identity.session.read_json", fail)
    await spans.client.http.post("/session", json={})
    operation, answered, failed = spans.taken()
    assert (operation.attributes or {})["tessera.result.code"] == "INTERNAL"
    assert (answered.attributes or {})["http.response.status_code"] == 200
    assert (failed.attributes or {})["http.response.status_code"] == 500
    for span, kind in ((operation, "INTERNAL"), (failed, "500")):
        assert (span.attributes or {})["error.type"] == kind
        assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
        assert (span.events, "canary" in span.to_json()) == ((), False)


async def test_request_of_a_holder_names_its_tenant(spans: Spans, world: World) -> None:
    person = await world.person()
    secret = (await world.token(person)).secret
    await spans.client.http.get("/token", headers={"Authorization": f"Bearer {secret}"})
    await spans.client.http.get("/token", headers={"Authorization": "Bearer canary"})
    known, unknown = spans.taken()
    assert (known.attributes or {})["tessera.tenant.id"] == tenant_of(person)
    assert shown(unknown) == (
        "GET /token",
        SpanKind.SERVER,
        {
            "http.request.method": "GET",
            "http.route": "/token",
            "http.response.status_code": 401,
            "url.scheme": "http",
            "tessera.request.id": (unknown.attributes or {})["tessera.request.id"],
        },
    )


async def test_request_that_no_route_takes_is_named_by_its_method(spans: Spans) -> None:
    await spans.client.http.get("/canary?canary=canary", headers={"User-Agent": "canary"})
    await spans.client.http.request("CANARY", "/session")
    first, second = spans.taken()
    assert first.name == "GET"
    assert second.name.split(" ")[0] == "HTTP"
    assert (second.attributes or {})["http.request.method"] == "_OTHER"
    assert "canary" not in (first.to_json() + second.to_json()).lower()


@pytest.mark.parametrize(
    "value",
    [
        "", "canary", f"00-{'0' * 32}-{CALLER}-01", f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{CALLER}-01",
        f"00-{TRACE.upper()}-{CALLER}-01", f"{TRACE_PARENT}-more", TRACE_PARENT[:-1],
        "00-" + "a" * 9_000, "\xff" * 55, f"00-{TRACE}-{CALLER}-zz",
    ],
)  # fmt: skip
async def test_malformed_parent_is_ignored(spans: Spans, value: str) -> None:
    answer = await spans.client.http.get(
        "/healthz", headers=[(b"traceparent", value.encode("latin-1"))]
    )
    assert answer.status_code == 200
    [span] = spans.taken()
    assert span.parent is None
    assert trace_of(span) != TRACE


async def test_parent_that_comes_twice_is_ignored(spans: Spans) -> None:
    await spans.client.http.get("/healthz", headers=[("traceparent", TRACE_PARENT)] * 2)
    [span] = spans.taken()
    assert span.parent is None


async def test_request_of_a_caller_that_is_not_sampled_is_not_either(spans: Spans) -> None:
    await spans.client.http.get("/healthz", headers={"traceparent": f"{TRACE_PARENT[:-1]}0"})
    assert spans.taken() == []


async def check(
    spans: Spans, world: World, person: Person, secret: str, path: str = "/api/v1/devices"
) -> int:
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    answer = await spans.client.http.get(
        "/authorize",
        headers={
            "host": f"{tenant.slug}.api.us.example.com",
            "x-original-method": "GET",
            "x-original-uri": f"{path}?canary=canary",
            "authorization": f"Bearer {secret}",
            "user-agent": "canary",
            "traceparent": TRACE_PARENT,
        },
    )
    return answer.status_code


async def test_check_has_a_span_with_the_reason_of_its_denial(spans: Spans, world: World) -> None:
    person = await world.person()
    made = await world.token(person, permissions=[PERMISSION])
    assert await check(spans, world, person, made.secret) == 200
    assert await check(spans, world, person, made.secret, "/api/v1/users") == 403
    assert await check(spans, world, person, f"{made.secret[:-1]}x") == 401
    allowed, denied, unknown = spans.taken()
    told = {
        "http.request.method": "GET",
        "http.route": "/authorize",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "tessera.tenant.id": tenant_of(person),
        "tessera.result.code": "OK",
    }
    assert shown(allowed) == ("GET /authorize", SpanKind.SERVER, told)
    told |= {"http.response.status_code": 403, "tessera.result.code": "INSUFFICIENT_SCOPE"}
    assert shown(denied) == ("GET /authorize", SpanKind.SERVER, told)
    del told["tessera.tenant.id"]
    told |= {"http.response.status_code": 401, "tessera.result.code": "INVALID_TOKEN"}
    assert shown(unknown) == ("GET /authorize", SpanKind.SERVER, told)
    for span in (allowed, denied, unknown):
        assert (parent_of(span), trace_of(span)) == (CALLER, TRACE)
        assert (span.start_time or 0) < (span.end_time or 0)
        assert "canary" not in span.to_json()


async def test_callers_do_not_choose_which_checks_are_traced(
    service: Service, world: World
) -> None:
    person = await world.person()
    spans = Spans(service, trace_authorize_ratio=0.0)
    for _ in range(20):
        await check(spans, world, person, "canary")
    assert spans.taken() == []
    spans = Spans(service, trace_authorize_ratio=0.5)
    for _ in range(100):
        await check(spans, world, person, "canary")
    # Out of 100 by chance: as good as never outside.
    assert 10 < len(spans.taken()) < 90


async def test_webhook_gets_the_trace_of_its_delivery(spans: Spans, world: World) -> None:
    person, receiver = await world.person(), Receiver(answers=lambda number: 500 if number else 204)
    async with receiving(receiver), delivering(spans.service):
        await hook(spans.service, person, receiver)
        await world.token(person, "canary")
        await world.token(person, "canary")
        await receiver.has(2)
    # A slow machine tries once more.
    delivered, refused = spans.taken()[:2]
    told = {
        "http.request.method": "POST",
        "http.response.status_code": 204,
        "tessera.tenant.id": tenant_of(person),
        "tessera.result.code": "DELIVERED",
    }
    assert shown(delivered) == ("POST", SpanKind.CLIENT, told)
    told |= {"http.response.status_code": 500, "tessera.result.code": "REFUSED"}
    assert shown(refused) == ("POST", SpanKind.CLIENT, {**told, "error.type": "REFUSED"})
    sent = [one.headers["traceparent"].split("-")[:3] for one in receiver.got[:2]]
    assert sent == [["00", trace_of(span), own_id(span)] for span in (delivered, refused)]
    assert trace_of(delivered) != trace_of(refused)


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    made = Origin()
    made.document = document(listed(KEY_ID, made.signer))
    async with tcp_server(made.serve) as made.port:
        yield made


async def report(app: App, origin: Origin) -> None:
    headers = {
        "Github-Public-Key-Identifier": KEY_ID,
        "Github-Public-Key-Signature": origin.sign(b"[]"),
        "traceparent": TRACE_PARENT,
    }
    async with leaks.at(app, leaks.HERE) as http:
        await http.post("/leaks/github", content=b"[]", headers=headers)


async def test_origin_of_keys_gets_the_trace_of_the_request(
    service: Service, origin: Origin
) -> None:
    spans = Spans(service, leak_keys_url=origin.url)
    await report(spans.app, origin)
    [span] = spans.taken()
    assert span.name == "POST /leaks/github"
    assert origin.trace_parents == [f"00-{TRACE}-{own_id(span)}-01"]


async def test_nothing_is_passed_on_where_no_spans_are_made(
    service: Service, origin: Origin
) -> None:
    settings = replace(service.settings, leak_keys_url=origin.url)
    await report(create_app(replace(service, settings=settings)), origin)
    assert origin.trace_parents == [""]
