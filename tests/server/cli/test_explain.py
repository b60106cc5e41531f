"""`tessera explain` shows the answer of `/authorize`, by a token's id or by its secret."""

import re

import pytest

from tests.server.cli.test_tokens import _Tenant
from tests.support.command import misused, refused, run
from tests.support.process import ServerProcess

HELD = "GET /api/v1/devices"


@pytest.fixture
def tenant(server: ServerProcess, served_url: str, request: pytest.FixtureRequest) -> _Tenant:
    """A tenant of the test's own."""
    return _Tenant(server, served_url, f"explained-{len(request.node.name)}")


def test_decision_is_explained_by_id_and_by_secret(
    server: ServerProcess, served_url: str, tenant: _Tenant
) -> None:
    token = tenant.token("Reader", permissions=[HELD], networks=["192.0.2.0/24"])
    by_id = ["explain", token.id, "--tenant", tenant.slug]
    asked = ["--url", "/api/v1/devices", "--address", "192.0.2.7"]
    allowed = run(served_url, *by_id, *asked)
    assert re.match(r"Decision +ALLOW, status 200\n", allowed)
    assert re.search(rf"^Permission +passed +.*{HELD}", allowed, re.MULTILINE)
    assert re.search(r"^ +192\.0\.2\.0/24$", allowed, re.MULTILINE)
    near = run(served_url, *by_id, *asked[:1], "/api/v1/devices/", *asked[2:])
    assert "DENY NO_SUCH_OPERATION, status 403" in near
    assert "GET /api/v1/devices (differs by the slash at the end)" in near
    assert re.search(r"^Limit of the token +not reached", near, re.MULTILINE)
    run(served_url, "token", "pause", token.id, "--tenant", tenant.slug)
    paused = run(served_url, "explain", "--secret-stdin", *asked, stdin=token.secret)
    assert "DENY TOKEN_PAUSED, status 401" in paused
    assert token.secret not in allowed + near + paused + server.log()


def test_what_cannot_be_explained_is_refused(served_url: str, tenant: _Tenant) -> None:
    token = tenant.token("t")
    asked = ["--url", "/api/v1/devices", "--address", "192.0.2.7"]
    other = tenant.token("u").id[:-4] + "AAAA"
    named = ["--tenant", tenant.slug, *asked]
    assert refused(served_url, "explain", other, *named) == "tessera: Not found.\n"
    elsewhere = [*named[:3], "devices", *named[4:]]
    assert "Enter a URL" in refused(served_url, "explain", token.id, *elsewhere)
    assert "Name a TOKEN and its --tenant" in misused("explain", token.id, *asked)
