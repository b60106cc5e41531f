"""The permissions that tokens hold."""

import re
from functools import lru_cache
from hashlib import blake2b
from typing import Any
from urllib.parse import unquote

from tortoise import fields
from tortoise.indexes import Index

from models.rows import TenantRow

FINGERPRINT_BYTES = 16
_PARAMETER = re.compile(r"\{([^{}]*)\}")


def shape_of(key: str) -> str:
    """The shape of a permission key or path template: the same for all names of its parameters.

    Parameters that the path marks as spanning slashes, `{name+}`, keep a shape of their own.
    Escapes are decoded, except those of `%`, `{` and `}`, which would be read as an escape or a
    parameter.
    """
    parts = _PARAMETER.split(key)
    parts[::2] = map(_unescaped, parts[::2])
    parts[1::2] = ["{+}" if name.endswith("+") else "{}" for name in parts[1::2]]
    return "".join(parts)


def _unescaped(text: str) -> str:
    if "%" not in text:
        return text
    return unquote(text).replace("%", "%25").replace("{", "%7B").replace("}", "%7D")


@lru_cache(65_536)
def permission_fingerprint(key: str) -> bytes:
    """The 16-byte BLAKE2b fingerprint of a permission, of its method and its path's shape.

    Long enough that an attacker cannot construct two keys with the same fingerprint.
    """
    return blake2b(shape_of(key).encode(), digest_size=FINGERPRINT_BYTES).digest()


class TokenPermission(TenantRow):
    """One token holds one permission.

    `key` is "METHOD path-template" as it was when granted. `fingerprint` is that of its shape, so
    that the permission stays the same when the document renames a parameter. `is_withheld` marks it
    while the token's trial leaves it out.
    """

    token_id = fields.UUIDField()
    key = fields.CharField(max_length=512)
    fingerprint = fields.BinaryField()
    is_withheld = fields.BooleanField(null=True)

    def __init__(self, **values: Any) -> None:
        super().__init__(fingerprint=permission_fingerprint(values["key"]), **values)

    class Meta:
        table = "token_permission"
        table_description = "Which token holds which permission"
        unique_together = (("tenant_id", "id"), ("tenant_id", "token_id", "fingerprint"))
        indexes = (
            Index(fields=("tenant_id", "fingerprint", "token_id"), name="idx_permission_holders"),
        )
