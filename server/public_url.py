"""The URL at which people open the console, and its path. Pure functions."""

import re
from urllib.parse import urlsplit

_MAX_PATH_LENGTH = 100
# No segment begins with a dot: browsers resolve "." and "..". The path is part of cookies' names,
# and is written into pages as it is.
_URL = re.compile(
    r"https?://([A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?"
    r"(?P<path>(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*)/?"
)
OWN_PATHS = frozenset(
    {
        "activity", "activity.csv", "activity.ndjson", "admins", "api-changes", "assets",
        "authorize", "graphiql", "graphql", "healthz", "introspect", "invitation", "leaks",
        "metrics", "password", "policy", "readyz", "requests", "revoke", "session", "sign-in",
        "token", "tokens", "webhooks",
    }
)  # fmt: skip
"""The first segments of the routes. With one of them as the first segment of the URL's path, the
path of a request would not tell whether a proxy has cut the URL's path off."""


def read_public_url(text: str) -> str:
    """The URL, without a slash at its end. Raises `ValueError` with the rule that it breaks."""
    found = _URL.fullmatch(text)
    if not found or len(found["path"]) > _MAX_PATH_LENGTH:
        raise ValueError(
            "must be the URL of the console, such as https://tessera.example.com or"
            " https://intranet.example.com/tessera, with a path of at most"
            f" {_MAX_PATH_LENGTH} letters, digits and ._~-/"
        )
    first = found["path"].removeprefix("/").partition("/")[0]
    if first in OWN_PATHS:
        raise ValueError(f"must have another path: /{first} is one of Tessera's own")
    return text.rstrip("/")


def path_of(url: str | None) -> str:
    """The path of a public URL, such as `/tessera`; empty if it has none."""
    return urlsplit(url or "").path
