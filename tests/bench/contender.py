"""One server in a process of its own: `python -m tests.bench.contender NAME PORT CORE`.

The real server is started by its own command, and so are the rivals of `rivals`; the other ones get
the same event loop and HTTP parser.
"""

import os
import sys

import uvicorn
import uvloop

from server import cli
from server.settings import read_settings
from server.token_format import DigestKey
from tests.bench import fastapi_check, fixed, handwritten, naive
from tests.bench.page import FASTAPI, FIXED, HANDWRITTEN, NAIVE, TESSERA
from tests.bench.rivals import set_up
from tests.support.process import LOOPBACK

_RIVALS = {
    NAIVE: naive.running,
    HANDWRITTEN: handwritten.running,
    FIXED: fixed.running,
    FASTAPI: fastapi_check.running,
}


def main(name: str, port: int, core: int) -> int:
    os.sched_setaffinity(0, {core})
    if name == TESSERA:
        return cli.main(["serve", "--host", LOOPBACK, "--port", str(port)])
    if name not in _RIVALS:
        command = set_up.command(name, port)
        os.execve(command.arguments[0], command.arguments, os.environ | command.environment)
    uvloop.run(_serve(name, port))
    return 0


async def _serve(name: str, port: int) -> None:
    settings = read_settings(os.environ)
    async with _RIVALS[name](settings.database_url, DigestKey(*settings.digest_key)) as app:
        config = uvicorn.Config(
            app,
            host=LOOPBACK,
            port=port,
            lifespan="off",
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
        )
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
