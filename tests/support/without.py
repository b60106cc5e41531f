"""Runs `tessera` on a library that lacks a part: `python -m tests.support.without PART… -- …`.

A part is `module:name` or `module:class.name`. A `module` alone is loaded: it may need a part that
is removed after it. `!module` is not installed.
"""

import sys
from importlib import import_module

from tests.support.process import TESSERA


def command(*parts: str) -> list[str]:
    """The command line of `tessera`, to which its arguments are added, without these parts."""
    return [TESSERA[0], "-m", __name__, *parts, "--"]


def _remove(part: str) -> None:
    if part.startswith("!"):
        # So Python's import system finds none.
        sys.modules[part[1:]] = None  # type: ignore[assignment]
        return
    module, _, path = part.partition(":")
    owner, _, name = path.rpartition(".")
    of = import_module(module)
    if name:
        delattr(getattr(of, owner) if owner else of, name)


if __name__ == "__main__":
    end = sys.argv.index("--")
    for one in sys.argv[1:end]:
        _remove(one)
    from server.cli import main
    from tests.support import quick_migrations

    quick_migrations.install()
    sys.exit(main(sys.argv[end + 1 :]))
