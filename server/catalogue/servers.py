"""The base paths of OpenAPI server objects."""

import re
from typing import Any
from urllib.parse import urlsplit

from server.catalogue.closing import UNKNOWN_BASES, Bases, Closing
from server.catalogue.faults import Faults
from server.catalogue.paths import base_fault

_VARIABLE = re.compile(r"\{([^{}]*)\}")


def bases_of(
    part: dict[str, Any], pointer: list[str], inherited: Bases, faults: Faults, closing: Closing
) -> Bases:
    """The base paths of the servers in a part of the document, or the inherited ones.

    Adds the readable ones to `closing`, and a fault for each unreadable one.
    """
    servers = part.get("servers")
    if servers is None or servers == []:
        return inherited
    if not isinstance(servers, list):
        faults.add([*pointer, "servers"], "`servers` must be a list.")
        return UNKNOWN_BASES
    bases: dict[str, None] = {}
    all_known = True
    for place, server in enumerate(servers):
        base, fault = _base_of(server)
        fault = fault or base_fault(base)
        if fault:
            faults.add([*pointer, "servers", str(place)], fault)
            all_known = False
        else:
            bases[base] = None
    closing.add_bases(tuple(bases))
    return Bases(tuple(bases), all_known)


def _base_of(server: Any) -> tuple[str, str | None]:
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
