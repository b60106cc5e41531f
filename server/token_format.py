"""The format of secrets and their digests. Storing them lives elsewhere.

A token's secret is `<brand>_` and 49 base62 characters. The first 43 hold 256 random bits, the last
6 the CRC-32 of brand and body, so that a secret can be recognised offline and typing errors are
detected.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
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
_DIGEST_BYTES = 32
# Every digested message begins with its purpose: these, or that of a secret.
_RENEWAL = b"renewal\0"
_FINGERPRINT = b"check\0"
_DERIVATION = b"derived key\0"
MAX_GENERATION = 255
_TENANT_SECRET = re.compile(r"[A-Za-z0-9_-]{64}")
BRAND = re.compile(r"[a-z][a-z0-9]{1,15}")


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def _checksum(branded_body: str) -> str:
    """The CRC-32 in base62, two digits at a time."""
    rest, last = divmod(crc32(branded_body.encode("ascii")), 62 * 62)
    first, middle = divmod(rest, 62 * 62)
    return _PAIRS[first] + _PAIRS[middle] + _PAIRS[last]


def new_token_secret(brand: str) -> str:
    """A new secret of 256 random bits for a token of `brand`."""
    branded_body = f"{brand}_{_base62(randbits(256), _BODY_LENGTH)}"
    return branded_body + _checksum(branded_body)


def is_token_secret(brands: tuple[str, ...], text: str) -> bool:
    """Whether `text` has exactly the form of a secret of one of `brands`, checksum included."""
    return bool(has_token_form(brands)(text)) and text[-_CHECKSUM_LENGTH:] == _checksum(
        text[:-_CHECKSUM_LENGTH]
    )


@cache
def has_token_form(brands: tuple[str, ...]) -> Callable[[str], object]:
    """A test of brand, length and characters alone, for every check of `/authorize`.

    The checksum is not verified: the lookup does not find a secret with a wrong one. Computing the
    checksum of every secret would take longer, in sum, than looking up the few wrong ones.
    """
    form = re.compile(rf"(?:{'|'.join(brands)})_[0-9A-Za-z]{{{_BODY_LENGTH + _CHECKSUM_LENGTH}}}")
    return form.fullmatch


def token_hint(secret: str) -> str:
    """The hint, which may be shown for ever: a secret's brand and its first few characters."""
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
    """The key under which secrets are digested, so that a stolen table is of no use by itself.

    It may have been replaced: then it has a part for each generation, the oldest first. A digest of
    a later generation is one of the generation before, digested again. So every row can be renewed
    without its secret, and each secret has one digest, whichever key it was first digested under.
    """

    def __init__(self, *keys: bytes, is_changing: bool = False) -> None:
        """is_changing: digests of the generation before the newest may be kept too."""
        self._first, *self._later = map(Hmac, keys)
        self.is_changing = is_changing

    @property
    def generation(self) -> int:
        """The newest generation: 0 until the key was replaced."""
        return len(self._later)

    def digest(self, purpose: str, secret: str, generation: int | None = None) -> bytes:
        """The digest of a secret for one purpose, which is none for another.

        It is of the newest generation if none is given. `generation_to_keep` of
        `server.access.digest_keys` returns the one that other instances can look up.
        """
        generation = len(self._later) if generation is None else generation
        digest = self._first.of(f"{purpose}\0{secret}".encode())
        for hmac in self._later[:generation]:
            digest = hmac.of(_RENEWAL + digest)
        return _marked(generation, digest)

    def digests(self, purpose: str, secret: str) -> tuple[bytes, ...]:
        """Each digest under which a secret may be kept now: look for all of them together."""
        if not self._later:  # for each check, so without the detour
            return (self._first.of(f"{purpose}\0{secret}".encode()),)
        newest = len(self._later)
        generations = (newest - 1, newest) if self.is_changing else (newest,)
        return tuple(self.digest(purpose, secret, generation) for generation in generations)

    def renewed(self, digest: bytes) -> bytes | None:
        """The digest of the newest generation for one of the generation before, else None."""
        newest = len(self._later)
        if newest == 0 or _generation(digest) != newest - 1:
            return None
        return _marked(newest, self._later[-1].of(_RENEWAL + digest[-_DIGEST_BYTES:]))

    def fingerprint(self, generation: int) -> bytes:
        """The identifier of a generation's key; it reveals nothing of the key."""
        return (self._first, *self._later)[generation].of(_FINGERPRINT)

    def derived(self, purpose: bytes, generation: int) -> bytes:
        """A key of 32 bytes for one purpose, made of a generation's key.

        HKDF-Expand with SHA-256 (RFC 5869, section 2.3): the key is random already. Raises
        `IndexError` for a generation that this instance does not have yet.
        """
        return (self._first, *self._later)[generation].of(_DERIVATION + purpose + b"\1")

    def __repr__(self) -> str:
        return "DigestKey(…)"


class Hmac:
    """HMAC-SHA-256 (RFC 2104), with the key hashed once and not each time: half the time."""

    def __init__(self, key: bytes) -> None:
        block = (key if len(key) <= _BLOCK else sha256(key).digest()).ljust(_BLOCK, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))

    def of(self, message: bytes) -> bytes:
        """The code of a message."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()

    def __repr__(self) -> str:
        return "Hmac(…)"


def _marked(generation: int, digest: bytes) -> bytes:
    """A digest as it is kept: it says of which generation it is, except of the first."""
    return bytes([generation]) + digest if generation else digest


def _generation(kept: bytes) -> int:
    return kept[0] if len(kept) > _DIGEST_BYTES else 0
