"""The permissions that tokens hold."""

import re
from urllib.parse import unquote

from tortoise import fields

from models.rows import TenantRow

_PARAMETER = re.compile(r"\{([^{}]*)\}")


def shape_of(key: str) -> str:
    """What a key, or a path template, says whatever its parameters are called.

    Parameters that the path marks as spanning slashes, `{name+}`, are told from others. Characters
    are told from their escapes only where they would be read as a parameter.
    """
    parts = _PARAMETER.split(key)
    parts[::2] = map(_unescaped, parts[::2])
    parts[1::2] = ["{+}" if name.endswith("+") else "{}" for name in parts[1::2]]
    return "".join(parts)


def _unescaped(text: str) -> str:
    if "%" not in text:
        return text
    return unquote(text).replace("%", "%25").replace("{", "%7B").replace("}", "%7D")


class TokenPermission(TenantRow):
    """One token holds one permission. `key` is "METHOD path-template"."""

    token_id = fields.UUIDField()
    key = fields.CharField(max_length=512)

    class Meta:
        table = "token_permission"
        table_description = "Which token holds which permission"
        unique_together = (("tenant_id", "id"), ("tenant_id", "token_id", "key"))
