"""A pool of connections in which every wait has a time-out."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakSet

import asyncpg
from asyncpg.exceptions import TooManyConnectionsError

from server.database.postgres.dialler import PLAN_LISTS_LOCALLY, Dialler, PlannedConnection
from server.database.postgres.naming import RELEASE_SECONDS, Naming, named_transaction, spreading
from server.database.reach import reached
from server.database.read import Read
from server.database.unavailability import StatementTooLong

# Set explicitly instead of inherited: the database's default may differ.
ISOLATION = "read_committed"
_WAIT_SECONDS = 2
# A server that does not answer, and a connection whose end the driver has not noticed yet.
BROKEN = (TimeoutError, asyncpg.InternalClientError)
_FULL_SECONDS = 1.0
# Longer than requests that follow one another; asyncpg closes idle ones only once it has them.
_AT_HAND_SECONDS = 1.0
_RETRY_FULL_SECONDS = 0.1


_POOLS: WeakSet["Pool"] = WeakSet()


def open_pools() -> list["Pool"]:
    """The pools of this process."""
    return [*_POOLS]


class Pool:
    """Connections to PostgreSQL, of which one is kept open.

    Waiting for a connection, for a turn or for the server, times out after two seconds. One that is
    given back stays at hand for about a second, and the next statement takes it from there:
    asyncpg's own pool makes a task for each that is given back.
    """

    def __init__(self, dialler: Dialler, max_size: int, name: str = "shared") -> None:
        """name: the purpose of the pool, in metrics."""
        self.name = name
        self.waiting = 0
        # Whether the database is told whose rows each statement reaches.
        self.naming: Naming | None = None
        _POOLS.add(self)
        self._dialler = dialler
        self._max_size = max_size
        self._opening = asyncio.Lock()
        self._pool: Any = None
        self._full_until = 0.0
        self._expired_at = 0
        self._released = asyncio.Event()
        self._at_hand: list[Any] = []
        # Connections of earlier generations are not kept at hand.
        self._generation = 0
        self._taken: dict[Any, int] = {}
        self._returning: asyncio.TimerHandle | None = None
        self._return: asyncio.Task[None] | None = None

    @property
    def failovers(self) -> int:
        """How often a newer primary was met. Connections from before it counted up are replaced."""
        return self._dialler.failovers

    @property
    def max_size(self) -> int:
        """How many connections it may hold."""
        return self._max_size

    def sizes(self) -> tuple[int, int]:
        """How many connections are open, and how many of them are idle."""
        pool = self._pool
        if pool is None:
            return (0, 0)
        return pool.get_size(), pool.get_idle_size() + len(self._at_hand)

    async def acquire(self, *, lists: bool = False) -> Any:
        """Take a connection, and give it back with `release`. For one statement use `statement`.

        Where the server accepts no more connections, it waits for one that is open.
        lists: for statements that are planned as those of lists.
        """
        await self._leave_former_primary()
        connection = await self._next_at_hand(lists=lists)
        if connection is None:
            self.waiting += 1
            try:
                connection = await self._acquire(lists=lists)
            finally:
                self.waiting -= 1
        if connection.plans_lists is not lists:
            await self._plan(connection, lists=lists)
        return connection

    async def _plan(self, connection: Any, *, lists: bool) -> None:
        try:
            # Behind a pooler, the session is another client's after each transaction.
            if not await self._dialler.is_behind_pooler():
                await connection.plan(lists=lists)
        except BaseException as error:
            await self._give_back_broken(connection, error)
            raise

    async def _acquire(self, *, lists: bool) -> Any:
        refused: TooManyConnectionsError | None = None
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                while True:
                    connection = await self._next_at_hand(lists=lists)
                    if connection is not None:
                        return connection
                    if not self._is_full():
                        try:
                            return await self._taken_from(await self._current())
                        except TooManyConnectionsError as error:
                            refused = error
                            self._note_full()
                    await self._next_release()
        except TimeoutError:
            if refused is not None:
                raise refused from None
            raise

    async def release(self, connection: Any) -> None:
        """Give a connection back. Ends its transaction, if one is open."""
        pool = self._pool
        if pool is None or self._taken.pop(connection, None) is None:
            return  # terminated meanwhile, and the connection with it
        try:
            await pool.release(connection, timeout=RELEASE_SECONDS)
        finally:
            self._released.set()

    @asynccontextmanager
    async def statement(self, *, lists: bool = False) -> AsyncIterator[Any]:
        """A connection for statements that need no common transaction.

        Behind a pooler they get one: otherwise preparing and executing could reach two sessions.
        They get one too where it has to name whose rows they reach.
        lists: planned as the statements of lists.
        """
        lists = lists and self._keeps_plans
        connection = await self.acquire(lists=lists)
        named = self._named()
        try:
            is_pooled = await self._dialler.is_behind_pooler()
            if named is None and not is_pooled:
                yield connection
            else:
                async with _transaction(connection, named):
                    if lists and is_pooled:
                        await connection.execute(PLAN_LISTS_LOCALLY)
                    yield connection
        except BaseException as error:
            await self._give_back_broken(connection, error)
            raise
        await self._give_back(connection)

    async def fetch(self, read: Read) -> Sequence[Sequence[Any]]:
        """The rows of one statement, as `statement` gives its connection.

        It is planned as that of a list, unless it may sort. Raises `StatementTooLong`.
        """
        lists = not read.may_sort and self._keeps_plans
        if self._named() is not None or await self._dialler.is_behind_pooler():
            async with self.statement(lists=lists) as connection:
                return await rows_of(connection, read)
        connection = await self.acquire(lists=lists)
        try:
            rows = await rows_of(connection, read)
        except BaseException as error:
            await self._give_back_broken(connection, error)
            raise
        await self._give_back(connection)
        return rows

    @property
    def _keeps_plans(self) -> bool:
        # Citus finds the node of a statement by its values: it cannot plan it for any values.
        return self.naming is not spreading

    def _named(self) -> str | None:
        """The statement by which the running task has to name whose rows it reaches, if it has to.

        A transaction that names nothing reaches nobody's.
        """
        if self.naming is None:
            return None
        statement = self.naming(reached())
        return None if statement == self.naming(None) else statement

    async def expire_connections(self) -> None:
        """Replace each connection by a new one before its next use."""
        self._generation += 1
        if self._pool is not None:
            await self._pool.expire_connections()
            await self._give_all_back()

    async def close(self) -> None:
        """Wait until all connections are given back, and close them."""
        self._generation += 1
        _POOLS.discard(self)
        self._stop_returning()
        if self._pool is not None:
            await self._give_all_back()
            await self._pool.close()

    def terminate(self) -> None:
        """Close all connections at once; the next use opens others."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None
        self._generation += 1
        self._stop_returning()
        self._at_hand.clear()
        self._taken.clear()

    async def _give_back(self, connection: Any) -> None:
        # At hand only a connection of this generation, and while nobody waits for asyncpg's.
        if self._taken.get(connection) == self._generation and not self.waiting:
            self._put_at_hand(connection)
        else:
            await self.release(connection)

    async def _give_back_broken(self, connection: Any, error: BaseException) -> None:
        if isinstance(error, BROKEN):
            # The others may lead to the same server.
            await self.expire_connections()
        # The server may still be busy with the statement: asyncpg waits for its end.
        await self.release(connection)

    async def _taken_from(self, pool: Any) -> Any:
        connection = await pool.acquire()
        if len(self._taken) >= 2 * self._max_size:
            # Some were ended by their users, and never given back.
            self._taken = {one: born for one, born in self._taken.items() if _is_open(one)}
        self._taken[connection] = self._generation
        return connection

    def _put_at_hand(self, connection: Any) -> None:
        self._at_hand.append(connection)
        self._released.set()
        if self._returning is None:
            loop = asyncio.get_running_loop()
            self._returning = loop.call_later(_AT_HAND_SECONDS, self._return_all)

    async def _next_at_hand(self, *, lists: bool) -> Any:
        """A connection at hand that is open; None if there is none.

        Rather one whose statements are planned in that way.
        """
        at_hand = self._at_hand
        while at_hand:
            places = range(len(at_hand) - 1, -1, -1)
            fitting = (one for one in places if _plans_lists(at_hand[one]) is lists)
            connection = at_hand.pop(next(fitting, -1))
            if _is_open(connection):
                return connection
            await self.release(connection)
        return None

    async def _give_all_back(self) -> None:
        while self._at_hand:
            await self.release(self._at_hand.pop())

    def _stop_returning(self) -> None:
        if self._returning is not None:
            self._returning.cancel()
            self._returning = None

    def _return_all(self) -> None:
        self._returning = None
        # Kept here: the loop itself holds no task.
        self._return = asyncio.get_running_loop().create_task(self._give_all_back())

    async def _opened(self) -> Any:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    connect=self._dialler.dial,
                    connection_class=PlannedConnection,
                    min_size=1,
                    max_size=self._max_size,
                    reset=_skip_reset,
                )
        return self._pool

    async def _leave_former_primary(self) -> None:
        """Expire connections to a server that was primary earlier."""
        if self._expired_at != self.failovers:
            self._expired_at = self.failovers
            await self.expire_connections()

    async def _current(self) -> Any:
        """asyncpg's pool, without connections to a server that was primary earlier."""
        pool = self._pool or await self._opened()
        await self._leave_former_primary()
        return pool

    def _note_full(self) -> None:
        # Without an open connection there is none to wait for: ask again sooner.
        seconds = _FULL_SECONDS if self._size() else _RETRY_FULL_SECONDS
        self._full_until = asyncio.get_running_loop().time() + seconds

    def _is_full(self) -> bool:
        """Whether the pool has no idle connection and the server has just refused a new one."""
        if asyncio.get_running_loop().time() >= self._full_until:
            return False
        return not self._pool or not self._pool.get_idle_size()

    def _size(self) -> int:
        return self._pool.get_size() if self._pool else 0

    async def _next_release(self) -> None:
        self._released.clear()
        try:
            await asyncio.wait_for(self._released.wait(), _RETRY_FULL_SECONDS)
        except TimeoutError:
            return


def _is_open(connection: Any) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # closed by the server: asyncpg's pool has it back
        return False


def _transaction(connection: Any, named: str | None) -> Any:
    """A transaction, which names whose rows it reaches if that statement is given."""
    if named is None:
        return connection.transaction(isolation=ISOLATION)
    return named_transaction(connection, named)


def _plans_lists(connection: Any) -> bool | None:
    # asyncpg takes the attributes of a connection away that the server has closed.
    return getattr(connection, "plans_lists", None)


async def rows_of(connection: Any, read: Read) -> Sequence[Sequence[Any]]:
    """The rows of a statement. Raises `StatementTooLong` after its seconds."""
    try:
        rows: Sequence[Sequence[Any]] = await connection.fetch(
            read.sql, *read.values, timeout=read.seconds
        )
    except TimeoutError:
        if read.seconds is None:
            raise
        raise StatementTooLong from None
    return rows


async def _skip_reset(_connection: asyncpg.Connection) -> None:
    """Skip asyncpg's reset, a round trip after every query: it would undo settings, locks and
    LISTEN that outlive a transaction, none of which is used. The pool still ends a transaction."""
