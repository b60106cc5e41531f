"""An upgrade without a gap from an earlier version to this one, and the way back.

`make upgrade FROM=…` runs it; no other command collects it.
"""

import os
from pathlib import Path

from tests.support.postgres import PostgresServer
from tests.support.upgrades import upgraded_and_back
from tests.support.versions import this_version, version_at

FROM = os.environ.get("TESSERA_TEST_UPGRADE_FROM", "")


async def test_requests_are_served_through_an_upgrade_from_that_version_and_back(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    old, new = version_at(FROM, tmp_path / "old"), this_version()
    applied = await upgraded_and_back(old, new, postgres, tmp_path)
    assert applied == [name for name in new.migrations if name not in old.migrations]
