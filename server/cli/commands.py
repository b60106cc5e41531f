"""Shared by the commands: running a coroutine, and reading the settings."""

import getpass
import os
import sys
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

import uvloop

from server.access.principal import Operator
from server.database import reaching_every_tenant
from server.settings import Settings, read_settings

_P = ParamSpec("_P")


def run(command: Callable[_P, Coroutine[Any, Any, int | None]]) -> Callable[_P, int]:
    """Turn a coroutine function into a command. It returns the exit status, or None for 0.

    The command is the operator's: it reaches the rows of all tenants.
    """

    @wraps(command)
    def running(*arguments: _P.args, **options: _P.kwargs) -> int:
        with reaching_every_tenant():
            return run_serving(command)(*arguments, **options)

    return running


def run_serving(command: Callable[_P, Coroutine[Any, Any, int | None]]) -> Callable[_P, int]:
    """As `run`, for serving: each request names whose rows it reaches."""

    @wraps(command)
    def running(*arguments: _P.args, **options: _P.kwargs) -> int:
        status = uvloop.run(command(*arguments, **options))
        # Flush before the interpreter exits: only here does click catch the error of a closed pipe,
        # as in `tessera catalogue check FILE | head`.
        sys.stdout.flush()
        return status or 0

    return running


def settings_of_environment() -> Settings:
    """Read the settings from the TESSERA_... variables. Raises `Misconfigured`."""
    return read_settings(os.environ)


def operator() -> Operator:
    """Return the person at the command line, by their login at this machine; before `sudo`."""
    try:
        return Operator(os.environ.get("SUDO_USER") or getpass.getuser())
    except (ImportError, KeyError, OSError):  # a user without a name, as in some containers
        return Operator(str(os.getuid()))
