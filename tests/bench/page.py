"""The contenders, the page that each of them answers, and the request that asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

TESSERA, HANDWRITTEN, NAIVE = "tessera", "handwritten", "naive"
# Rivals that people would pick.
MERCURIUS, POSTGRAPHILE = "mercurius", "postgraphile"
# The contenders of the data plane.
FIXED, FASTAPI = "fixed", "fastapi"
BETTER_AUTH, DRF = "better-auth", "drf"
PAGE_SIZE = 50
# Operations that the hand-written server answers besides the page of tokens.
VIEWER, ACTIVITY, RENAME = "Viewer", "ActivityPage", "Rename"
_VIEWER_QUERY = """
query Viewer {
  viewer { id name email role }
  tenant { id slug name region }
}
"""
_ACTIVITY_QUERY = """
query ActivityPage($first: Int) {
  activity(first: $first) {
    edges {
      cursor
      node {
        __typename id sequence occurredAt actorKind actorName clientAddress
        token { id name }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
_RENAME_MUTATION = """
mutation Rename($input: RenameTokenInput!) {
  renameToken(input: $input) { ... on RenameTokenPayload { token { id name } } }
}
"""
QUERY = """
query TokenPage($first: Int, $after: String) {
  tokens(first: $first, after: $after) {
    edges {
      cursor
      node {
        id name description hint revision createdAt lastUsedAt
        permissions { key name method path category { name } }
        createdBy { id name email }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
_QUERIES = {
    "TokenPage": QUERY,
    VIEWER: _VIEWER_QUERY,
    ACTIVITY: _ACTIVITY_QUERY,
    RENAME: _RENAME_MUTATION,
}
# The rivals know no filter and no order.
_LIST_QUERY = QUERY.replace(
    "$after: String", "$after: String, $filter: TokenFilter, $orderBy: TokenOrder"
).replace("after: $after", "after: $after, filter: $filter, orderBy: $orderBy")


@dataclass(frozen=True, slots=True)
class Ask:
    """A tenant's page after a cursor; None for the first page.

    arguments: `filter` and `orderBy` of a page that only Tessera answers.
    operation: the operation's name, for another question than a page of tokens; the arguments of
    a mutation are its variables.
    """

    session: str
    after: str | None = None
    arguments: Mapping[str, Any] | None = None
    operation: str = "TokenPage"

    def request(self) -> bytes:
        """The bytes of the HTTP request."""
        query, variables = _QUERIES[self.operation], dict(self.arguments or {})
        if self.operation != RENAME:
            query = _LIST_QUERY if self.arguments else query
            variables = {"first": PAGE_SIZE, "after": self.after, **variables}
        return post(self.session, query, self.operation, variables)


def post(session: str, query: str, operation: str, variables: Mapping[str, Any]) -> bytes:
    """The bytes of the HTTP request for an operation of a document."""
    members = {"query": query, "operationName": operation, "variables": variables}
    body = orjson.dumps(members)
    head = (
        "POST /graphql HTTP/1.1\r\n"
        "Host: bench.test\r\n"
        "Accept: application/graphql-response+json\r\n"
        "Content-Type: application/json\r\n"
        f"Authorization: Bearer {session}\r\n"
        f"Content-Length: {len(body)}\r\n"
        "\r\n"
    )
    return head.encode("ascii") + body
