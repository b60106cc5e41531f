"""The base path of an OpenAPI server object."""

import re
from typing import Any
from urllib.parse import urlsplit

_VARIABLE = re.compile(r"\{([^{}]*)\}")


def base_of(server: Any) -> tuple[str, str | None]:
    """The path of a server's URL without a trailing slash, and its fault or None.

    Variables are replaced by their defaults.
    """
    if not isinstance(server, dict) or not isinstance(server.get("url"), str):
        return "", "A server must be an object with a `url`."
    variables = server.get("variables")
    defaults = {
        name: str(variable["default"])
        for name, variable in (variables.items() if isinstance(variables, dict) else ())
        if isinstance(variable, dict) and "default" in variable
    }
    url = _VARIABLE.sub(lambda found: defaults.get(found[1], found[0]), server["url"])
    try:
        path = urlsplit(url).path
    except ValueError:
        return "", "The server's URL cannot be read."
    if "{" in path:
        return "", "A variable in the path of the server's URL has no default."
    path = path.rstrip("/")
    if path and not path.startswith("/"):
        return "", "The server's URL must be absolute or start with a slash."
    return path, None
