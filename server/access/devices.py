"""The browsers in which an account signed in before, by a cookie that only this server can make.

OWASP's device cookie: attempts with it are counted separately (`server.access.attempts`), so that
attackers who guess passwords of the account cannot lock out that browser. It proves nothing else
and replaces no password. An entry holds for one account, one password and one key of digests:
another password, or another key, ends it. A browser keeps one entry for each of a few accounts.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hmac import compare_digest
from secrets import token_bytes

import models
from server.token_format import DigestKey

MAX_ACCOUNTS = 4
_PART_BYTES = 16
_ENTRY = r"[A-Za-z0-9_-]{43}"
_COOKIE = re.compile(rf"{_ENTRY}(\.{_ENTRY}){{0,{MAX_ACCOUNTS - 1}}}")


def find_device(key: DigestKey, admin: models.Admin | None, cookie: str) -> bytes | None:
    """The device that `cookie` names for this account, or None."""
    if admin is None:
        return None
    for device, proof in map(_parts, _entries(cookie)):
        if any(compare_digest(proof, known) for known in _proofs(key, admin, device)):
            return device
    return None


def remember_device(
    key: DigestKey, admin: models.Admin, cookie: str, device: bytes | None = None
) -> str:
    """The cookie's new value: `device`, or a new one, for this account, before the others."""
    device = device or token_bytes(_PART_BYTES)
    entry = urlsafe_b64encode(device + _proofs(key, admin, device)[-1]).decode("ascii").rstrip("=")
    others = [other for other in _entries(cookie) if _parts(other)[0] != device]
    return ".".join([entry, *others][:MAX_ACCOUNTS])


def _entries(cookie: str) -> list[str]:
    return cookie.split(".") if _COOKIE.fullmatch(cookie) else []


def _parts(entry: str) -> tuple[bytes, bytes]:
    both = urlsafe_b64decode(entry + "=")
    return both[:_PART_BYTES], both[_PART_BYTES:]


def _proofs(key: DigestKey, admin: models.Admin, device: bytes) -> list[bytes]:
    """The proofs that hold, the newest last. None of a former key: its thief could make more."""
    text = f"{admin.tenant_id}\0{admin.id}\0{admin.password_hash}\0{device.hex()}"
    return [digest[-_PART_BYTES:] for digest in key.digests("device", text)]
