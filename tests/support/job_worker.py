"""One instance that moves rows from table `work` to table `done` in a background job.

Run as a process of its own, `process.Worker`, with the arguments URL and LEASE_SECONDS. With a
third argument the lease is ignored, a planted fault. Notes in table `overlap` that another instance
was in its portion at the same time.
"""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg

from server.database import connected, connection, transaction
from server.jobs import Job, Jobs, Lease
from server.settings import read_settings

TABLES = """
CREATE TABLE work (id int PRIMARY KEY);
CREATE TABLE done (id int, worker int);
CREATE TABLE overlap (worker int);
"""
_MOVE = """
WITH taken AS (
    DELETE FROM work WHERE id IN (SELECT id FROM work ORDER BY id LIMIT 5) RETURNING id)
INSERT INTO done SELECT id, $1 FROM taken RETURNING id
"""
_LOCK = 7


async def _portions(beside: Any) -> AsyncGenerator[None, None]:
    """The server frees the lock of a session that ends, also where the process was killed."""
    while True:
        alone = await beside.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK)
        try:
            if not alone:
                await beside.execute("INSERT INTO overlap VALUES ($1)", os.getpid())
            moved, _ = await connection().execute_query(_MOVE, [os.getpid()])
            await asyncio.sleep(0.02)
        finally:
            # Also of a portion that failed: its instance may have been stopped for too long.
            if alone:
                await beside.execute("SELECT pg_advisory_unlock($1)", _LOCK)
        if not moved:
            return
        yield


async def _take(_lease: Lease, _every: timedelta) -> bool:
    return True


@asynccontextmanager
async def _held(_lease: Lease) -> AsyncIterator[None]:
    async with transaction():
        yield


async def _work(url: str, lease_seconds: float) -> None:
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    async with connected(read_settings({"TESSERA_DATABASE_URL": url})):
        beside = await asyncpg.connect(url)
        job = Job(
            "move", timedelta(), lambda: _portions(beside), lease=timedelta(seconds=lease_seconds)
        )
        jobs = Jobs([job], look_every_seconds=0.05)
        jobs.start()
        await ending.wait()
        await jobs.close()
        await beside.close()


def main(arguments: Sequence[str]) -> int:
    """Work until SIGTERM."""
    url, lease_seconds, *fault = arguments
    if fault:
        Lease.take, Lease.held = _take, _held  # type: ignore[assignment, method-assign]  # the planted fault
    asyncio.run(_work(url, float(lease_seconds)))
    return 0
