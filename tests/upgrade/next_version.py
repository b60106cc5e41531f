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
    new = tmp_path / "next"
    new.mkdir()
    url = await postgres.create_database()
    old = this_version()
    applied = await upgraded_and_back(old, next_version(new), url, tmp_path)
    assert applied == ["9997_expands"]
    await postgres.drop_database(url)
