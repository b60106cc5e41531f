"""The Gateway API's filter ExternalAuth, and Envoy Gateway's policy, as Envoy carries them out.

Controllers of the Gateway API are programs of a cluster and do not run here. Here, the fields of
the manifests are put where such controllers put them: into Envoy's filter ext_authz, over HTTP.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from server.catalogue import read_catalogue
from tests.support.collector import collecting
from tests.support.deployment import manifest
from tests.support.gateway_stack import ONE, GatewayStack, create_rows
from tests.support.process import ServerProcess
from tests.support.proxies import CONFIGURATIONS, Upstream, proxy

_AUTHZ = "envoy.filters.http.ext_authz"
_V3 = "type.googleapis.com/envoy.extensions.filters"


@dataclass(frozen=True)
class _Fields:
    """The question to Tessera, by a manifest.

    prefix: goes before the path. asked: headers of the client that Tessera is told. passed: headers
    of Tessera's answer that the API is told.
    """

    prefix: str
    asked: list[str]
    passed: list[str]


def _of_filter() -> _Fields:
    """Those of the HTTPRoute."""
    (rule,) = manifest("HTTPRoute", "api")["spec"]["rules"]
    (found,) = rule["filters"]
    auth = found["externalAuth"]
    assert (found["type"], auth["protocol"]) == ("ExternalAuth", "HTTP")
    http = auth["http"]
    return _Fields(http["path"], http["allowedHeaders"], http["allowedResponseHeaders"])


def _of_policy() -> _Fields:
    """Those of Envoy Gateway's SecurityPolicy."""
    auth = manifest("SecurityPolicy", "api")["spec"]["extAuth"]
    assert auth["failOpen"] is False
    return _Fields(auth["http"]["path"], auth["headersToExtAuth"], auth["http"]["headersToBackend"])


def _exactly(names: list[str]) -> dict[str, Any]:
    return {"patterns": [{"exact": name} for name in names]}


def _envoy(fields: _Fields) -> str:
    """A configuration of Envoy with nothing for Tessera but the fields of a manifest."""
    authz = {
        "@type": f"{_V3}.http.ext_authz.v3.ExtAuthz",
        "http_service": {
            "path_prefix": fields.prefix,
            "server_uri": {"uri": "http://tessera", "cluster": "tessera", "timeout": "3s"},
            "authorization_response": {"allowed_upstream_headers": _exactly(fields.passed)},
        },
        "allowed_headers": _exactly(fields.asked),
    }
    router = {"@type": f"{_V3}.http.router.v3.Router"}
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "api"}}]
    manager = {
        "@type": f"{_V3}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "api",
        "use_remote_address": True,
        "http_filters": [
            {"name": _AUTHZ, "typed_config": authz},
            {"name": "envoy.filters.http.router", "typed_config": router},
        ],
        "route_config": {"virtual_hosts": [{"name": "api", "domains": ["*"], "routes": routes}]},
    }
    http = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
    listener = {
        "name": "api",
        "address": _address(8080),
        "filter_chains": [{"filters": [http]}],
    }
    clusters = [_cluster("tessera", 8000), _cluster("api", 9000)]
    return yaml.safe_dump({"static_resources": {"listeners": [listener], "clusters": clusters}})


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _cluster(name: str, port: int) -> dict[str, Any]:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}]
    return {"name": name, "load_assignment": {"cluster_name": name, "endpoints": endpoints}}


@pytest.fixture(scope="module", params=[_of_filter, _of_policy], ids=["filter", "policy"])
def routed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayStack]:
    folder = tmp_path_factory.mktemp("routed")
    url = f"sqlite://{folder}/tessera.db"
    made = asyncio.run(create_rows(url))
    catalogue = read_catalogue(None)
    kind = manifest("ConfigMap")["data"]["TESSERA_GATEWAY"]
    settings = {"TESSERA_GATEWAY": kind, "TESSERA_PASS_PREFLIGHT": "yes"}
    with (
        Upstream(catalogue) as upstream,
        collecting() as collector,
        ServerProcess(folder, database_url=url, settings=settings) as server,
        proxy("envoy", folder, server.port, upstream.port, _envoy(request.param())) as gate,
    ):
        yield GatewayStack(gate, upstream, server, catalogue, collector, database_url=url, **made)


def test_only_a_holder_reaches_the_api_which_learns_who_it_is(routed: GatewayStack) -> None:
    target = "/api/v1/devices/1?full=yes"
    spoofed = ("X-Tessera-Tenant: other", "X-Tessera-Permission: x", "X-Tessera-Token: x")
    answer = routed.proxy.ask(routed.host, routed.one, "GET", target, *spoofed)
    assert answer.status == 200
    seen = answer.json()
    assert (seen["served"], seen["target"], seen["host"]) == (ONE, target, routed.host)
    assert seen["headers"]["x-tessera-tenant"] == routed.host.split(".")[0]
    assert seen["headers"]["x-tessera-permission"] == ONE
    assert seen["headers"]["x-tessera-token"] != "x"
    for secret, method, status in ((routed.one, "DELETE", 403), (routed.none, "GET", 403)):
        assert routed.proxy.ask(routed.host, secret, method, target).status == status
    assert routed.proxy.ask(routed.host, None, "GET", target).status == 401
    elsewhere = routed.host.replace(".us.", ".eu.")
    assert routed.proxy.ask(elsewhere, routed.one, "GET", target).status == 401


def test_a_body_reaches_the_api_and_not_tessera(routed: GatewayStack) -> None:
    permission = next(p for p in routed.catalogue.permissions if p.method == "POST")
    target = permission.path.replace("{", "").replace("}", "")
    head = f"POST {target} HTTP/1.1\r\nHost: {routed.host}\r\nContent-Length: 5\r\n"
    head += f"Authorization: Bearer {routed.all}\r\nConnection: close\r\n\r\n"
    answer = routed.proxy.send(head.encode() + b"hello", "POST")
    assert (answer.status, answer.json()["body"]) == (200, "hello")
    assert answer.json()["served"] == permission.key


def test_a_denied_client_gets_the_reason(routed: GatewayStack) -> None:
    answer = routed.proxy.ask(routed.host, routed.none)
    assert answer.json()["code"] == "INSUFFICIENT_SCOPE"
    assert answer.header("www-authenticate") == 'Bearer error="insufficient_scope"'


def test_a_preflight_passes_by_the_headers_that_tessera_is_told(routed: GatewayStack) -> None:
    wish = ("Origin: https://app.example.com", "Access-Control-Request-Method: GET")
    assert routed.proxy.ask(routed.host, None, "OPTIONS", "/api/v1/devices", *wish).status == 200
    assert routed.proxy.ask(routed.host, None, "OPTIONS", "/api/v1/devices").status == 401


def test_nothing_passes_while_tessera_is_away(routed: GatewayStack) -> None:
    routed.server.kill9()
    try:
        assert routed.proxy.ask(routed.host, routed.all).status in {403, 503}
    finally:
        routed.server.start()


def test_the_manifests_ask_and_pass_on_as_the_configuration_of_envoy_does() -> None:
    shipped = yaml.safe_load((CONFIGURATIONS / "envoy.yaml").read_text())
    manager = shipped["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
    (authz,) = [
        one["typed_config"]
        for one in manager["typed_config"]["http_filters"]
        if one["name"] == _AUTHZ
    ]
    service = authz["http_service"]
    expected = _Fields(
        service["path_prefix"],
        [one["exact"] for one in authz["allowed_headers"]["patterns"]],
        [
            one["exact"]
            for one in service["authorization_response"]["allowed_upstream_headers"]["patterns"]
        ],
    )
    assert _of_filter() == _of_policy() == expected
    policy = manifest("ClientTrafficPolicy", "public")["spec"]["headers"]
    told = {name for name in expected.passed if name.startswith("x-tessera-")}
    assert told <= set(policy["earlyRequestHeaders"]["remove"])
