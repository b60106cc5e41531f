"""`curl` for tests that run the printed commands of README and command line.

A stand-in for machines without it, which knows the options used there only.
"""

import os
import shutil
import stat
import sys
from pathlib import Path
from urllib.error import HTTPError, URLError
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
    """`curl -s URL [-X METHOD] [-H HEADER]… [-d BODY] [-o FILE] [-w FORMAT] [--fail]`.

    A header may be `@-`, for one on standard input.
    """
    url, headers, method, form, output, fails = "", {}, None, "", "-", False
    body = None
    while arguments:
        argument = arguments.pop(0)
        if argument == "-H":
            given = arguments.pop(0)
            name, _, value = (sys.stdin.read() if given == "@-" else given).partition(":")
            headers[name] = value.strip()
        elif argument == "-d":
            body = arguments.pop(0).encode()
        elif argument == "-X":
            method = arguments.pop(0)
        elif argument == "-o":
            output = arguments.pop(0)
        elif argument == "-w":
            form = arguments.pop(0)
        elif argument == "--max-time":
            arguments.pop(0)
        elif argument == "--fail":
            fails = True
        elif argument not in {"-s", "-sS"}:
            url = argument
    content, status = _answer(Request(url, body, headers, method=method))
    if fails and status >= 400:
        sys.exit(f"curl: (22) The requested URL returned error: {status}")
    if output != "-":
        Path(output).write_bytes(content)
        content = b""
    written = form.replace("%{http_code}", str(status)).replace("\\n", "\n")
    sys.stdout.buffer.write(content + written.encode())


def _answer(request: Request) -> tuple[bytes, int]:
    try:
        with urlopen(request) as answer:
            return answer.read(), answer.status
    except HTTPError as error:
        return error.read(), error.code
    except URLError as error:
        sys.exit(f"curl: (7) {error.reason}")


if __name__ == "__main__":
    main(sys.argv[1:])
