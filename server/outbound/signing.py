"""Standard Webhooks 1.0: secrets, and the headers by which a receiver verifies an event."""

import hmac
from base64 import b64encode
from secrets import token_bytes

SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"


def new_secret() -> bytes:
    """The bytes of a new secret."""
    return token_bytes(SECRET_BYTES)


def shown_secret(secret: bytes) -> str:
    """The text in which a secret is shown to the receiver, once."""
    return SECRET_PREFIX + b64encode(secret).decode()


def signed_headers(secret: bytes, event_id: str, at: int, body: bytes) -> dict[str, str]:
    """The headers of an attempt to send `body`.

    event_id: the same at each attempt. at: when the attempt is made, in seconds since 1970.
    """
    signed = b".".join((event_id.encode(), str(at).encode(), body))
    signature = b64encode(hmac.digest(secret, signed, "sha256")).decode()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Tessera",
        "webhook-id": event_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{signature}",
    }
