"""The key of all digests: from the settings, or kept in the database for all instances."""

from secrets import token_bytes

import models
from server.errors import Misconfigured
from server.settings import Settings
from server.token_format import DigestKey

_ID = "tessera"


async def digest_key(settings: Settings) -> DigestKey:
    """The key that this database's digests were made with; the first caller settles which.

    Raises `Misconfigured` when the settings give another: every secret would be refused.
    """
    offered = settings.digest_key or token_bytes(32)
    first = models.Installation(
        id=_ID,
        digest_key=None if settings.digest_key else offered,
        digest_key_check=_check(offered),
    )
    await models.Installation.bulk_create([first], ignore_conflicts=True)
    settled = await models.Installation.get(id=_ID)
    key = settings.digest_key or settled.digest_key
    if key is None or _check(key) != settled.digest_key_check:
        raise Misconfigured(
            "TESSERA_DIGEST_KEY is not the key that this database was first served with."
        )
    return DigestKey(key)


def _check(key: bytes) -> bytes:
    return DigestKey(key).digest("check", "")
