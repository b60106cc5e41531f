"""The path below which people reach this server, and requests that a reverse proxy passes whole."""

from starlette.types import Scope


def without_path(scope: Scope, base: str) -> Scope:
    """The scope of a request, with a path as the routes know it.

    base: `/tessera`, or empty. A proxy may have cut it off already: then the scope stays as it is.
    """
    path = scope.get("path", "")
    if base and (path == base or path.startswith(f"{base}/")):
        return {**scope, "path": path.removeprefix(base) or "/"}
    return scope
