"""Measures the CPU time of requests with texts that may take more than linear time.

`too_dear` compares nasty texts with a harmless one of the same size, measured in the same run.
"""

import json
from asyncio import Event
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from time import process_time
from urllib.parse import quote, unquote_to_bytes

from starlette.types import ASGIApp, Message, Scope

from server.database import connection, dialect

# A text may cost this many times the CPU time of a harmless one, or this many seconds.
MAX_RATIO, FREE_SECONDS = 5, 0.02
# Repeat measurements above the bound, since other processes share the machine.
RETRIES = 3
LARGE = 100_000
HARMLESS = "ab"
# Units that are repeated to the largest size.
NASTY = {
    "marks that sort": "\u0315\u0316",
    "marks that sort and compose": "\u0f73",
    "marks on a wide letter": "\uff9e\u0f73",
    "marks on a letter": "e\u0301\u0315",
    "an error's words": "Value '",
    "an error's other words": "unknown field 'a'. Found: ",
    "quotation marks": '"',
    "backslashes": "\\",
    "brackets": "[{",
    "digits": "9",
    "right to left": "\u202e",
    "grows when folded": "\ufb03\u0390\u0130",
    "grows when composed": "\u0390",
    "grows in lower case": "\u0130",
    "grows when decomposed": "\ufdfa",
    "beyond the first plane": "\N{GRINNING FACE}\u200d",
    "like base64": "VG9rZW46",
    "spaces": " ",
    "controls": "\x01\x7f",
}
# Escapes, separators and fragments of headers and targets.
OF_THE_WIRE = (
    '\\"', "\\073", ";", "; ", ",", ", ", "\t", "=", "a=", "a=;", "%", "%CC%95", "%CC%95%CC%96",
    "/", "/a", "/.", "..", "a.", "1.", ":", "[", "(", "{", "-", "_", "0", "+", "@", "a@",
    "10.0.0.1,", "127.0.0.1, ", "::1,", "for=", ';for="', ";for=127.0.0.1", "Bearer ", "q=0,",
    "a;q=0.1,", "gzip,", "*/*,", "application/json;", "charset=utf-8;", "0-1,", "1-2, 0-", "xn--",
    "'a' ", "&", "&a=", "\u00cc\u0095", "\u00ff",
)  # fmt: skip
ON_THE_WIRE = NASTY | {unit: unit for unit in OF_THE_WIRE}
_ADDRESSES = count()


async def database_processes() -> list[int]:
    """The processes that PostgreSQL has for this one; none for SQLite, which has no other."""
    if dialect() == "sqlite":
        return []
    statement = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    return [row["pid"] for row in await connection().execute_query_dict(statement)]


def cpu_seconds(processes: Iterable[int]) -> float:
    """The CPU time that this process and those processes have spent so far."""
    files = (Path(f"/proc/{process}/schedstat") for process in processes)
    return process_time() + sum(int(file.read_text().split()[0]) for file in files) / 1e9


@dataclass(frozen=True)
class Sent:
    """A request, as the server hands it to the application."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def scope(self) -> Scope:
        path, _, query = self.target.partition("?")
        headers = {"host": "tessera.test"} | self.headers
        # Another address each time, since a throttle would make later requests cheap.
        client = str(ip_address("127.0.0.1") + next(_ADDRESSES))
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": unquote_to_bytes(path).decode(errors="replace"),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), in_header(text)) for name, text in headers.items()],
            "client": (client, 1),
            "server": ("127.0.0.1", 8000),
        }


def in_header(text: str) -> bytes:
    """The bytes of a header's text: in Latin-1, or in UTF-8 where that is impossible."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


@lru_cache(64)
def in_json(text: str) -> str:
    """A text as JSON and GraphQL write it, with the fewest escapes."""
    return json.dumps(text, ensure_ascii=False)


def in_target(text: str) -> str:
    """A text of units as a target holds it: escaped, unless it is an escape itself."""
    return quote(text, safe="%/.:=&;,()*'!@+-_")


# Functions that give the share of a size limit that a text uses.


def length_in_header(text: str) -> int:
    return len(in_header(text))


def length_in_json(text: str) -> int:
    return len(in_json(text).encode()) - 2


def length_in_document(text: str) -> int:
    return len(in_json(text)) - 2


def length_in_target(text: str) -> int:
    return len(in_target(text))


@lru_cache(512)
def filled(unit: str, size: int, length: Callable[[str], int]) -> str:
    """As many whole units as `size` takes."""
    return unit * (size // length(unit))


async def seconds(app: ASGIApp, sent: Sent) -> float:
    """The CPU seconds of one request. Fails on a server error."""
    scope = sent.scope()
    answered: list[Message] = []
    messages: list[Message] = [{"type": "http.request", "body": sent.body, "more_body": False}]

    async def receive() -> Message:
        if not messages:
            await Event().wait()  # the client keeps the connection open
        return messages.pop()

    async def send(message: Message) -> None:
        answered.append(message)

    started = process_time()
    await app(scope, receive, send)
    took = process_time() - started
    # Pages that were not built answer 503.
    assert answered[0]["status"] < 500 or b"not built" in answered[1]["body"], answered
    return took


async def too_dear(
    app: ASGIApp,
    place: Callable[[str], Sent],
    size: int,
    length: Callable[[str], int],
    units: Iterable[str] = NASTY,
) -> dict[str, str]:
    """The texts that cost too much at `place`, each with its seconds.

    size: the limit of the place; `length` gives the share of it that a text uses.
    units: names in `ON_THE_WIRE`.
    """
    # First a part of a large text, where a quadratic cost already shows.
    sizes = (size // 16, size) if size > LARGE else (size,)
    allowed = dict.fromkeys(sizes, FREE_SECONDS)
    found = {}
    for name in units:
        for one in sizes:
            sent = place(filled(ON_THE_WIRE[name], one, length))
            if (spent := await seconds(app, sent)) <= allowed[one]:
                continue
            if allowed[one] == FREE_SECONDS:  # most places need no comparison
                harmless = await _least(app, place(filled(HARMLESS, one, length)), enough=0)
                allowed[one] = max(FREE_SECONDS, MAX_RATIO * harmless)
            bound = allowed[one]
            if spent > bound and (spent := await _least(app, sent, bound)) > bound:
                found[name] = f"{spent:.3f} s of {bound:.3f} s that are allowed"
                break
    return found


async def _least(app: ASGIApp, sent: Sent, enough: float) -> float:
    """The least of a few measurements, or the first that is little enough."""
    least = float("inf")
    for _ in range(RETRIES):
        least = min(least, await seconds(app, sent))
        if least <= enough:
            break
    return least
