"""Reports the private parts that the installed version of a library lacks."""

import logging
from collections.abc import Collection
from importlib import import_module  # exempt names_made_at_run_time: only for libraries
from importlib.metadata import version
from typing import Any

from server.errors import Misconfigured

_log = logging.getLogger("tessera")


def part(module: str, name: str) -> Any:
    """The class `name` of a library's module; a stand-in where the library lacks it.

    Modules that derive from a stand-in load, so that the check can name the missing part.
    """
    try:
        # exempt names_made_at_run_time: the callers name a library's module and class
        return getattr(import_module(module), name)
    except (ImportError, AttributeError):
        generic = classmethod(lambda own, _: own)
        return type(name, (), {"is_stand_in": True, "__class_getitem__": generic})


def made(of: Any, *arguments: Any, **named: Any) -> Any:
    """An object of that class, to look at its attributes; the class itself where it is no more."""
    try:
        return of if hasattr(of, "is_stand_in") else of(*arguments, **named)
    except (TypeError, AttributeError):
        return of


def lacks(owner: Any, *names: str) -> list[str]:
    """The `names` that `owner`, a class or an object, has not."""
    of = owner.__name__ if isinstance(owner, type) else type(owner).__name__
    if hasattr(owner, "is_stand_in"):
        return [of]
    return [f"{of}.{name}" for name in names if not hasattr(owner, name)]


def require(library: str, missing: Collection[str], loss: str) -> None:
    """Raises `Misconfigured`, with a sentence, if any part is missing.

    loss: completes "Without it,".
    """
    if missing:
        raise Misconfigured(
            f"{_named(library, missing)}, a private part that Tessera needs. Without it, {loss}."
            f" Install the version of {library} that requirements.txt names."
        )


def warn(library: str, missing: Collection[str], loss: str) -> None:
    """Log that the public way is taken, if any part is missing.

    loss: completes "Without it,".
    """
    if missing:
        detail = f"{_named(library, missing)}. Without it, {loss}."
        _log.warning("a private part of a library is missing", extra={"detail": detail})


def _named(library: str, missing: Collection[str]) -> str:
    return f"{library} {version(library)} has no {', '.join(missing)}"
