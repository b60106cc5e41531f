"""What the commands share: running a coroutine, and where their settings come from."""

import os
import sys
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

import uvloop

from server.settings import Settings, read_settings

_P = ParamSpec("_P")


def run(command: Callable[_P, Coroutine[Any, Any, int | None]]) -> Callable[_P, int]:
    """Make a command of a coroutine function that returns its exit status, or None for 0."""

    @wraps(command)
    def running(*arguments: _P.args, **options: _P.kwargs) -> int:
        status = uvloop.run(command(*arguments, **options))
        # Here, and not at the interpreter's exit: click ends quietly where the reader, as `head`
        # does, has closed the pipe.
        sys.stdout.flush()
        return status or 0

    return running


def settings_of_environment() -> Settings:
    """The settings that the TESSERA_... variables give. Raises `Misconfigured`."""
    return read_settings(os.environ)
