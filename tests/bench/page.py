"""The contenders, the page that each of them answers, and the request that asks for it."""

from dataclasses import dataclass

import orjson

TESSERA, HANDWRITTEN, NAIVE = "tessera", "handwritten", "naive"
# The contenders of the data plane.
FIXED, FASTAPI = "fixed", "fastapi"
PAGE_SIZE = 50
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


@dataclass(frozen=True, slots=True)
class Ask:
    """A tenant's page after a cursor; None for the first page."""

    session: str
    after: str | None = None

    def request(self) -> bytes:
        """The bytes of the HTTP request."""
        variables = {"first": PAGE_SIZE, "after": self.after}
        body = orjson.dumps({"query": QUERY, "variables": variables})
        head = (
            "POST /graphql HTTP/1.1\r\n"
            "Host: bench.test\r\n"
            "Accept: application/graphql-response+json\r\n"
            "Content-Type: application/json\r\n"
            f"Authorization: Bearer {self.session}\r\n"
            f"Content-Length: {len(body)}\r\n"
            "\r\n"
        )
        return head.encode("ascii") + body
