"""The client's headers that reach an API behind each real gateway, in every spelling.

The API compares names as CGI does: `X_Foo` and `X.Foo` are `X-Foo`.
"""

import re
from secrets import token_hex

import pytest

from server.dataplane.passed_headers import PASSED, dropping_pattern, main
from tests.support.gateway_stack import ONE, GatewayStack
from tests.support.process import LOOPBACK
from tests.support.proxies import CONFIGURATIONS, Answer

CANARY = "canary"
TARGET = "/api/v1/devices/1"

# Frameworks, servers and load balancers read these as host, method, path, client, user or scheme.
HOSTILE = """
    Base-Url CF-Connecting-IP CF-Visitor Client-IP Cluster-Client-IP Destination Depth
    Fastly-Client-IP Fastly-SSL Forwarded From Front-End-Https Http-Host Http-Url
    Incap-Client-IP MS-ASPNETCORE-CLIENTCERT Path-Info Path-Translated Profile Proxy
    Proxy-Authorization Proxy-Host Query-String Redirect Redirect-Status Redirect-Url Referrer
    Remote-Addr Remote-User Request-Method Request-Uri Script-Name Server-Name Server-Port
    SSL-Client-Cert SSL-Client-Verify Surrogate True-Client-IP Tessera-Tenant Uri Url Via
    WL-Proxy-Client-IP X-Accel-Mapping X-Accel-Redirect X-Amzn-Oidc-Data X-Api-Key
    X-Appengine-User-Id X-ARR-ClientCert X-ARR-SSL X-Auth-Request-User X-Authenticated-User
    X-Client-IP X-Cluster-Client-IP X-Custom-IP-Authorization X-Debug
    X-Envoy-Expected-Rq-Timeout-Ms X-Envoy-External-Address X-Envoy-Force-Trace
    X-Envoy-Original-Host X-Envoy-Original-Path X-Envoy-Retry-On X-Envoy-Upstream-Alt-Stat-Name
    X-Forwarded X-Forwarded-Access-Token X-Forwarded-By X-Forwarded-Client-Cert
    X-Forwarded-Email X-Forwarded-For X-Forwarded-Groups X-Forwarded-Host X-Forwarded-Method
    X-Forwarded-Path X-Forwarded-Port X-Forwarded-Prefix X-Forwarded-Proto X-Forwarded-Protocol
    X-Forwarded-Scheme X-Forwarded-Script-Name X-Forwarded-Server X-Forwarded-Ssl
    X-Forwarded-Tls-Client-Cert X-Forwarded-Uri X-Forwarded-Url X-Forwarded-User X-Forwarder-For
    X-Goog-Authenticated-User-Email X-Host X-HTTP-DestinationURL X-HTTP-Host-Override
    X-HTTP-Method X-HTTP-Method-Override X-HTTP-Path-Override X-Method X-Method-Override
    X-Middleware-Prefetch X-Middleware-Rewrite X-Middleware-Subrequest X-MS-Client-Principal
    X-Next-Url X-Original-Cookie X-Original-For X-Original-Host X-Original-Method
    X-Original-Path X-Original-Proto X-Original-Remote-Addr X-Original-URI X-Original-URL
    X-Originating-IP X-Override-URL X-Path-Info X-Proxy-URL X-Proxyuser-Ip X-Real-IP X-Real-Port
    X-Remote-Addr X-Remote-IP X-Remote-User X-Replaced-Path X-Request-Uri X-Rewrite-URI
    X-Rewrite-URL X-Scheme X-Script-Name X-Sendfile-Type X-Server-Name X-SSL-Client-Cert
    X-SSL-Client-Verify X-Tenant X-Tenant-Id X-Tessera-Anything X-Tessera-Permission
    X-Tessera-Tenant X-Tessera-Token X-Token-Subject X-True-Client-IP X-URL-Scheme X-User
    X-User-Id X-WAP-Profile X-WebAuth-User X-Zone
""".split()  # noqa: SIM905 as a list it would take 150 lines
# Characters of a header's name besides letters, digits and `-` (RFC 9110, section 5.6.2).
MARKS = "_.!#$%&'*+^`|~"
# Headers that gateways write. Traefik adds others of Tessera's answer, a newer Caddy adds Via.
WRITTEN = {
    "connection", "content-length", "host", "transfer-encoding", "x-forwarded-for",
    "x-forwarded-host", "x-forwarded-proto", "x-request-id", "x-tessera-permission",
    "x-tessera-tenant", "x-tessera-token", "x-tessera-token-expires-at", "ratelimit",
    "ratelimit-policy", "via",
}  # fmt: skip


def seen_by_api(stack: GatewayStack, lines: list[str]) -> tuple[int, dict[str, str]]:
    """The status of an allowed request with these lines, and the headers that the API got."""
    answer = stack.proxy.ask(stack.host, stack.one, "GET", TARGET, *lines)
    return answer.status, answer.json()["headers"] if answer.status == 200 else {}


def assert_harmless(stack: GatewayStack, headers: dict[str, str]) -> None:
    assert not [name for name, value in headers.items() if CANARY in value]
    assert set(headers) <= WRITTEN | {name.lower() for name in PASSED}
    assert headers["host"] == headers["x-forwarded-host"] == stack.host
    assert headers["x-forwarded-for"] == LOOPBACK
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-tessera-tenant"] == stack.host.partition(".")[0]
    assert headers["x-tessera-permission"] == ONE


def test_no_header_that_frameworks_believe_reaches_the_api(stack: GatewayStack) -> None:
    """The request is served without it: another proxy may have written it."""
    assert len(HOSTILE) > 130
    for start in range(0, len(HOSTILE), 60):
        lines = [f"{name}: {CANARY}" for name in HOSTILE[start : start + 60]]
        for spelled in (lines, list(map(str.lower, lines)), list(map(str.upper, lines))):
            status, headers = seen_by_api(stack, spelled)
            assert status == 200
            assert_harmless(stack, headers)


@pytest.mark.parametrize("mark", MARKS)
def test_no_other_spelling_of_a_header_reaches_the_api(stack: GatewayStack, mark: str) -> None:
    """Refused or dropped; also one line at a time, since different rules may apply."""
    names = [name.replace("-", mark) for name in HOSTILE if "-" in name]
    names += [name.replace("-", mark, 1) for name in HOSTILE if name.count("-") > 1]
    names += [f"{name}{mark}" for name in ("Host", "Content-Type", "Accept")]
    chunks = [names[start : start + 60] for start in range(0, len(names), 60)]
    alone = ("X-HTTP-Method-Override", "X-Tessera-Tenant", "X-Original-URL", "X-Forwarded-Host")
    chunks += [[name.replace("-", mark)] for name in alone]
    for chunk in chunks:
        status, headers = seen_by_api(stack, [f"{name}: {CANARY}" for name in chunk])
        assert status in {200, 400, 403}
        if status == 200:
            assert_harmless(stack, headers)


@pytest.mark.parametrize("name", ["X_HTTP_Method_Override", "X-HTTP-Method-Override", "Forwarded"])
def test_header_hidden_from_tessera_is_hidden_from_the_api(stack: GatewayStack, name: str) -> None:
    """A proxy drops headers that Connection names from the check, but might forward them."""
    lines = [f"Connection: {name}", f"{name}: {CANARY}"]
    status, headers = seen_by_api(stack, lines)
    assert status in {200, 400, 403}
    if status == 200:
        assert_harmless(stack, headers)


@pytest.mark.parametrize("name", ["X_HTTP_Method_Override", "X_Tessera_Tenant", "X.Original.URL"])
def test_other_spelling_is_refused_where_the_gateway_keeps_it(
    stack: GatewayStack, name: str
) -> None:
    lines = (f"{name}: {CANARY}", 'X-Request-Id: "quoted')
    answer = stack.proxy.ask(stack.host, stack.one, "GET", TARGET, *lines)
    drops = stack.proxy.kind in {"nginx", "caddy"}  # Caddy 2.11 and newer
    if answer.status != 200 or not drops:
        assert (answer.status, answer.json()["code"]) == (403, "HEADER_NOT_CANONICAL")


def test_ordinary_headers_reach_the_api_unchanged(stack: GatewayStack) -> None:
    values = {name: f"value-of-{number}" for number, name in enumerate(PASSED)}
    values |= {"Cookie": "a=1; b=2", "Accept": "application/json, */*;q=0.1"}
    values |= {"Prefer": "{env.PATH}{http.request.uri}{hostport}", "Range": "%REQ(:PATH)%$host"}
    values["Traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    del values["Authorization"]
    status, headers = seen_by_api(stack, [f"{name}: {value}" for name, value in values.items()])
    assert status == 200
    assert {name: headers.get(name.lower()) for name in values} == values
    assert headers["authorization"] == f"Bearer {stack.one}"
    # No header is added either.
    status, headers = seen_by_api(stack, [])
    optional = {"accept-encoding", "user-agent"}
    assert set(headers) <= WRITTEN | optional | {"authorization"}


def test_check_is_part_of_the_clients_trace(stack: GatewayStack) -> None:
    trace = token_hex(16)
    status, headers = seen_by_api(stack, [f"Traceparent: 00-{trace}-b7ad6b7169203331-01"])
    assert status == 200
    # A gateway that makes spans itself would write another parent of the same trace.
    assert headers["traceparent"].split("-")[1] == trace
    found = stack.collector.wait(lambda spans: any(one.trace_id.hex() == trace for one in spans))
    [span] = [one for one in found if one.trace_id.hex() == trace]
    assert span.name.endswith(" /authorize")


@pytest.mark.parametrize("framing", ["Content-Length: 11", "Transfer-Encoding: chunked"])
def test_body_reaches_the_api_whole(stack: GatewayStack, framing: str) -> None:
    body = "hello world" if "Length" in framing else "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    request = f"POST /api/v1/tags HTTP/1.1\r\nHost: {stack.host}\r\nConnection: close\r\n"
    request += f"Authorization: Bearer {stack.all}\r\nContent-Type: text/plain\r\n{framing}\r\n"
    answer = stack.proxy.send(f"{request}\r\n{body}".encode(), "POST")
    assert (answer.status, answer.json()["body"]) == (200, "hello world")
    assert answer.json()["headers"]["content-type"] == "text/plain"


def with_trailers(stack: GatewayStack, lines: str, trailers: str) -> Answer:
    head = f"POST /api/v1/tags HTTP/1.1\r\nHost: {stack.host}\r\nConnection: close\r\n{lines}"
    head += "TE: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: X-HTTP-Method-Override\r\n\r\n"
    return stack.proxy.send(f"{head}2\r\nhi\r\n0\r\n{trailers}\r\n".encode(), "POST")


def test_trailer_is_not_forwarded_as_a_header(stack: GatewayStack) -> None:
    """RFC 9110, section 6.5.1."""
    bearer = f"Authorization: Bearer {stack.all}\r\n"
    assert with_trailers(stack, "", bearer).status == 401
    trailers = "".join(f"{name}: {CANARY}\r\n" for name in HOSTILE[-40:])
    answer = with_trailers(stack, bearer, f"X-HTTP-Method-Override: DELETE\r\n{trailers}")
    assert answer.status in {200, 400}
    if answer.status == 200:
        assert answer.json()["served"] == "POST /api/v1/tags"
        assert CANARY not in str(answer.json()["headers"])


def test_preflight_passes_without_a_tenant_header(stack: GatewayStack) -> None:
    asks = ["Origin: https://app.example.com", "Access-Control-Request-Method: DELETE"]
    asks.append("Access-Control-Request-Headers: authorization")
    forged = [
        f"X-Tessera-{name}: {CANARY}"
        for name in ("Tenant", "Token", "Permission", "Token-Expires-At")
    ]
    answer = stack.proxy.ask(stack.host, None, "OPTIONS", TARGET, *asks, *forged)
    assert answer.status == 200
    headers = answer.json()["headers"]
    assert headers["origin"] == "https://app.example.com"
    assert headers["access-control-request-method"] == "DELETE"
    assert headers["access-control-request-headers"] == "authorization"
    assert not [name for name in headers if name.startswith("x-tessera")]
    assert "{" not in headers.get("x-request-id", "")
    for method, lines in (
        ("OPTIONS", asks[:1]),
        ("OPTIONS", asks[1:]),
        ("OPTIONS", [*asks, "Authorization: Basic eDp5"]),
        ("OPTIONS", [*asks, "Authorization: Bearer tsr_x"]),
        ("GET", asks),
        ("DELETE", [*asks, "X-HTTP-Method-Override: OPTIONS"]),
    ):
        assert stack.proxy.ask(stack.host, None, method, TARGET, *lines).status == 401


@pytest.mark.parametrize("protocol", ["websocket", "h2c", "TLS/1.0"])
def test_no_upgrade_reaches_the_api(stack: GatewayStack, protocol: str) -> None:
    """Bytes after an upgrade would pass unchecked. The request itself is checked as any other."""
    lines = [
        "Connection: Upgrade, HTTP2-Settings",
        f"Upgrade: {protocol}",
        "HTTP2-Settings: AAMAAABkAAQAAP__",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    head = f"GET {TARGET} HTTP/1.1\r\nHost: {stack.host}\r\n" + "\r\n".join(lines)
    for secret, statuses in ((stack.one, {200, 403}), (stack.none, {403}), ("", {401, 403})):
        bearer = f"\r\nAuthorization: Bearer {secret}" if secret else ""
        answer = stack.proxy.send(f"{head}{bearer}\r\n\r\n".encode())
        assert answer.status in statuses
        if answer.status == 200:
            seen = answer.json()["headers"]
            assert not {"upgrade", "http2-settings", "sec-websocket-key"} & set(seen)
    # uvicorn logs a warning for an unsupported upgrade.
    assert "upgrade" not in stack.server.log().lower()


@pytest.mark.parametrize("suffix", [".", ":80", ".:80"])
def test_host_in_another_spelling_is_the_same_host_for_all(
    stack: GatewayStack, suffix: str
) -> None:
    answer = stack.proxy.ask(stack.host + suffix, stack.one, "GET", TARGET)
    assert answer.status == 200
    seen = answer.json()["headers"]
    assert seen["host"] == seen["x-forwarded-host"]
    assert seen["host"].removesuffix(":80").removesuffix(".") == stack.host
    assert seen["x-tessera-tenant"] == stack.host.partition(".")[0]


def test_too_many_headers_are_a_client_error(stack: GatewayStack) -> None:
    answer = stack.proxy.ask(
        stack.host, stack.one, "GET", TARGET, *(f"X-{n}: 1" for n in range(150))
    )
    # Envoy has its own limit and sends few headers with a check.
    assert answer.status == 431
    assert answer.header("retry-after") is None


def test_all_shipped_files_forward_the_same_headers() -> None:
    texts = {path.name: path.read_text() for path in CONFIGURATIONS.iterdir() if path.is_file()}
    ours = re.findall(r"proxy_set_header (\S+) \$http_(\w+);", texts["nginx.conf"])
    assert [name for name, _ in ours] == list(PASSED)
    assert all(name.lower().replace("-", "_") == variable for name, variable in ours)
    kept = re.findall(r"^\t\t\t(\S+) \{header\.(\S+)\}$", texts["Caddyfile"], re.MULTILINE)
    assert all(name == source for name, source in kept)
    sent = re.findall(r"import pass (\S+) \{vars\.(\S+)\}$", texts["Caddyfile"], re.MULTILINE)
    assert all(name == source for name, source in sent)
    passed = [name for name, _ in sent]
    assert {name for name, _ in kept} == set(passed) == {*PASSED, *_of_caddy()}
    allowed = re.findall(r'\["([a-z0-9-]+)"\] = true', texts["envoy.yaml"])
    assert allowed[: len(PASSED)] == [name.lower() for name in PASSED]


def _of_caddy() -> list[str]:
    names = ("Forwarded-For", "Forwarded-Host", "Forwarded-Proto", "Request-Id")
    of_tessera = ("Permission", "Tenant", "Token", "Token-Expires-At")
    return [f"X-{name}" for name in (*names, *(f"Tessera-{name}" for name in of_tessera))]


def test_traefiks_pattern_is_the_generated_one(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    printed = capsys.readouterr().out
    assert printed in (CONFIGURATIONS / "traefik.yaml").read_text()
    main(["X-Api-Version", "X-B3"])
    pattern = re.compile(capsys.readouterr().out.partition("'")[2].rpartition("'")[0])
    assert not pattern.search("X-Api-Version")
    assert not pattern.search("x-b3")
    assert pattern.search("X-Api-Versions")
    with pytest.raises(SystemExit):
        main(["X_Foo"])


def test_pattern_matches_every_other_name() -> None:
    pattern = re.compile(dropping_pattern(["Accept", "Accept-Language", "X-A"]))
    for name in ("Accept", "accept-language", "X-A", "x-a"):
        assert not pattern.search(name)
    for name in (
        "",
        "A",
        "Accep",
        "Accept-",
        "Accepts",
        "Accept-Languages",
        "X-",
        "X-B",
        "X-AB",
        "_",
    ):
        assert pattern.search(name)
