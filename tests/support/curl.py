"""`curl` for tests that run the printed commands of README and command line.

A stand-in for machines without it, which knows the options used there only.
"""

import os
import shutil
import stat
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen


def path_with_curl(folder: Path) -> str:
    """A PATH with a `curl`; creates a stand-in in `folder` where the machine has none."""
    path = os.environ["PATH"]
    if shutil.which("curl"):
        return path
    stand_in = folder / "curl"
    stand_in.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} "$@"\n')
    stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)
    return f"{folder}:{path}"


def main(arguments: list[str]) -> None:
    """`curl -s URL [-X METHOD] [-H HEADER]… [-d BODY] [-w FORMAT]`."""
    url, headers, body, method, form = "", {}, None, None, ""
    while arguments:
        argument = arguments.pop(0)
        if argument == "-H":
            name, _, value = arguments.pop(0).partition(":")
            headers[name] = value.strip()
        elif argument == "-d":
            body = arguments.pop(0).encode()
        elif argument == "-X":
            method = arguments.pop(0)
        elif argument == "-w":
            form = arguments.pop(0)
        elif argument != "-s":
            url = argument
    try:
        with urlopen(Request(url, body, headers, method=method)) as answer:
            content, status = answer.read(), answer.status
    except HTTPError as error:
        content, status = error.read(), error.code
    written = form.replace("%{http_code}", str(status)).replace("\\n", "\n")
    sys.stdout.buffer.write(content + written.encode())


if __name__ == "__main__":
    main(sys.argv[1:])
