"""An upgrade without a gap, and the way back: two versions serve side by side under load.

The next version is this one with a migration that changes the busiest tables. `make upgrade` takes
an earlier version from the history instead: `tests/upgrade/two_versions.py`.
"""

from pathlib import Path

from tests.support.postgres import PostgresServer
from tests.support.upgrades import upgraded_and_back
from tests.support.versions import next_version, this_version


async def test_requests_are_served_through_an_upgrade_and_back(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    new = next_version(tmp_path / "next")
    applied = await upgraded_and_back(this_version(), new, postgres, tmp_path)
    assert applied == ["9997_expands"]
