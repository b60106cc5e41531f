"""The page as PostGraphile answers it: its request, and its content in the contract's form.

Names of relations, identifiers and cursors are PostGraphile's; the rows are the same.
"""

import json
from base64 import b64decode
from typing import Any
from uuid import UUID

import orjson

from server.global_ids import encode_id
from server.graphql.token_list import TOKENS
from server.paging import encode_cursor
from tests.bench.page import PAGE_SIZE, Ask, post

_QUERY = """
query TokenPage($first: Int) {
  allTokens(first: $first, orderBy: [PRIMARY_KEY_DESC]) {
    edges {
      cursor
      node {
        id name description hint revision createdAt
        lastUse { lastUsedAt }
        held { nodes { permission { key name method path category } } }
        createdBy { id name email }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""


def request(ask: Ask) -> bytes:
    """The bytes of the request for the same first page."""
    return post(ask.session, _QUERY, "TokenPage", {"first": PAGE_SIZE})


def in_the_contract_s_form(body: bytes) -> bytes:
    """The answer that Tessera gives, but for the order of a token's permissions."""
    answer = orjson.loads(body)
    page = (answer.get("data") or {}).get("allTokens")
    if page is None:
        return body
    last = page["edges"][-1] if page["edges"] else {"cursor": None}
    assert page["pageInfo"]["endCursor"] == last["cursor"]
    edges = [_edge(edge["node"]) for edge in page["edges"]]
    page_info = page["pageInfo"] | {"endCursor": edges[-1]["cursor"] if edges else None}
    return orjson.dumps({"data": {"tokens": {"edges": edges, "pageInfo": page_info}}})


def _edge(node: dict[str, Any]) -> dict[str, Any]:
    last_use, held, created_by = node.pop("lastUse"), node.pop("held"), node.pop("createdBy")
    permissions = [row["permission"] for row in held["nodes"]]
    shown = {
        "id": encode_id("Token", _uuid(node["id"])),
        "createdAt": _instant(node["createdAt"]),
        "lastUsedAt": last_use and _instant(last_use["lastUsedAt"]),
        "permissions": [one | {"category": {"name": one["category"]}} for one in permissions],
        "createdBy": created_by
        and created_by | {"id": encode_id("Admin", _uuid(created_by["id"]))},
    }
    return {"cursor": encode_cursor(TOKENS, _uuid(node["id"])), "node": node | shown}


def _uuid(node_id: str) -> UUID:
    """The row's, from an identifier that names type, tenant and row."""
    return UUID(json.loads(b64decode(node_id))[-1])


def _instant(text: str) -> str:
    return text.replace("+00:00", "Z").replace(".000000Z", "Z")
