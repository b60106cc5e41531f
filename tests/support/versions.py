"""Other versions of the product, each in a folder of its own, for tests of upgrades.

They run with the packages of these tests.
"""

import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.migrations import written
from tests.support.process import ROOT, ServerProcess, tessera_environment

# A balancer in the tests notices sooner that an instance is not ready.
_DELAY_SECONDS = "2"
_COMMAND = [sys.executable, "-m", "server"]
_ASSETS = Path("server", "console", "assets")
# Changes each table that requests read all the time, in the ways that a migration may.
_EXPANDING = """
from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

class Migration(migrations.Migration):
    dependencies = [("models", "{last}")]
    operations = [{model}
        *(
            ops.AddField(name, "planted", fields.CharField(max_length=9, db_default="x"))
            for name in ("Token", "TokenSecret", "Tenant", "Admin", "Session", "Activity")
        ),
        ops.AddField("Token", "size", fields.IntField(null=True)),
        ops.AddIndex("Token", Index(fields=["tenant_id", "size"], name="idx_token_size")),
    ]
"""


@dataclass(frozen=True)
class Version:
    """A version: `folder` has its packages `server` and `models`."""

    name: str
    folder: Path

    @property
    def migrations(self) -> list[str]:
        """The names of its migrations, in order."""
        files = (self.folder / "models" / "migrations").glob("[0-9]*.py")
        return sorted(file.stem for file in files)

    @property
    def has_shutdown_delay(self) -> bool:
        """Whether its `tessera serve` has `--shutdown-delay`."""
        return "--shutdown-delay" in (self.folder / "server" / "cli" / "serve.py").read_text()

    def instance(self, place: Path, url: str, settings: Mapping[str, str]) -> ServerProcess:
        """An instance that is not started yet."""
        own = {"PYTHONPATH": str(self.folder), **settings}
        delay = ["--shutdown-delay", _DELAY_SECONDS] if self.has_shutdown_delay else []
        return ServerProcess(
            place, database_url=url, settings=own, command=_COMMAND, arguments=delay
        )

    def run(self, url: str, *arguments: str, place: Path, stdin: str = "") -> str:
        """The output of a command, which must succeed."""
        done = subprocess.run(
            [*_COMMAND, *arguments],
            cwd=place,
            env=tessera_environment(url, {"PYTHONPATH": str(self.folder)}),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def this_version() -> Version:
    """The code of these tests."""
    return Version("this version", ROOT)


def next_version(folder: Path) -> Version:
    """This version with one migration more, which only adds."""
    folder.mkdir()
    version = Version("next version", folder)
    (folder / "server").symlink_to(ROOT / "server", target_is_directory=True)
    planted = folder / "models" / "migrations"
    planted.mkdir(parents=True)
    for file in (ROOT / "models").rglob("*.py"):
        (folder / file.relative_to(ROOT)).write_text(file.read_text())
    (planted / "9997_expands.py").write_text(written(_EXPANDING))
    return version


def version_at(place: str, folder: Path) -> Version:
    """A version by a commit of this repository, a wheel, or a folder with its sources."""
    path = Path(place)
    if path.is_dir():
        return Version(place, path.resolve())
    folder.mkdir()
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            wheel.extractall(folder)
        return Version(path.name, folder)
    command = ["git", "archive", "--format=tar", place, "server", "models"]
    packed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as sources:
        sources.extractall(folder, filter="data")
    # Built pages are in no commit; requests of this test ask for none.
    (folder / _ASSETS).symlink_to(ROOT / _ASSETS, target_is_directory=True)
    return Version(place, folder)
