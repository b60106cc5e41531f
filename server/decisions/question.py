"""The lookup of a presented secret: its question, and who receives its result.

A lookup that starts after a change was acknowledged sees the change, on every instance: each asks
the database after it began. Lookups of one turn of the event loop share a query.
"""

from typing import Protocol

from server.decisions.terms import Terms

# An answer waits for its whole query: for about 0.1 ms with 32 lookups on PostgreSQL.
MAX_TOGETHER = 32

# The slug of the tenant that the host names; its region, if the hosts of the API name it; the
# digests of the secret, of which at most one is kept; and the fingerprint of the permission, that
# of "" where no permission would suffice.
Question = tuple[str, str | None, tuple[bytes, ...], bytes]


class Receiver(Protocol):
    """Receives the result of a lookup. Exactly one method is called, once; neither may raise."""

    def found(self, terms: Terms | None) -> None:
        """Take the secret's terms; None if no token of the tenant has this secret."""

    def failed(self, error: Exception) -> None:
        """Take the error: `TimeoutError` after 1.8 seconds, or the driver's."""
