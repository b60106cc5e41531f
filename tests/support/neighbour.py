"""The noisy neighbour: a process that sends costly requests over many connections.

`python -m tests.support.neighbour PORT SECONDS` reads a JSON list of [session, [document, …]] from
standard input, prints `begun` once it sends, and at the end the count of each status as JSON.
"""

import asyncio
import json
import sys
from collections import Counter
from itertools import cycle
from time import monotonic

from tests.support.wire import Wire

CONNECTIONS_OF_A_PERSON = 6


def graphql_request(session: str, body: str) -> bytes:
    """A POST of `body` to `/graphql` with a session's secret."""
    content = body.encode()
    head = (
        "POST /graphql HTTP/1.1\r\nHost: tessera.test\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {session}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def disturb(port: int, seconds: float, people: list[tuple[str, list[str]]]) -> Counter[int]:
    """Send every person's documents in turn over all connections for `seconds`."""
    ends = monotonic() + seconds
    statuses: Counter[int] = Counter()

    async def connection(requests: list[bytes], first: int) -> None:
        async with Wire(port) as wire:
            turn = cycle(requests[first:] + requests[:first])
            while monotonic() < ends:
                statuses[await wire.ask(next(turn))] += 1

    await asyncio.gather(
        *(
            connection([graphql_request(session, body) for body in bodies], number % len(bodies))
            for session, bodies in people
            for number in range(CONNECTIONS_OF_A_PERSON)
        )
    )
    return statuses


if __name__ == "__main__":
    loaded = json.load(sys.stdin)
    print("begun", flush=True)
    print(json.dumps(asyncio.run(disturb(int(sys.argv[1]), float(sys.argv[2]), loaded))))
