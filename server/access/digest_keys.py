"""The key of all digests: from the settings, or kept in the database for all instances.

The key is replaced in three steps, so that instances can be restarted one by one meanwhile. First
the new key is announced: instances that have it look up digests of both generations, and still
write the old one. Once all instances have it, the new generation becomes current and the old
digests are renewed. The old key is then former: it is kept sealed, because the new generation is
made from the old.
"""

from collections.abc import Sequence
from secrets import token_bytes

import models
from models import KeyState
from server.database import connection, dialect
from server.errors import Misconfigured
from server.settings import Settings
from server.token_format import DigestKey, Hmac

_STATES = "SELECT generation, fingerprint, state FROM installation_key"
# Locked in the order in which `finish` changes them.
_LOCKED_STATES = f"{_STATES} ORDER BY generation FOR SHARE"


class KeyReplaced(ConnectionError):
    """This instance has a replaced key: others would not find a digest that it keeps now."""


async def digest_key(settings: Settings) -> DigestKey:
    """The key that this database's digests are made with; the first caller settles which.

    Raises `Misconfigured` when the settings give another: every secret would be refused.
    """
    rows = await _settled(settings)
    current = next(row.generation for row in rows if row.state is KeyState.CURRENT)
    require_known(rows, settings.digest_key)
    keys = opened(rows, settings.digest_key)
    if len(keys) <= current:
        raise Misconfigured(
            "TESSERA_DIGEST_KEY is a former key of this database."
            if settings.digest_key
            else "TESSERA_DIGEST_KEY must be set: this database no longer keeps the key itself."
        )
    newest = len(keys) - 1
    is_changing = newest > 0 and rows[newest - 1].state is not KeyState.FORMER
    return DigestKey(*keys, is_changing=is_changing)


async def generation_to_keep(key: DigestKey) -> int:
    """The generation of a digest that is about to be kept.

    Call it in the transaction that keeps the digest: until that commits, no other generation
    becomes current. Raises `KeyReplaced`.
    """
    is_locked = key.is_changing and dialect() == "postgres"  # on SQLite a transaction is alone
    rows = await connection().execute_query_dict(_LOCKED_STATES if is_locked else _STATES)
    current = next(row for row in rows if row["state"] == KeyState.CURRENT.value)
    generation = int(current["generation"])
    # Of the same generation, another key may have been announced since.
    if generation > key.generation or current["fingerprint"] != key.fingerprint(generation):
        raise KeyReplaced
    return generation


def fingerprint(key: bytes) -> bytes:
    """The identifier of a key; it reveals nothing of the key."""
    return DigestKey(key).fingerprint(0)


def require_known(rows: Sequence[models.InstallationKey], offered: Sequence[bytes]) -> None:
    """Raises `Misconfigured` for a key that was never announced."""
    known = {bytes(row.fingerprint) for row in rows}
    if not all(fingerprint(key) in known for key in offered):
        raise Misconfigured(
            "TESSERA_DIGEST_KEY is not the key of this database."
            " `tessera digest-key set` or `tessera digest-key rotate` adopts another."
        )


def opened(rows: Sequence[models.InstallationKey], offered: Sequence[bytes]) -> list[bytes]:
    """The keys of the generations up to the newest that can be had, by `offered` and the rows."""
    by_fingerprint = {fingerprint(key): key for key in offered}
    keys: list[bytes] = []
    newer: bytes | None = None
    for row in reversed(rows):
        key = by_fingerprint.get(bytes(row.fingerprint)) or row.key
        if key is None and newer is not None and row.sealed:
            key = _sealed(row.sealed, newer, row.generation)
        if key is None and newer is not None:
            return []  # the row was made by hand: a key is always written with its seal
        newer = key
        if key is not None:
            keys.insert(0, bytes(key))
    return keys


def sealed(key: bytes, newer: bytes, generation: int) -> bytes:
    """A key of `generation`, for those alone to read who have the next generation's key."""
    return _sealed(key, newer, generation)


def _sealed(text: bytes, newer: bytes, generation: int) -> bytes:
    """Seal or open. A pad that HMAC makes of the newer key, and that seals nothing else."""
    hmac = Hmac(newer)
    pad = b"".join(hmac.of(b"seal\0" + bytes([generation, part])) for part in range(2))
    return bytes(one ^ other for one, other in zip(text, pad, strict=False))


async def _settled(settings: Settings) -> list[models.InstallationKey]:
    rows = await models.InstallationKey.all().order_by("generation")
    if rows:
        return rows
    offered = settings.digest_key[0] if settings.digest_key else token_bytes(32)
    first = models.InstallationKey(
        generation=0,
        fingerprint=fingerprint(offered),
        key=None if settings.digest_key else offered,
        state=KeyState.CURRENT,
    )
    await models.InstallationKey.bulk_create([first], ignore_conflicts=True)
    return await models.InstallationKey.all().order_by("generation")
