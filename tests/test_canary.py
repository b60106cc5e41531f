"""Canaries: known secrets are sent everywhere, and must not show up in answers, log or database.

A real server process on each database, with its most verbose log, gets a token's secret, passwords,
sessions, an invitation and its digest key: where they belong, and in every text of the schema and
of every route, as literals and as variables, in requests that succeed and that fail, with its
tables and without. Then the test searches its answers, its log, its spans and its database.

Stored names and descriptions are data: there the canaries are sent in a form that is refused.
Aliases are left out, since the answer repeats them to the client that chose them.
"""

import asyncio
import json
import re
import shutil
import sqlite3
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg
import httpx2
import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    get_named_type,
    get_nullable_type,
    is_enum_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

from server.graphql.schema import CORE_SCHEMA
from server.token_format import is_token_secret, new_token_secret
from tests.support.collector import attributes, collecting
from tests.support.leaks import serving_origin
from tests.support.mail_server import MailServer
from tests.support.postgres import PostgresCluster
from tests.support.process import ServerProcess, tessera
from tests.support.recording import (
    LATEST,
    Recording,
    misplace_at_holders_doors,
    rotate_and_report,
    rotate_within,
)
from tests.support.soak import IS_SOAK
from tests.support.waiting import wait_until
from tests.support.webhooks import listening

TENANT, OWNER, GUEST = "acme", "owner@acme.example", "guest@acme.example"
PERMISSION = "GET /api/v1/devices"
STORED_NAME = "a name that is stored"
TABLES = (
    "session", "token", "token_secret", "token_permission", "activity", "admin", "attempt_counter",
    "token_use", "token_last_use", "token_rotation", "token_trial", "trial_denial",
    "gateway", "known_address", "webhook", "webhook_event",
)  # fmt: skip
TOKEN = "a token's secret"
LATER = "a token's later secret"
HOOK = "a webhook's secret"
# The target that PERMISSION allows.
TARGET = "/api/v1/devices"
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*")
# Longer than a hint.
_SECRET = re.compile(rb"tsr_[0-9A-Za-z]{8,}")
_SECRET_LENGTH = len(new_token_secret("tsr"))
# The end of the cookies' names: the path of the public URL of `mail_server.settings`.
_AT_PATH = "_tessera"
_BEFORE_WORD = re.compile(rb"(?<![\w-])")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def recording(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Recording]:
    """A server after all requests, stopped before the tests search."""
    folder = tmp_path_factory.mktemp("canary")
    if request.param == "sqlite":
        file = folder / "tessera.db"
        shutil.copy(request.getfixturevalue("migrated_file"), file)
        yield recorded(folder, f"sqlite://{file}", sqlite_script(file), lambda: sqlite_dump(file))
        return
    with PostgresCluster() as cluster:
        url = cluster.create_database_now("tessera")
        migrated = tessera("migrate", database_url=url)
        assert migrated.returncode == 0, migrated.stderr

        def dump() -> dict[str, bytes]:
            return {"dump": cluster.dump(url).encode(), "its log": cluster.log().encode()}

        yield recorded(folder, url, postgres_script(url), dump)


def recorded(
    folder: Path,
    url: str,
    script: Callable[[str], None],
    dump: Callable[[], dict[str, bytes]],
) -> Recording:
    key = token_hex(32)
    # One recipient's mail waits until the end, so that the database holds it.
    mail = MailServer(refusal="451 later", refused={f"another-{GUEST}"})
    settings = mail.settings | {
        "TESSERA_DIGEST_KEY": key,
        "TESSERA_LOG_LEVEL": "DEBUG",
        "TESSERA_WEBHOOK_NETWORKS": "127.0.0.0/8",
    }
    password = canary_password()
    create_the_tenant(url, settings, password)
    with (
        serving_origin() as origin,
        collecting() as collector,
        ServerProcess(
            folder,
            database_url=url,
            settings=settings
            | collector.settings
            | {"TESSERA_LEAK_KEYS_URL": origin.url, "TESSERA_TRACE_AUTHORIZE_RATIO": "1"}
            # Every span is kept until it is sent, also by a slow machine.
            | {"OTEL_BSP_SCHEDULE_DELAY": "500", "OTEL_BSP_MAX_QUEUE_SIZE": "100000"},
        ) as server,
        httpx2.Client(base_url=server.url, timeout=30, verify=False) as http,
        listening() as receiver,
        mail.running(),
    ):
        recording = Recording(server, http, origin, receiver, mail)
        recording.secrets |= {"the digest key": key, "a password": password}
        gateway = tessera("gateway", "create", "canary", database_url=url, settings=settings)
        recording.secrets["a gateway's secret"] = gateway.stdout.split()[3]
        invited = tessera("admin", "invite", TENANT, OWNER, database_url=url, settings=settings)
        told = invited.stdout.partition("Invitation")[2]
        recording.secrets["the operator's invitation"] = told.split()[0]
        succeed(recording)
        # Requests that reach no database are sent on SQLite only.
        for name in MISPLACED if url.startswith("sqlite") else MISPLACED[:2]:
            misplace(recording, recording.secrets[name])
        fail_without_each_table(recording, script, shift=1 if url.startswith("sqlite") else 3)
        recording.dumps |= {f"{name}, running": content for name, content in dump().items()}
        server.stop(deadline_seconds=60)
    recording.dumps |= dump()
    recording.spans = collector
    return recording


def create_the_tenant(url: str, settings: dict[str, str], password: str) -> None:
    owner = ["--owner-email", OWNER, "--owner-name", "Owner", "--password-stdin"]
    made = tessera(
        *("tenant", "create", TENANT, "--name", "Acme", *owner),
        database_url=url,
        settings=settings,
        stdin=f"{password}\n",
    )
    assert made.returncode == 0, made.stderr
    assert password not in made.stdout + made.stderr


def canary_password() -> str:
    return f"Canary{token_hex(12)}"


# Requests


def succeed(recording: Recording) -> None:
    """Every secret in its proper place: created, shown once, used."""
    sign_in(recording)
    listen(recording)
    create_the_token(recording)
    rotate_the_token(recording)
    rotate_and_report(recording)
    recording.rotated_id = recording.create_token(LATEST, holderMayRotate=True)
    invitation = invite_the_guest(recording)
    # One that was accepted is not sent any more.
    wait_until(lambda: len(recording.mail.letters) == 2)
    use_the_guests_passwords(recording, invitation)
    assert check(recording).status_code == 200
    assert check(recording, uri="/api/v1/users").status_code == 403
    introspected = introspect(recording, recording.secrets[TOKEN])
    assert introspected.json()["active"] is True
    of_holder = {"authorization": f"Bearer {recording.secrets[TOKEN]}"}
    assert recording.ask("GET", "/token", headers=of_holder).status_code == 200
    wait_for_the_decision_log(recording)
    read_everything(recording)
    wait_until(lambda: b"token.rotation_picked_up" in recording.receiver.contents())
    recording.answers.append(("events", 200, recording.receiver.contents()))


def sign_in(recording: Recording) -> None:
    """Twice with a bearer, once with cookies."""
    password = recording.secrets["a password"]
    with_cookies = {"tenant": TENANT, "email": OWNER, "password": password}
    bearer = with_cookies | {"transport": "bearer"}
    recording.session = recording.show("POST", "/session", json=bearer)["session"]
    recording.secrets["the owner's session"] = recording.session
    recording.secrets["another session"] = recording.show("POST", "/session", json=bearer)[
        "session"
    ]
    cookies = recording.http.post("/session", json=with_cookies).cookies
    cookie = cookies[f"__Host-tessera_session{_AT_PATH}"]
    recording.secrets["a browser's device"] = cookies[f"__Host-tessera_device{_AT_PATH}"]
    recording.http.cookies.clear()
    recording.secrets["a cookie's session"] = cookie


def listen(recording: Recording) -> None:
    """A webhook that is told of everything from now on. Its secret is shown once."""
    create = "mutation($i: CreateWebhookInput!) { createWebhook(input: $i) {"
    create += " ... on CreateWebhookPayload { secret webhook { id } } } }"
    made = {"url": recording.receiver.url, "events": ["*"]}
    body = {"query": create, "variables": {"i": made}}
    created = recording.show("POST", "/graphql", json=body)["data"]["createWebhook"]
    recording.secrets[HOOK] = created["secret"]
    recording.secrets["a webhook's key"] = b64decode(created["secret"].removeprefix("whsec_")).hex()
    of_it = {"webhookId": created["webhook"]["id"]}
    for mutation, more in (
        ("setWebhook", {"events": ["token.*"]}),
        ("testWebhook", {}),
        ("replayWebhook", {"since": "2026-01-01T00:00:00Z"}),
        ("setWebhook", {"url": "https://user@canary.example"}),
    ):
        kind = f"{mutation[0].upper()}{mutation[1:]}Input"
        query = f"mutation($i: {kind}!) {{ {mutation}(input: $i) {{ __typename }} }}"
        assert "errors" not in recording.graphql(query, {"i": of_it | more}).json()


def create_the_token(recording: Recording) -> None:
    """Its secret is shown once: the same request again shows none."""
    create = "mutation($i: CreateTokenInput!) { createToken(input: $i) {"
    create += " ... on CreateTokenPayload { secret token { id } } } }"
    made = {"name": STORED_NAME, "permissions": [PERMISSION], "idempotencyKey": "k"}
    body = {"query": create, "variables": {"i": made}}
    created = recording.show("POST", "/graphql", json=body)["data"]["createToken"]
    recording.secrets[TOKEN] = created["secret"]
    recording.token_id = created["token"]["id"]
    again = recording.graphql(create.replace("... on", "__typename ... on"), {"i": made})
    assert again.json()["data"]["createToken"] == {"__typename": "SecretAlreadyShown"}


def rotate_the_token(recording: Recording) -> None:
    """Each answer shows another secret: the first answer is lost, and the second one is used."""
    rotate = "mutation($i: RotateTokenInput!) { rotateToken(input: $i) {"
    rotate += " ... on RotateTokenPayload { secret } } }"
    # The old secret is used until the end of the test.
    asked = {"tokenId": recording.token_id, "idempotencyKey": "k", "drainSeconds": 86_400}
    body = {"query": rotate, "variables": {"i": asked}}
    for name in ("a token's secret in a lost answer", LATER):
        shown = recording.show("POST", "/graphql", json=body)["data"]["rotateToken"]
        recording.secrets[name] = shown["secret"]
    assert check(recording, recording.secrets[LATER]).status_code == 200
    again = rotate.replace("... on", "__typename ... on")
    read = f'{{ token(id: "{recording.token_id}") {{ rotation {{ state }} }} }}'

    def is_draining() -> bool:
        rotation = recording.graphql(read).json()["data"]["token"]["rotation"]
        return bool(rotation["state"] == "DRAINING")

    wait_until(is_draining)
    answer = recording.graphql(again, {"i": asked})
    assert answer.json()["data"]["rotateToken"] == {"__typename": "SecretAlreadyShown"}


def invite_the_guest(recording: Recording) -> str:
    """Returns the guest's invitation. Another admin's invitation is renewed."""
    invite = "mutation($i: AddAdminInput!) { addAdmin(input: $i) {"
    invite += " ... on AddAdminPayload { invitation } } }"
    guest = {"email": GUEST, "name": "Guest", "role": "ADMIN"}
    body = {"query": invite, "variables": {"i": guest}}
    invitation = recording.show("POST", "/graphql", json=body)["data"]["addAdmin"]["invitation"]
    recording.secrets["an invitation"] = invitation
    another = {"email": f"another-{GUEST}", "name": "Another", "role": "ADMIN"}
    invite = invite.replace("{ invitation", "{ admin { id } invitation")
    added = recording.show("POST", "/graphql", json={"query": invite, "variables": {"i": another}})
    recording.secrets["an invitation that is made anew"] = added["data"]["addAdmin"]["invitation"]
    renew = "mutation($i: RenewInvitationInput!) { renewInvitation(input: $i) {"
    renew += " ... on RenewInvitationPayload { invitation } } }"
    renewing = {"adminId": added["data"]["addAdmin"]["admin"]["id"]}
    body = {"query": renew, "variables": {"i": renewing}}
    renewed = recording.show("POST", "/graphql", json=body)["data"]["renewInvitation"]
    recording.secrets["a renewed invitation"] = renewed["invitation"]
    return str(invitation)


def use_the_guests_passwords(recording: Recording, invitation: str) -> None:
    """The guest accepts, signs in and changes the password."""
    chosen, changed = canary_password(), canary_password()
    recording.secrets |= {"a guest's password": chosen, "a guest's later password": changed}
    for password, status in (("short", 422), (TENANT * 4, 422), (chosen, 204), (chosen, 422)):
        accept = {"invitation": invitation, "password": password}
        assert recording.ask("POST", "/invitation", json=accept).status_code == status
    guest_in = {"tenant": TENANT, "email": GUEST, "password": chosen, "transport": "bearer"}
    session = recording.show("POST", "/session", json=guest_in)["session"]
    recording.secrets["a guest's session"] = session
    change = {"currentPassword": chosen, "newPassword": changed}
    as_guest = {"authorization": f"Bearer {session}"}
    assert recording.ask("PUT", "/password", json=change, headers=as_guest).status_code == 204


def check(
    recording: Recording, secret: str | None = None, uri: str = TARGET, **headers: str
) -> httpx2.Response:
    """A check."""
    sent = {
        "host": f"{TENANT}.api.us.example.com",
        "x-original-method": "GET",
        "x-original-uri": uri,
        "authorization": f"Bearer {secret or recording.secrets[TOKEN]}",
    }
    return recording.ask("GET", "/authorize", as_owner=False, headers=sent | headers)


def introspect(recording: Recording, token: str, **members: str) -> httpx2.Response:
    """An introspection."""
    credential = ("canary", recording.secrets["a gateway's secret"])
    form = {"token": token} | members
    return recording.ask("POST", "/introspect", as_owner=False, data=form, auth=credential)


def wait_for_the_decision_log(recording: Recording) -> None:
    """Wait until the use and the denial of the token are written."""
    query = "query ($id: ID!) { token(id: $id) { lastUsedAt recentRefusals { reason } } }"

    def are_written() -> bool:
        answer = recording.graphql(query, {"id": recording.token_id})
        return all(answer.json()["data"]["token"].values())

    wait_until(are_written)


def read_everything(recording: Recording) -> None:
    """Every field of every object: none holds a secret."""
    permissions = "permissions { key name method path retired category { name } }"
    token = f"id name description hint revision createdAt lastUsedAt revokedAt {permissions}"
    token += " lastUsedFrom lastUsedUserAgent usage { allowed denied permission { key } }"
    token += " recentRefusals { method path reason address userAgent requestId }"
    token += " rotation { state newHint oldHint pickedUpFrom oldSecretUses { address userAgent } }"
    admin = "id email name role createdAt"
    for query in (
        f"{{ viewer {{ {admin} }} tenant {{ id slug name region apiUrl }} tenantApiUrl }}",
        f"{{ tokens {{ edges {{ cursor node {{ {token} createdBy {{ {admin} }} }} }} }} }}",
        f"{{ activity {{ edges {{ cursor node {{ id occurredAt actor {{ {admin} }}"
        f" token {{ {token} }} ... on TokenRevoked {{ reason foundAt }} }} }} }} }}",
        f"{{ admins {{ edges {{ cursor node {{ {admin} }} }} }} }}",
        f'{{ node(id: "{recording.token_id}") {{ id ... on Token {{ {token} }} }} }}',
        "{ permissionCategories { name permissions { key } } }",
        "{ catalogueVersions { edges { node { number affectedTokens { name } } } }"
        " recipes { slug permissions { why } } }",
        "{ webhooks { id url events state deliveries { edges { node { id eventId eventType outcome"
        " status } } } } }",
    ):
        response = recording.graphql(query)
        assert "errors" not in response.json(), response.text
    for path in ("/session", "/graphiql", "/sign-in", "/healthz", "/readyz", "/metrics", "/"):
        assert recording.ask("GET", path).status_code < 400


# One of each kind; the search covers the others too.
MISPLACED = (
    TOKEN, "a password", "a guest's session", "an invitation", "the digest key",
)  # fmt: skip
# One of these is sent beside the token's secret while a table is missing, another one with the next
# table and on the other database: a driver's error depends on the table, not on the secret.
OTHERS = MISPLACED[1:]


def misplace(recording: Recording, secret: str) -> None:
    """One secret in every place where it does not belong."""
    for query, variables in [*in_arguments(recording, secret), *in_documents(secret)]:
        recording.graphql(query, variables)
    recording.graphql(secret)
    recording.graphql("query A { __typename }", None, operationName=secret)
    recording.graphql("{ __typename }", {secret: secret}, extensions={secret: secret})
    recording.graphql("{ __typename }", secret)
    recording.graphql("{ __typename }", None, **{secret: secret})
    in_query_strings(recording, secret)
    in_headers(recording, secret)
    at_the_doors(recording, secret)
    misplace_at_holders_doors(recording, secret, may_end=secret != recording.secrets[TOKEN])
    at_the_gateway(recording, secret)


def at_the_gateway(recording: Recording, secret: str) -> None:
    """In every header that a client may send through a gateway, beside a valid token."""
    uris = (
        f"/api/v1/users/{secret}", f"/{secret}", f"{TARGET}?access_token={secret}", secret,
        f"/..{secret}", f"{TARGET}/{secret}\\", f"{TARGET}#{secret}", f"//{secret}/",
    )  # fmt: skip
    for uri in uris:
        check(recording, uri=uri)
        check(recording, secret, uri=uri)
    for name in (
        "host", "x-original-method", "x-forwarded-for", "x-request-id", "user-agent", "referer",
        "cookie", "authorization", "x-tessera-token", "traceparent", secret,
    ):  # fmt: skip
        for uri in (TARGET, "/api/v1/users"):
            check(recording, uri=uri, **{name: secret})
    for credential in (secret, f"Basic {secret}", f"Bearer {secret}, Bearer {secret}"):
        check(recording, authorization=credential)
        recording.ask(
            "POST", "/introspect", headers={"authorization": credential}, data={"token": "x"}
        )
    introspect(recording, "x", token_type_hint=secret)
    introspect(recording, "x", **{secret: secret})
    if secret != recording.secrets[TOKEN]:
        introspect(recording, secret)


def in_arguments(recording: Recording, secret: str) -> Iterator[tuple[str, Any]]:
    """In every argument of every root field: of the right type, of a wrong type, beside valid
    values."""
    schema = CORE_SCHEMA
    assert schema.query_type
    assert schema.mutation_type
    for kind, root in (("query", schema.query_type), ("mutation", schema.mutation_type)):
        for field_name, root_field in root.fields.items():
            chosen = "" if is_leaf_type(get_named_type(root_field.type)) else SELECTED[kind]
            for argument_name, argument in root_field.args.items():
                for place in places(argument.type):
                    for wrong in (misplaced(place, secret), [secret], {secret: secret}):
                        arguments = {
                            other: filled(recording, known.type)
                            for other, known in root_field.args.items()
                            if is_required_argument(known)
                        } | {argument_name: filled(recording, argument.type, place, wrong)}
                        variables = f"($a: {argument.type})"
                        by_name = f"{argument_name}: $a"
                        yield (
                            f"{kind}{variables} {{ {field_name}({by_name}) {chosen} }}",
                            {"a": arguments[argument_name]},
                        )
                        literal = ", ".join(
                            f"{one}: {printed(value)}" for one, value in arguments.items()
                        )
                        yield f"{kind} {{ {field_name}({literal}) {chosen} }}", None
    for text in (secret, encoded(f"tokens:{secret}"), encoded(f"Token:{secret}")):
        yield "query($t: String) { tokens(after: $t) { __typename } }", {"t": text}
        yield "query($t: String) { activity(after: $t) { __typename } }", {"t": text}
        yield "query($t: ID!) { node(id: $t) { id } }", {"t": text}
        activity = f'activity(after: "{text}") {{ __typename }}'
        yield f'{{ token(id: "{recording.token_id}") {{ {activity} }} }}', None


SELECTED = {
    "query": "{ __typename }",
    "mutation": "{ __typename ... on Problem { code message } ... on InvalidInput { field } }",
}


def places(of_type: GraphQLInputType) -> Iterator[tuple[str, ...]]:
    """The path to every leaf of an input."""
    named = get_named_type(of_type)
    if not isinstance(named, GraphQLInputObjectType):
        yield ()
        return
    for name, one in named.fields.items():
        for rest in places(one.type):
            yield (name, *rest)
    yield ("unknown",)


def filled(
    recording: Recording,
    of_type: GraphQLInputType,
    place: tuple[str, ...] | None = None,
    value: Any = None,
) -> Any:
    """A value of the type, with `value` at `place`."""
    if place == ():
        return value
    bare = get_nullable_type(of_type)
    named = get_named_type(of_type)
    if isinstance(named, GraphQLInputObjectType):
        members = {
            name: filled(recording, one.type)
            for name, one in named.fields.items()
            if is_required_input_field(one)
        }
        if place:
            inner = named.fields.get(place[0])
            members[place[0]] = filled(recording, inner.type, place[1:], value) if inner else value
        return members
    if isinstance(bare, GraphQLList):
        return []
    if is_enum_type(named):
        return Bare("ADMIN")
    return {"ID": recording.token_id, "Int": 1, "Boolean": True}.get(named.name, "x")


class Bare(str):
    """An enum's value: a literal without quotes."""


_STORED = {"name", "description", "reason"}


def misplaced(place: tuple[str, ...], secret: str) -> str:
    """The secret as a text of the type; where it would be stored as data, in a refused form."""
    return f"{secret}\a" if place and place[-1] in _STORED else secret


def printed(value: Any) -> str:
    """A value as a GraphQL literal."""
    if isinstance(value, dict):
        # A secret that is no GraphQL name is quoted, which is invalid too.
        members = (
            f"{name if _NAME.fullmatch(name) else json.dumps(name)}: {printed(member)}"
            for name, member in value.items()
        )
        return f"{{{', '.join(members)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(printed, value))}]"
    return value if isinstance(value, Bare) else json.dumps(value)


def encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def in_documents(secret: str) -> Iterator[tuple[str, Any]]:
    """In invalid documents of every kind."""
    for template in (
        '{ token(id: "%s', '{ token(id: "%s"', '{ token(id: "\\x%s") { id } }', '{ "%s" }', '"%s"',
        '{ token(id: """%s', "{ nope } # %s", '{ nope(a: "%s") }', '{ token(nope: "%s") { id } }',
        '{ viewer @nope(a: "%s") { id } }', '{ viewer @skip(if: "%s") { id } }',
        'query($a: String = "%s") { viewer { id } }', 'query($a: Int = "%s") { viewer { id } }',
        '{ viewer { id } } "%s"', "{ viewer '%s' }", '{ token(id: ["%s", 1]) { nope } }',
        '{ a: token(id: "%s") { id } a: token(id: "x") { id } }', "{ tokens(first: 1%s) { nope } }",
        '{ tokens(search: "%s" first: 1000) { __typename } }',
        '{ token(id: "%s") { id } nodes(ids: ["%s"]) { id } tokens(search: "%s") { __typename } }',
    ):  # fmt: skip
        yield template.replace("%s", secret), None
    if not _NAME.fullmatch(secret):
        return
    for template in (
        "%s", "{ %s }", "{ viewer { %s } }", "{ viewer(%s: 1) { id } }", "{ viewer @%s { id } }",
        "query %s { nope }", "query($%s: ID) { viewer { id } }", "{ token(id: $%s) { id } }",
        "query($a: %s) { token(id: $a) { id } }", "{ ...%s }", "{ ... on %s { id } }",
        "{ viewer { id } } fragment %s on Query { __typename }", "{ token(id: %s) { id } }",
        "{ ...F } fragment F on %s { id }", "query %s { __typename } query %s { __typename }",
        "{ ...F } fragment F on Query { ...%s } fragment %s on Query { ...F }",
        "query($%s: ID, $%s: ID) { __typename }", "type %s { a: ID }", "subscription %s { a }",
        "{ tokens(first: %s) { __typename } }", "{ viewer @include(%s: 1) { id } }",
        'mutation { setAdminRole(input: {adminId: "x", role: %s}) { __typename } }',
        "query($%s: Int!) { tokens(first: $%s) { __typename } }",
    ):  # fmt: skip
        yield template.replace("%s", secret), {"a": 1}


def in_query_strings(recording: Recording, secret: str) -> None:
    query = "query($t: ID!) { token(id: $t) { id } }"
    for params in (
        {"query": f'{{ token(id: "{secret}") {{ id }} }}'},
        {"query": query, "variables": json.dumps({"t": secret})},
        {"query": query, "variables": secret},
        {"query": query, "variables": json.dumps({"t": {secret: secret}})},
        {"query": secret},
        {"query": "{ __typename }", "operationName": secret},
        {"query": f'mutation {{ revokeToken(input: {{tokenId: "{secret}"}}) {{ __typename }} }}'},
        {"access_token": secret},
        {secret: secret},
    ):
        recording.ask("GET", "/graphql", params=params)
        for path in ("/session", "/healthz", "/sign-in", "/graphql/", "/nowhere"):
            recording.ask("GET", path, params=params)
    recording.ask("GET", f"/graphql?query=%7B&{secret}&{secret}")
    for path in ("/", "/graphql/", "/session/", "/assets/hashed/", "/invitation/"):
        recording.ask("GET", f"{path}{secret}")
        recording.ask("GET", f"{path}{secret}/")
        recording.ask("POST", f"{path}{secret}", json={})
    recording.ask("GET", f"/assets/hashed/{secret}.js")
    recording.ask(re.sub(r"[^A-Z]", "", secret.upper()) or "X", "/graphql")


def in_headers(recording: Recording, secret: str) -> None:
    for name in (
        "accept", "content-type", "content-encoding", "origin", "referer", "user-agent", "host",
        "x-request-id", "x-forwarded-for", "x-forwarded-proto", "sec-fetch-site", "cookie",
        "traceparent", "idempotency-key", "if-none-match", "range", "accept-encoding", secret,
    ):  # fmt: skip
        for method, path in (("POST", "/graphql"), ("GET", "/session"), ("GET", "/nowhere")):
            headers = {name: secret}
            if name == "cookie":
                headers = {
                    "cookie": f"__Host-tessera_session{_AT_PATH}={secret}; {secret}={secret}"
                }
            recording.ask(method, path, name, headers=headers, content=b'{"query": "{ nope }"}')
    for credential in (f"Bearer {secret}", f"Basic {secret}", secret, f"Bearer {secret} {secret}"):
        for method, path in (
            ("POST", "/graphql"), ("GET", "/session"), ("DELETE", "/session"), ("GET", "/token"),
            ("POST", "/revoke"), ("POST", "/leaks/github"),
        ):  # fmt: skip
            if secret != recording.session:
                recording.ask(method, path, headers={"authorization": credential}, json={})
    by_cookie = {
        "cookie": f"__Host-tessera_session{_AT_PATH}={secret}",
        "origin": "https://evil.example",
    }
    recording.ask("GET", "/session", as_owner=False, headers=by_cookie)


def at_the_doors(recording: Recording, secret: str) -> None:
    sign_in = {"tenant": TENANT, "email": "nobody@acme.example", "password": "x"}
    doors: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("POST", "/session", sign_in),
        ("POST", "/invitation", {"invitation": "x", "password": "x"}),
        ("PUT", "/password", {"currentPassword": "x", "newPassword": "x"}),
    )
    for method, path, body in doors:
        for member in body:
            for value in (secret, [secret], {secret: secret}, f"\0{secret}"):
                recording.ask(method, path, member, json=body | {member: value})
        recording.ask(method, path, json=body | {secret: secret})
        recording.ask(method, path, json=secret)
        recording.ask(method, path, json=[{secret: secret}])
        recording.ask(method, path, content=f'{{"{secret}": ', headers={"content-type": JSON})
        recording.ask(method, path, content=secret, headers={"content-type": "text/plain"})
    recording.ask("POST", "/session", json=sign_in | {"transport": secret})
    if secret != recording.secrets[TOKEN]:  # which it would end
        for credentials in ([secret], [{secret: secret}], {secret: secret}, secret):
            body = {"credentials": credentials}
            recording.ask("POST", "/revoke", as_owner=False, json=body)


JSON = "application/json"


def fail_without_each_table(
    recording: Recording, script: Callable[[str], None], shift: int
) -> None:
    """`shift` chooses the other secret that is sent while the first table is missing."""
    for number, table in enumerate(TABLES, shift):
        script(f"ALTER TABLE {table} RENAME TO gone")
        try:
            fail_within(recording, MISPLACED if IS_SOAK else (TOKEN, OTHERS[number % 4]))
        finally:
            script(f"ALTER TABLE gone RENAME TO {table}")


def fail_within(recording: Recording, names: Sequence[str]) -> None:
    """Without a table: the driver's errors may quote parameters and statements."""
    for secret in map(recording.secrets.__getitem__, names):
        bearer = {"authorization": f"Bearer {secret}"}
        recording.ask("GET", "/session", headers=bearer)
        recording.ask("GET", "/token", headers=bearer)
        for query in (
            f'{{ tokens(search: "{secret}") {{ edges {{ node {{ permissions {{ key }} }} }} }} }}',
            f'{{ token(id: "{recording.token_id}") {{ activity {{ edges {{ cursor }} }} }} }}',
            f'mutation {{ createToken(input: {{name: "x", idempotencyKey: "{secret}y"}})'
            " { __typename } }",
            "{ admins { edges { node { email } } } }",
        ):
            recording.graphql(query)
        rotate_within(recording, secret, may_end=secret != recording.secrets[TOKEN])
        sign_in = {"tenant": TENANT, "email": OWNER, "password": secret}
        check(recording, secret)
        check(recording, **{"user-agent": secret})
        introspect(recording, secret)
        recording.ask("POST", "/session", json=sign_in)
        recording.ask("POST", "/session", json=sign_in | {"email": f"{secret}@x.example"})
        recording.ask("POST", "/invitation", json={"invitation": secret, "password": secret})
        recording.ask("PUT", "/password", json={"currentPassword": secret, "newPassword": secret})


# Databases


def sqlite_script(file: Path) -> Callable[[str], None]:
    def run(statement: str) -> None:
        connection = sqlite3.connect(file, timeout=10)
        try:
            connection.execute(statement)
            connection.commit()
        finally:
            connection.close()

    return run


def postgres_script(url: str) -> Callable[[str], None]:
    parts = urlsplit(url)

    async def run(statement: str) -> None:
        connection = await asyncpg.connect(parts.geturl())
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    return lambda statement: asyncio.run(run(statement))


def sqlite_dump(file: Path) -> dict[str, bytes]:
    """Every byte on disk, including free pages and the write-ahead log."""
    return {one.name: one.read_bytes() for one in file.parent.glob(f"{file.name}*")}


# The search


def needles(name: str, secret: str) -> set[bytes]:
    """Traces of a secret: its middle, as text and in every encoding on its way.

    The middle alone, since a part is a leak too, and since a token's hint and a session's tenant
    are public.
    """
    middle = secret[24:44] if len(secret) > 44 else secret[6:26]
    found = {middle.encode(), middle.encode().hex().encode(), quote(middle).encode()}
    found.add(urlsafe_b64encode(secret.encode())[24:44].rstrip(b"="))
    assert all(len(needle) >= 12 for needle in found), "a shorter one is found by accident"
    if "session" in name or "invitation" in name:
        raw = urlsafe_b64decode(secret)[16:]
        found |= {raw[8:24], raw[8:24].hex().encode()}
    if "key" in name:
        raw = bytes.fromhex(secret)
        found |= {raw[8:24], secret[16:48].upper().encode()}
    return found


def sightings(recording: Recording, places_searched: dict[str, bytes]) -> list[str]:
    return [
        f"{name} in {place}"
        for place, content in places_searched.items()
        for name, secret in recording.secrets.items()
        for needle in needles(name, secret)
        if needle in content
    ]


def test_no_answer_repeats_a_secret(recording: Recording) -> None:
    """The answers that created them are left out."""
    answers = {f"{n}: {what}": content for n, (what, _, content) in enumerate(recording.answers)}
    assert sightings(recording, answers) == []


def test_no_secret_is_in_the_log(recording: Recording) -> None:
    assert sightings(recording, {"the log": recording.server.log().encode()}) == []


def test_no_secret_is_in_the_database(recording: Recording) -> None:
    assert sightings(recording, recording.dumps) == []


def test_no_secret_name_address_or_target_is_in_a_span(recording: Recording) -> None:
    """Names, e-mail addresses, targets of the tenants' APIs, query strings, as they were sent."""
    content = recording.spans.contents()
    assert sightings(recording, {"the spans": content}) == []
    assert secrets_in(content) == []
    for text in (STORED_NAME, OWNER, GUEST, TARGET, "access_token", "user-agent", "httpx"):
        assert text.encode() not in content.lower(), text
    spans = recording.spans.spans()
    # Of each kind there are some, so that there was something to search.
    names = {span.name for span in spans}
    assert {"POST /graphql", "createToken", "viewer", "GET /authorize", "POST"} <= names
    told = set().union(*(attributes(span) for span in spans))
    assert told == {
        *("http.request.method", "http.route", "http.response.status_code", "url.scheme"),
        *("error.type", "graphql.operation.type", "tessera.request.id", "tessera.tenant.id"),
        "tessera.result.code",
    }
    assert not any(span.events or span.links or span.status.message for span in spans)


def secrets_in(content: bytes) -> list[bytes]:
    """Secrets of tokens, whole or cut; random base64 may hold what looks like the start of one."""
    return [
        found[0]
        for found in _SECRET.finditer(content)
        if _BEFORE_WORD.match(content, found.start())
        or is_token_secret(("tsr",), found[0][:_SECRET_LENGTH].decode())
    ]


def test_each_invitation_is_in_the_email_to_its_admin_and_no_other_secret_is(
    recording: Recording,
) -> None:
    expected = {OWNER: "the operator's invitation", GUEST: "an invitation"}
    letters = {letter.recipients[0]: letter for letter in recording.mail.letters}
    assert letters.keys() == expected.keys()
    texts = {name: one.text.encode() for name, one in letters.items()}
    assert set(sightings(recording, texts)) == {f"{expected[name]} in {name}" for name in texts}
    log = recording.server.log()
    assert "an e-mail could not be sent, and is tried again" in log
    assert f"another-{GUEST}" not in log


def test_no_secret_that_was_shown_to_nobody_is_anywhere(recording: Recording) -> None:
    """Of a rotation that failed, for want of a table: the test does not know the secret."""
    found = {
        place: secrets_in(content)
        for place, content in (
            *((what, content) for what, _, content in recording.answers),
            ("the log", recording.server.log().encode()),
            *recording.dumps.items(),
        )
    }
    assert {place: secrets for place, secrets in found.items() if secrets} == {}
    planted = new_token_secret("tsr")
    for text in (f"x{planted}'", f"'{planted[:-9]}", planted):
        assert secrets_in(text.encode()), text
    assert secrets_in(f"Zx9{planted[:16]}-ab".encode()) == []


def test_search_finds_planted_secrets(recording: Recording) -> None:
    """Every secret, planted as text and in other encodings, and every stored name, is found."""
    for name, secret in recording.secrets.items():
        for planted in (secret, secret.encode().hex(), f"'…{secret[:-2]}'"):
            assert sightings(recording, {"here": planted.encode()}), name
    assert any(STORED_NAME.encode() in content for content in recording.dumps.values())
    assert len(set(recording.secrets.values())) == len(recording.secrets) == 24


def test_every_kind_of_request_was_sent(recording: Recording) -> None:
    """Requests succeeded, were refused with every code, and failed with a traceback."""
    statuses = Counter(status for _, status, _ in recording.answers)
    for status in (200, 204, 400, 401, 403, 404, 405, 406, 415, 422, 429, 500):
        assert statuses[status] > 0, status
    answered = b"".join(content for _, _, content in recording.answers)
    for code in (
        "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT", "BAD_CURSOR",
        "BAD_PAGE", "INVALID_INPUT", "NOT_FOUND", "INTERNAL", "UNAUTHENTICATED",
    ):  # fmt: skip
        assert f'"{code}"'.encode() in answered, code
    failed = [what for what, _, content in recording.answers if b'"INTERNAL"' in content]
    for path in ("POST /graphql rotateToken", "POST /token/rotate"):
        assert any(what.startswith(path) for what in failed), path
    log = recording.server.log()
    assert "unexpected error" in log
    assert "OperationalError" in log
