"""How secrets look and what is kept of them. Where they are kept lives elsewhere.

A token's secret is `<brand>_` and 49 base62 characters: 43 that hold 256 random bits, then 6 that
hold the CRC-32 of brand and body, so that scanners and typing errors are told apart offline.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cache
from hashlib import sha256
from secrets import randbits, token_bytes
from uuid import UUID
from zlib import crc32

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_BODY_LENGTH = 43
_CHECKSUM_LENGTH = 6
_HINT_LENGTH = 6
_BLOCK = 64
_TENANT_SECRET = re.compile(r"[A-Za-z0-9_-]{64}")
BRAND = re.compile(r"[a-z][a-z0-9]{1,15}")


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def _checksum(branded_body: str) -> str:
    """The CRC-32 in base62, two digits at a time: every request has one worked out."""
    rest, last = divmod(crc32(branded_body.encode("ascii")), 62 * 62)
    first, middle = divmod(rest, 62 * 62)
    return _PAIRS[first] + _PAIRS[middle] + _PAIRS[last]


def new_token_secret(brand: str) -> str:
    """A new secret of 256 random bits for a token of `brand`."""
    branded_body = f"{brand}_{_base62(randbits(256), _BODY_LENGTH)}"
    return branded_body + _checksum(branded_body)


def is_token_secret(brands: tuple[str, ...], text: str) -> bool:
    """Whether `text` has exactly the form of a secret of one of `brands`, checksum included."""
    return bool(_form(brands).fullmatch(text)) and text[-_CHECKSUM_LENGTH:] == _checksum(
        text[:-_CHECKSUM_LENGTH]
    )


@cache
def _form(brands: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?:{'|'.join(brands)})_[0-9A-Za-z]{{{_BODY_LENGTH + _CHECKSUM_LENGTH}}}")


def token_hint(secret: str) -> str:
    """What of a secret may be shown for ever: its brand and its first few characters."""
    brand, body = secret.split("_", 1)
    return f"{brand}_{body[:_HINT_LENGTH]}…"


def new_tenant_secret(tenant_id: UUID) -> str:
    """A new secret of 256 random bits that names its tenant: for sessions and invitations.

    The tenant is there so that the row is found through an index that starts with it.
    """
    return urlsafe_b64encode(tenant_id.bytes + token_bytes(32)).decode("ascii")


def new_gateway_secret() -> str:
    """A new secret of 256 random bits for a gateway's credential."""
    return urlsafe_b64encode(token_bytes(32)).decode("ascii").rstrip("=")


def tenant_of(secret: str) -> UUID | None:
    """The tenant that a session's or invitation's secret names, or None for any other text."""
    if not _TENANT_SECRET.fullmatch(secret):
        return None
    return UUID(bytes=urlsafe_b64decode(secret)[:16])


class DigestKey:
    """The key under which secrets are digested, so that a stolen table is of no use by itself."""

    def __init__(self, key: bytes) -> None:
        # HMAC (RFC 2104), with the key hashed once and not for every secret: half the time.
        block = (key if len(key) <= _BLOCK else sha256(key).digest()).ljust(_BLOCK, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(self, purpose: str, secret: str) -> bytes:
        """HMAC-SHA-256 over purpose and secret: a digest of one purpose is none of another."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(f"{purpose}\0{secret}".encode())
        outer.update(inner.digest())
        return outer.digest()

    def __repr__(self) -> str:
        return "DigestKey(…)"
