"""Adds migrations to a copy of their folder, and holds back later ones."""

from pathlib import Path

import models
from server import database
from tests.conftest import settings_for

_PLANTED_MODEL = """
        ops.CreateModel(
            name="Planted",
            fields=[("id", fields.IntField(primary_key=True))],
            options={"table": "planted", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
"""
_BROKEN = """
from tortoise import fields, migrations
from tortoise.migrations import operations as ops

async def fail(apps, schema_editor):
    raise ZeroDivisionError("half way")

class Migration(migrations.Migration):
    dependencies = [("models", "{last}")]
    operations = [{model}
        ops.RunPython(fail),
    ]
"""


MIGRATIONS = sorted(file.stem for file in Path(models.__file__).parent.glob("migrations/[0-9]*.py"))


def written(migration: str) -> str:
    """The text of a migration after the last one, with the planted model for `{model}`."""
    return migration.replace("{last}", MIGRATIONS[-1]).replace("{model}", _PLANTED_MODEL)


def plant_failing_migration(folder: Path) -> None:
    """Add a migration that creates a table and then raises `ZeroDivisionError`."""
    (folder / "9999_broken.py").write_text(written(_BROKEN))


def hold_back(planted: Path, first: str) -> dict[Path, str]:
    """Remove the migrations from `first` on; returns their files and texts, for `put_back`."""
    later = [planted / f"{name}.py" for name in MIGRATIONS if name >= first]
    written = {file: file.read_text() for file in later}
    for file in later:
        file.unlink()
    return written


async def put_back(held_back: dict[Path, str], url: str) -> None:
    """Restore the migrations that `hold_back` removed, and apply them."""
    for file, text in held_back.items():
        file.write_text(text)
    await database.migrate(settings_for(url))
