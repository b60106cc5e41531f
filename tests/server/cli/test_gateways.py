"""`tessera gateway`: credentials for token introspection."""

import json
import re
from urllib.request import Request, urlopen

from tests.support.command import refused, run
from tests.support.process import ServerProcess


def test_secret_of_an_introspection_client_is_shown_once(
    server: ServerProcess, served_url: str
) -> None:
    shown = run(served_url, "gateway", "create", "orders")
    secret = re.search(r"^Secret +(\S+)", shown, re.MULTILINE)
    assert secret
    listed = run(served_url, "gateway", "list")
    assert re.match(r"orders +created \d{4}-\d\d-\d\d +live\n", listed)
    assert secret[1] not in listed
    form = Request(
        f"{server.url}/introspect",
        b"token=x",
        {
            "Authorization": f"Bearer {secret[1]}",
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    with urlopen(form) as answer:
        assert json.load(answer) == {"active": False}
    assert "exists already" in refused(served_url, "gateway", "create", "orders")
    assert run(served_url, "gateway", "revoke", "orders") == "Revoked gateway orders.\n"
    assert "revoked" in run(served_url, "gateway", "list")
    assert refused(served_url, "gateway", "revoke", "orders")
    assert refused(served_url, "gateway", "create", "No Name")
