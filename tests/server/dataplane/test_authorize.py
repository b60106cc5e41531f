"""`/authorize`: every row of the contract's table, for every gateway kind."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from ipaddress import ip_network

import pytest

import models
from models import RefusalReason, Role
from server.app import App, create_app
from server.global_ids import encode_id
from server.operations import admins, tokens
from server.service import Service
from tests.support.factories import Person, World
from tests.support.gateways import Gateway, gateway

HELD = "GET /api/v1/devices"
NOT_HELD = "GET /api/v1/blueprints"


@dataclass
class Case:
    """A tenant with a token that holds one permission, and a gateway that asks about it."""

    app: App
    gateway: Gateway
    person: Person
    tenant: models.Tenant
    token: models.Token
    secret: str

    @property
    def host(self) -> str:
        return f"{self.tenant.slug}.api.us.example.com"


@pytest.fixture(params=["nginx", "caddy", "traefik", "envoy"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def case(service: Service, world: World) -> AsyncIterator[Case]:
    async for made in make_case(service, world, "nginx"):
        yield made


async def make_case(service: Service, world: World, kind: str) -> AsyncIterator[Case]:
    service = replace(service, settings=replace(service.settings, gateway=kind))
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    created = await tokens.create(person.principal, service, name="t", permissions=[HELD])
    app = create_app(service)
    async with gateway(app, kind).http as http:
        yield Case(app, Gateway(http, kind), person, tenant, created.token, created.secret)
    await app.close()


@pytest.fixture
async def case_of_kind(service: Service, world: World, kind: str) -> AsyncIterator[Case]:
    async for made in make_case(service, world, kind):
        yield made


async def test_token_is_allowed_its_granted_operation(case_of_kind: Case) -> None:
    case = case_of_kind
    answer = await case.gateway.ask(case.secret, host=case.host)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["x-tessera-tenant"] == case.tenant.slug
    assert answer.headers["x-tessera-token"] == encode_id("Token", case.token.id)
    assert answer.headers["x-tessera-permission"] == HELD
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["ratelimit-policy"] == '"hour";q=10000;w=3600'
    assert answer.headers["ratelimit"].startswith('"hour";r=9999;t=')


async def test_token_is_denied_every_other_operation(case_of_kind: Case) -> None:
    case = case_of_kind
    answer = await case.gateway.ask(case.secret, target="/api/v1/blueprints", host=case.host)
    assert answer.status_code == 403
    assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'
    assert answer.json()["permission"] == NOT_HELD
    assert answer.json()["requestId"] == answer.headers["x-request-id"]
    nothing = await case.gateway.ask(case.secret, target="/nowhere", host=case.host)
    assert (nothing.status_code, nothing.json()["code"]) == (403, "NO_SUCH_OPERATION")
    odd = await case.gateway.ask(case.secret, target="/api/v1//devices", host=case.host)
    assert (odd.status_code, odd.json()["code"]) == (403, "TARGET_NOT_CANONICAL")


async def test_missing_bearer_is_challenged(case_of_kind: Case) -> None:
    case = case_of_kind
    answer = await case.gateway.ask(None, host=case.host)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_unknown_secrets_all_get_the_same_answer(case: Case, world: World) -> None:
    stranger = await world.person()
    foreign = await tokens.create(stranger.principal, world.service, name="f", permissions=[HELD])
    ended = await tokens.create(stranger.principal, world.service, name="e")
    await tokens.revoke(stranger.principal, ended.token.id)
    asked = {
        "unknown": "tsr_" + "0" * 49,
        "malformed": "nonsense",
        "empty": "",
        "foreign": foreign.secret,
        "foreign and revoked": ended.secret,
    }
    answers = [await case.gateway.ask(secret, host=case.host) for secret in asked.values()]
    answers.append(await case.gateway.ask(case.secret, host="elsewhere.example.com"))
    answers.append(await case.gateway.ask(case.secret, host="nobody.api.us.example.com"))
    answers.append(
        await case.gateway.ask(case.secret, host=f"{case.tenant.slug}.api.eu.example.com")
    )
    assert {(a.status_code, a.headers.raw and str(a.headers), a.content) for a in answers} == {
        (401, str(answers[0].headers), answers[0].content)
    }
    assert answers[0].headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_revoked_token_is_denied_as_revoked(case_of_kind: Case, world: World) -> None:
    case = case_of_kind
    await tokens.revoke(case.person.principal, case.token.id)
    for target in ("/api/v1/devices", "/nowhere", "/api/v1//devices"):
        answer = await case.gateway.ask(case.secret, target=target, host=case.host)
        assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_REVOKED")
        assert answer.headers["x-tessera-code"] == "TOKEN_REVOKED"
        assert answer.headers["www-authenticate"] == (
            'Bearer error="invalid_token", error_description="The API token was revoked."'
        )


_NOT_CANONICAL = ("X_Forwarded_Host", "X.Original.URL", "x_method", "A!", "~", "X-Tessera_Tenant")


async def test_header_that_backends_may_read_as_another_is_refused(case_of_kind: Case) -> None:
    """Only a live token gets this answer. The check sees every one of several such lines."""
    case = case_of_kind
    for name in _NOT_CANONICAL:
        for headers in ([(name, "x")], [(name, "x"), (name, "y")]):
            answer = await case.gateway.ask(case.secret, host=case.host, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "HEADER_NOT_CANONICAL")
    odd = [("X_A", "")]
    answer = await case.gateway.ask(case.secret, target="//x", host=case.host, headers=odd)
    assert answer.json()["code"] == "HEADER_NOT_CANONICAL"
    answer = await case.gateway.ask("tsr_" + "0" * 49, host=case.host, headers=odd)
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_TOKEN")
    ordinary = {"Sec-CH-UA-Full-Version-List": "x", "X-1": "y"}
    answer = await case.gateway.ask(case.secret, host=case.host, headers=ordinary)
    assert (answer.status_code, answer.headers["ratelimit"][:15]) == (200, '"hour";r=9999;t')
    await case.app.close()
    reasons = [one.reason for one in await models.TokenRefusal.filter(tenant_id=case.tenant.id)]
    assert reasons == [RefusalReason.HEADER_NOT_CANONICAL] * (2 * len(_NOT_CANONICAL) + 1)


async def test_trailing_dot_of_the_host_is_ignored(case_of_kind: Case) -> None:
    case = case_of_kind
    for host in (f"{case.host}.", f"{case.host}.:8443", case.host.upper() + "."):
        assert (await case.gateway.ask(case.secret, host=host)).status_code == 200, host
    for host in (f"{case.host}..", f".{case.host}", f"{case.host}:8443."):
        assert (await case.gateway.ask(case.secret, host=host)).status_code == 401, host


async def test_change_counts_from_the_next_check_on(case: Case, world: World) -> None:
    who = case.person.principal
    await tokens.set_permissions(who, world.service, case.token.id, [NOT_HELD])
    assert (await case.gateway.ask(case.secret, host=case.host)).status_code == 403
    await tokens.set_permissions(who, world.service, case.token.id, [HELD])
    assert (await case.gateway.ask(case.secret, host=case.host)).status_code == 200
    await tokens.revoke(who, case.token.id)
    assert (await case.gateway.ask(case.secret, host=case.host)).status_code == 401


@pytest.mark.parametrize("how_many", [0, 1, 47, 48, 49, 121])
async def test_token_is_allowed_exactly_its_permissions_for_any_number(
    case: Case, world: World, how_many: int
) -> None:
    """A secret's row holds its grants up to a limit; beyond it they are rows of their own."""
    permissions = world.service.catalogue.permissions
    held = [permission.key for permission in permissions[:how_many]]
    await tokens.set_permissions(case.person.principal, world.service, case.token.id, held)

    async def opened() -> list[str]:
        found = []
        for permission in permissions:
            target = re.sub(r"{\w+}", "x1", permission.path)
            answer = await case.gateway.ask(case.secret, permission.method, target, host=case.host)
            assert answer.headers["x-tessera-permission"] == permission.key
            if answer.status_code == 200:
                found.append(permission.key)
        return found

    assert await opened() == held
    # As in a row that was written before rows held grants.
    own = models.TokenSecret.filter(tenant_id=case.tenant.id, token_id=case.token.id)
    await own.update(grants=None)
    assert await opened() == held


async def test_tokens_of_a_removed_admin_are_denied(case: Case, world: World) -> None:
    admin = await world.person(case.tenant, role=Role.ADMIN)
    made = await tokens.create(admin.principal, world.service, name="t", permissions=[HELD])
    assert (await case.gateway.ask(made.secret, host=case.host)).status_code == 200
    await admins.remove(case.person.principal, admin.admin.id)
    assert (await case.gateway.ask(made.secret, host=case.host)).status_code == 401


async def test_every_altered_secret_is_denied(case: Case) -> None:
    """Exhaustive for one secret: truncated, extended, case swapped, each character replaced."""
    secret = case.secret
    altered = {secret[:n] for n in range(len(secret))} | {secret[n:] for n in range(1, len(secret))}
    altered |= {secret + more for more in ("0", "a", "=", "_", secret)}
    altered |= {secret.swapcase(), secret.upper(), secret.lower()}
    for place, character in enumerate(secret):
        for other in "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-":
            if other != character:
                altered.add(secret[:place] + other + secret[place + 1 :])
    altered.discard(secret)
    assert len(altered) > 3000
    for wrong in altered:
        assert (await case.gateway.ask(wrong, host=case.host)).status_code == 401, wrong
    assert (await case.gateway.ask(secret, host=case.host)).status_code == 200


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        b"Basic eDp5",
        b"Bearer a, Bearer b",
        b"Bearer \x01\x02",
        b"Bearer \xff\xfe",
        b"Bearer " + b"a" * 60_000,
        "Bearer tsr_é".encode(),
        b"\x00",
        b"bearer tsr_x y",
    ],
)
async def test_no_credential_causes_a_server_error(case: Case, value: bytes) -> None:
    answer = await case.gateway.http.get(
        "/authorize",
        headers=[
            (b"Host", case.host.encode()),
            (b"X-Original-Method", b"GET"),
            (b"X-Original-URI", b"/api/v1/devices"),
            (b"Authorization", value),
        ],
    )
    assert answer.status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  ", "Bearer    "])
async def test_scheme_is_case_insensitive_and_may_have_spaces(case: Case, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {case.secret}"}
    answer = await case.gateway.ask(None, host=case.host, headers=headers)
    assert answer.status_code == 200


async def test_two_credentials_are_refused(case: Case) -> None:
    answer = await case.gateway.ask(
        case.secret, host=case.host, headers={"Authorization": f"Bearer {case.secret}"}
    )
    assert answer.status_code == 401


async def test_only_configured_gateways_are_answered(service: Service, case: Case) -> None:
    for peer in ("10.0.0.1", "::2", "unknown", ""):
        async with gateway(create_app(service), peer=peer).http as http:
            answer = await Gateway(http).ask(case.secret, host=case.host)
        assert (answer.status_code, answer.json()["code"]) == (403, "UNKNOWN_PEER")
    # On a dual-stack socket, an IPv4 peer has an IPv4-mapped IPv6 address.
    for peer in ("127.0.0.9", "::1", "::ffff:127.0.0.9"):
        async with gateway(create_app(service), peer=peer).http as http:
            answer = await Gateway(http).ask(case.secret, host=case.host)
        assert answer.status_code == 200, peer


async def test_headers_of_other_gateway_kinds_are_ignored(case: Case) -> None:
    """A client may send them, so they must have no effect."""
    spoofed = {
        "X-Forwarded-Method": "GET",
        "X-Forwarded-Uri": "/api/v1/devices",
        "X-Forwarded-Host": case.host,
    }
    answer = await case.gateway.ask(
        case.secret, target="/api/v1/blueprints", host=case.host, headers=spoofed
    )
    assert answer.status_code == 403
    answer = await case.gateway.http.get(
        "/authorize", headers={**spoofed, "Authorization": f"Bearer {case.secret}"}
    )
    assert answer.status_code == 400


async def test_duplicate_original_header_is_refused(case: Case) -> None:
    answer = await case.gateway.ask(
        case.secret, host=case.host, headers={"X-Original-URI": "/api/v1/devices"}
    )
    assert answer.status_code == 400


async def test_tenant_over_its_limit_is_429_until_the_next_hour(case_of_kind: Case) -> None:
    case = case_of_kind
    await models.Tenant.filter(id=case.tenant.id).update(requests_per_hour=3)
    for _ in range(3):
        assert (await case.gateway.ask(case.secret, host=case.host)).status_code == 200
    answer = await case.gateway.ask(case.secret, host=case.host)
    # nginx turns any status but 2xx, 401 and 403 into a 500.
    assert answer.status_code == (403 if case.gateway.kind == "nginx" else 429)
    assert answer.headers["x-tessera-status"] == "429"
    assert 1 <= int(answer.headers["retry-after"]) <= 3600
    assert answer.headers["ratelimit"] == f'"hour";r=0;t={answer.headers["retry-after"]}'
    assert answer.headers["ratelimit-policy"] == '"hour";q=3;w=3600'


async def test_limit_applies_to_its_tenant_alone(case: Case, world: World) -> None:
    await models.Tenant.filter(id=case.tenant.id).update(requests_per_hour=1)
    assert (await case.gateway.ask(case.secret, host=case.host)).status_code == 200
    second = await tokens.create(case.person.principal, world.service, name="2", permissions=[HELD])
    assert (await case.gateway.ask(second.secret, host=case.host)).status_code == 403
    other = await world.person()
    theirs = await models.Tenant.get(id=other.admin.tenant_id)
    made = await tokens.create(other.principal, world.service, name="o", permissions=[HELD])
    host = f"{theirs.slug}.api.us.example.com"
    assert (await case.gateway.ask(made.secret, host=host)).status_code == 200


async def test_decisions_are_logged(case: Case) -> None:
    sent = {
        "User-Agent": "probe/1",
        "X-Forwarded-For": "192.0.2.7",
        "X-Request-Id": "5f0c2b9d-6f6e",
    }
    for target in ("/api/v1/devices", "/api/v1/devices", "/api/v1/blueprints", "/nowhere"):
        await case.gateway.ask(case.secret, target=target, host=case.host, headers=sent)
    await case.app.close()
    uses = {
        use.key: (use.allowed, use.denied)
        for use in await models.TokenUse.filter(tenant_id=case.tenant.id, token_id=case.token.id)
    }
    assert uses == {HELD: (2, 0), NOT_HELD: (0, 1), "": (0, 1)}
    refusals = await models.TokenRefusal.filter(tenant_id=case.tenant.id).order_by("id")
    assert [
        (r.reason, r.method, r.path, r.address, r.user_agent, r.request_id) for r in refusals
    ] == [
        (
            RefusalReason.NOT_GRANTED,
            "GET",
            "/api/v1/blueprints",
            "192.0.2.7",
            "probe/1",
            "5f0c2b9d-6f6e",
        ),
        (RefusalReason.NO_SUCH_OPERATION, "GET", "", "192.0.2.7", "probe/1", "5f0c2b9d-6f6e"),
    ]
    last = await models.TokenLastUse.get(tenant_id=case.tenant.id, id=case.token.id)
    assert (last.last_used_from, last.last_used_user_agent) == ("192.0.2.7", "probe/1")
    assert last.last_used_at > case.token.created_at
    token = await models.Token.get(tenant_id=case.tenant.id, id=case.token.id)
    assert token.revision == case.token.revision


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("10.9.9.9, 192.0.2.7", "192.0.2.7"),
        ("192.0.2.7, 10.9.9.9", "192.0.2.7"),
        ("192.0.2.7, 10.9.9.9,10.8.8.8", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("10.9.9.9", "10.9.9.9"),
        ("192.0.2.7, ::ffff:10.9.9.9", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", "127.0.0.1"),
        (",", "127.0.0.1"),
        ("nonsense, 10.9.9.9", "unknown"),
        ("192.0.2.7:80", "192.0.2.7"),
        ("fe80::1%eth0, 10.9.9.9", "fe80::1"),
        ("fe80::1%" + "a" * 300 + ", 10.9.9.9", "unknown"),
        ("192.0.2.7 " * 100, "unknown"),
    ],
)
async def test_client_address_comes_from_a_trusted_proxy(
    service: Service, world: World, forwarded: str, address: str
) -> None:
    """An unreadable address becomes `unknown`: one that is too long would fail the flush."""
    networks = (ip_network("10.0.0.0/8"), ip_network("127.0.0.0/8"))
    trusting = replace(service, settings=replace(service.settings, trusted_proxies=networks))
    async for case in make_case(trusting, world, "nginx"):
        headers = {"X-Forwarded-For": forwarded}
        await case.gateway.ask(case.secret, host=case.host, headers=headers)
        await case.gateway.ask(case.secret, target="/nowhere", host=case.host, headers=headers)
        await case.app.close()
        last = await models.TokenLastUse.get(tenant_id=case.tenant.id, id=case.token.id)
        assert last.last_used_from == address
        assert (await models.TokenRefusal.get(tenant_id=case.tenant.id)).address == address


async def test_gateways_x_forwarded_for_is_used_and_not_forwarded(
    service: Service, world: World
) -> None:
    """A gateway passes on `Forwarded` as its client sent it."""
    settings = replace(service.settings, forwarded_header="forwarded")
    async for case in make_case(replace(service, settings=settings), world, "caddy"):
        headers = {"X-Forwarded-For": "192.0.2.7", "Forwarded": "for=6.6.6.6"}
        await case.gateway.ask(case.secret, host=case.host, headers=headers)
        await case.app.close()
        last = await models.TokenLastUse.get(tenant_id=case.tenant.id, id=case.token.id)
        assert last.last_used_from == "192.0.2.7"


async def test_decision_log_grows_with_tokens_not_with_traffic(case: Case) -> None:
    for _ in range(3):
        for _ in range(30):
            await case.gateway.ask(case.secret, target="/nowhere", host=case.host)
        await case.app.close()
    assert await models.TokenUse.filter(tenant_id=case.tenant.id).count() == 1
    assert (await models.TokenUse.get(tenant_id=case.tenant.id)).denied == 90
    assert await models.TokenRefusal.filter(tenant_id=case.tenant.id).count() == 20


ASKS = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "DELETE"}


async def passing_case(service: Service, world: World, kind: str) -> AsyncIterator[Case]:
    settings = replace(service.settings, pass_preflight=True)
    async for made in make_case(replace(service, settings=settings), world, kind):
        yield made


async def test_preflight_passes_where_the_settings_allow_it(
    service: Service, world: World, kind: str
) -> None:
    async for case in passing_case(service, world, kind):
        for host in (case.host, "nobody.api.us.example.com"):
            answer = await case.gateway.ask(None, "OPTIONS", "/any", host=host, headers=ASKS)
            assert (answer.status_code, answer.content) == (200, b"")
            names = {name.lower() for name in answer.headers}
            assert not {name for name in names if name.startswith(("x-tessera", "ratelimit"))}
        await case.app.close()
        assert await models.TokenUse.filter(tenant_id=case.tenant.id).count() == 0
        await models.Tenant.filter(id=case.tenant.id).update(requests_per_hour=1)
        # It does not count against the tenant's limit.
        assert (await case.gateway.ask(case.secret, host=case.host)).status_code == 200


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("OPTIONS", {}),
        ("OPTIONS", {"Origin": "https://app.example.com"}),
        ("OPTIONS", {"Access-Control-Request-Method": "GET"}),
        ("OPTIONS", {**ASKS, "Origin": ""}),
        ("OPTIONS", {**ASKS, "X_Forwarded_Host": "x"}),
        ("OPTIONS", {**ASKS, "Authorization": "Basic eDp5"}),
        ("OPTIONS", {**ASKS, "Authorization": ""}),
        ("OPTIONS", {**ASKS, "Authorization": "Bearer tsr_" + "0" * 49}),
        ("options", ASKS),
        ("GET", ASKS),
        ("HEAD", ASKS),
        ("DELETE", ASKS),
    ],
)
async def test_only_a_preflight_passes_without_a_token(
    service: Service, world: World, method: str, headers: dict[str, str]
) -> None:
    async for case in passing_case(service, world, "caddy"):
        answer = await case.gateway.ask(None, method, host=case.host, headers=headers)
        assert answer.status_code == 401


async def test_preflight_is_challenged_by_default(case_of_kind: Case) -> None:
    case = case_of_kind
    answer = await case.gateway.ask(None, "OPTIONS", host=case.host, headers=ASKS)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
