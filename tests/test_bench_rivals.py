"""The rivals that `make bench` installs: one that cannot be had is left out, and the rest go on.

Their servers do not run here.
"""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from models import now
from server.global_ids import encode_id
from server.paging import encode_cursor
from tests.bench.page import BETTER_AUTH, DRF, MERCURIUS, POSTGRAPHILE
from tests.bench.rivals import keys, set_up
from tests.bench.rivals.postgraphile_page import in_the_contract_s_form
from tests.bench.rivals.set_up import Rivals
from tests.support.process import ChildFailed

_TENANT, _TOKEN, _ADMIN = (UUID(int=number) for number in (1, 2, 3))


def test_rivals_whose_packages_are_not_to_be_had_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(set_up, "HERE", tmp_path)
    monkeypatch.setattr(set_up, "_REQUIREMENTS", tmp_path / "requirements.txt")
    rivals = set_up.install([MERCURIUS, DRF])
    assert rivals == Rivals([], dict.fromkeys([MERCURIUS, DRF], set_up._NOT_INSTALLED))
    assert "mercurius is left out" in capsys.readouterr().err


def test_a_rival_that_does_not_start_is_left_out() -> None:
    rivals = Rivals([MERCURIUS, POSTGRAPHILE])
    with rivals.left_out_unless_it_starts(MERCURIUS):
        raise ChildFailed("its log")
    with rivals.left_out_unless_it_starts(POSTGRAPHILE):
        pass
    assert rivals == Rivals([POSTGRAPHILE], {MERCURIUS: "it did not start"})


def _node_id(kind: str, row: UUID) -> str:
    return b64encode(json.dumps([kind, str(_TENANT), str(row)]).encode()).decode()


def _edge(cursor: str) -> dict[str, Any]:
    permission = {"key": "GET /a", "name": "A", "method": "GET", "path": "/a", "category": "C"}
    return {
        "cursor": cursor,
        "node": {
            "id": _node_id("Token", _TOKEN),
            "name": "a name",
            "createdAt": "2026-01-01T00:00:00.000000+00:00",
            "lastUse": {"lastUsedAt": "2026-01-02T00:00:00.250000+00:00"},
            "held": {"nodes": [{"permission": permission}]},
            "createdBy": {"id": _node_id("Admin", _ADMIN), "name": "Ada"},
        },
    }


def test_an_answer_of_postgraphile_is_compared_in_the_contract_s_form() -> None:
    page_info = {"hasNextPage": True, "endCursor": "theirs"}
    page = {"edges": [_edge("theirs")], "pageInfo": page_info}
    body = orjson.dumps({"data": {"allTokens": page}})
    [edge] = orjson.loads(in_the_contract_s_form(body))["data"]["tokens"]["edges"]
    assert edge == {
        "cursor": encode_cursor("tokens", _TOKEN),
        "node": {
            "id": encode_id("Token", _TOKEN),
            "name": "a name",
            "createdAt": "2026-01-01T00:00:00Z",
            "lastUsedAt": "2026-01-02T00:00:00.250000Z",
            "permissions": [
                {"key": "GET /a", "name": "A", "method": "GET", "path": "/a"}
                | {"category": {"name": "C"}}
            ],
            "createdBy": {"id": encode_id("Admin", _ADMIN), "name": "Ada"},
        },
    }
    refused = b'{"errors":[{"message":"Sign in."}]}'
    assert in_the_contract_s_form(refused) == refused


def test_keys_of_rivals_hold_two_permissions_each() -> None:
    kinds = keys._KINDS
    [table] = kinds[BETTER_AUTH].tables(["a" * 64, "b" * 64], now())
    held = [orjson.loads(row[table.columns.index("permissions")]) for row in table.rows]
    assert [sorted(one) for one in held] == [
        ["/api/v1/blueprints", "/api/v1/devices/{device_id}"],
        ["/api/v1/devices/{device_id}", "/api/v1/tags"],
    ]
    api_keys, permissions = kinds[DRF].tables(["abcdefgh.x", "ijklmnop.x"], now())
    ids = [row[0] for row in api_keys.rows]
    assert [row[0] for row in permissions.rows] == [ids[0], ids[0], ids[1], ids[1]]
