"""Secrets that the server itself must read again, encrypted at rest.

ChaCha20-Poly1305 (RFC 8439) with a key derived from the installation's. A sealed secret names the
generation of that key. Former keys are kept for good, sealed by the next one, so that replacing the
key loses no secret. `tessera digest-key finish` seals each secret again. A sealed secret also names
its row, and cannot be opened for another one.
"""

from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from server.token_format import DigestKey

_NONCE_BYTES = 12


class CannotOpen(Exception):
    """The sealed secret belongs to another place, was altered, or needs a newer key."""


def seal(key: DigestKey, generation: int, purpose: bytes, place: bytes, secret: bytes) -> bytes:
    """`secret`, encrypted for one purpose and one place, such as the id of its row.

    generation: of the key, as `server.access.digest_keys.generation_to_keep` tells.
    """
    nonce = token_bytes(_NONCE_BYTES)
    cipher = ChaCha20Poly1305(key.derived(purpose, generation))
    return bytes([generation]) + nonce + cipher.encrypt(nonce, secret, place)


def open_sealed(key: DigestKey, purpose: bytes, place: bytes, sealed: bytes) -> bytes:
    """The secret that `seal` encrypted for this purpose and place. Raises `CannotOpen`."""
    generation, nonce = sealed[0], sealed[1 : 1 + _NONCE_BYTES]
    if generation > key.generation:
        raise CannotOpen
    cipher = ChaCha20Poly1305(key.derived(purpose, generation))
    try:
        return cipher.decrypt(nonce, sealed[1 + _NONCE_BYTES :], place)
    except InvalidTag:
        raise CannotOpen from None


def needs_sealing_anew(key: DigestKey, sealed: bytes) -> bool:
    """Whether a former key sealed it."""
    return sealed[0] < key.generation
