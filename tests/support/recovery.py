"""PostgreSQL servers that archive their changes, and servers that are recovered from them."""

import shutil
import time
from typing import Self

from tests.support.postgres import DEADLINE_SECONDS, PostgresCluster, run_now
from tests.support.process import ChildFailed, free_port


class Archiving(PostgresCluster):
    """A server that can be recovered up to a restore point."""

    def __init__(self) -> None:
        super().__init__()
        self.create_folder()
        self.archive, self.base = self.folder / "archive", self.folder / "base"
        self.archive.mkdir()
        self.hand_over(self.archive)
        self.settings["archive_mode"] = "on"
        self.settings["archive_command"] = f"cp %p {self.archive}/%f"

    def back_up(self) -> None:
        """Take the base backup."""
        copy = ["--pgdata", str(self.base), "--checkpoint=fast", "--no-sync"]
        place = [f"--host={self.host}", f"--port={self.port}", f"--username={self.user}"]
        program = str(self._program("pg_basebackup"))
        self._run([program, *place, *copy], PGPASSWORD=self.password)

    def note_restore_point(self, name: str) -> None:
        run_now(self._execute(f"SELECT pg_create_restore_point('{name}')"))


class Recovered(PostgresCluster):
    """A server that was recovered from another one, which has stopped, up to a restore point."""

    def __init__(self, origin: Archiving, restore_point: str) -> None:
        target = {"recovery_target_name": restore_point, "recovery_target_action": "promote"}
        super().__init__({"restore_command": f"cp {origin.archive}/%f %p", **target})
        self.password = origin.password
        self._origin = origin

    def start(self) -> Self:
        super().start()
        deadline = time.monotonic() + DEADLINE_SECONDS
        while run_now(self._is_recovering()):
            if time.monotonic() > deadline:
                raise ChildFailed(f"PostgreSQL was not recovered:\n{self.log()[-4000:]}")
            time.sleep(0.05)
        return self

    async def _is_recovering(self) -> bool:
        connection = await self.connect()
        try:
            return bool(await connection.fetchval("SELECT pg_is_in_recovery()"))
        finally:
            await connection.close()

    def _create(self) -> None:
        self._binaries = self._find_binaries()
        self.port = free_port()
        data = self.folder / "data"
        shutil.copytree(self._origin.base, data)
        (data / "recovery.signal").touch()
        for path in (data, *data.rglob("*")):
            self.hand_over(path)
