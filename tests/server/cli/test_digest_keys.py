"""`tessera digest-key`. Replacing a key under load is in `test_digest_key_change`."""

import re

from tests.support.command import create_tenant, refused, run


def test_digest_keys_are_listed_by_fingerprint(url: str) -> None:
    key = "3c" * 32
    create_tenant(url)
    kept = run(url, "digest-key", "status")
    assert re.fullmatch(r"0   [0-9a-f]{8}  current: [^\n]+, kept in the database\n", kept)
    assert "needed" not in kept
    said = run(url, "digest-key", "set", settings={"TESSERA_DIGEST_KEY": key})
    assert "restart each instance" in said
    announced = run(url, "digest-key", "status")
    assert re.search(r"^1   [0-9a-f]{8}  announced: ", announced, re.MULTILINE)
    assert key not in said + announced
    for command in ("set", "rotate", "finish"):
        assert "TESSERA_DIGEST_KEY" in refused(url, "digest-key", command)
