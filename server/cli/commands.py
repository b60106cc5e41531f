"""Shared by the commands: running a coroutine, its errors as sentences, and the settings."""

import getpass
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec

import uvloop

from server.access.principal import Operator
from server.catalogue import CatalogueError
from server.cli.complaint import Complaint
from server.database import is_unavailable, reaching_every_tenant, sentence_of
from server.errors import Misconfigured, Refusal
from server.settings import Settings, read_settings

_P = ParamSpec("_P")


def run(command: Callable[_P, Coroutine[Any, Any, int | None]]) -> Callable[_P, int]:
    """Turn a coroutine function into a command. It returns the exit status, or None for 0.

    The command is the operator's: it reaches the rows of all tenants. It raises `Complaint` for an
    error that the operator can mend.
    """

    @wraps(command)
    def running(*arguments: _P.args, **options: _P.kwargs) -> int:
        with complaining(), reaching_every_tenant():
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


@contextmanager
def complaining() -> Iterator[None]:
    """Raise `Complaint` for an error of the block that an operator can mend."""
    try:
        yield
    except (Misconfigured, CatalogueError) as error:
        raise Complaint(str(error)) from error
    except Refusal as refusal:
        raise Complaint(refusal.message) from refusal
    except BrokenPipeError:
        raise  # click ends a command quietly whose output is read no more
    except Exception as error:
        if is_unavailable(error):
            raise Complaint(sentence_of(error)) from error
        raise


def settings_of_environment() -> Settings:
    """Read the settings from the TESSERA_... variables. Raises `Misconfigured`."""
    return read_settings(os.environ)


def operator() -> Operator:
    """Return the person at the command line, by their login at this machine; before `sudo`."""
    try:
        return Operator(os.environ.get("SUDO_USER") or getpass.getuser())
    except (ImportError, KeyError, OSError):  # a user without a name, as in some containers
        return Operator(str(os.getuid()))
