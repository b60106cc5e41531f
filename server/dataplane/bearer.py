"""Reads the secret of a token that a request carries as a bearer."""

from collections.abc import Mapping, Sequence


def bearer(listed: Sequence[tuple[bytes, bytes]], headers: Mapping[bytes, bytes]) -> str | None:
    """The secret of a request (RFC 6750, section 2.1); None without one or in another scheme.

    Several headers, or a malformed Bearer credential, give a secret that matches no token.
    listed: every header line. headers: those of them whose names come once.
    """
    value = headers.get(b"authorization")
    if value is None:
        return "" if any(name == b"authorization" for name, _ in listed) else None
    if value[:7] == b"Bearer ":  # as almost all clients write it
        return value[7:].strip(b" ").decode("latin-1")
    scheme, _, secret = value.partition(b" ")
    if scheme.lower() != b"bearer":
        return None
    return secret.strip(b" ").decode("latin-1")
