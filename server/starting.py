"""The start of an instance: the files that it reads once, its database, and the service on it."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from opentelemetry.trace import Tracer

from server import database
from server.access.brands import require_listed
from server.access.digest_keys import digest_key
from server.access.revocation_journal import journal
from server.catalogue import Catalogue, CatalogueError, read_catalogue
from server.catalogue.recipes import DEFAULT_FOLDER, Recipe, RecipeError, read_recipes
from server.errors import Misconfigured
from server.service import Service
from server.settings import Settings
from server.workers import Worker

_log = logging.getLogger("tessera")
_MAX_LOGGED = 100


@dataclass(frozen=True, slots=True)
class Documents:
    """The files that an instance reads once: the API's document, and recipes."""

    catalogue: Catalogue
    recipes: tuple[Recipe, ...]


def read_documents(settings: Settings) -> Documents:
    """Read the API's document and the recipes, and log the parts that cannot be used.

    Raises `Misconfigured` where either cannot be read.
    """
    try:
        catalogue = read_catalogue(settings.api_spec)
    except CatalogueError as error:
        raise Misconfigured(f"TESSERA_API_SPEC cannot be used: {error}") from None
    documents = Documents(catalogue, _recipes(settings))
    _warn(documents)
    return documents


@asynccontextmanager
async def running_service(
    settings: Settings,
    documents: Documents | None = None,
    worker: Worker | None = None,
    tracer: Tracer | None = None,
) -> AsyncIterator[Service]:
    """The service on its database, ready to serve. An embedded database is migrated first.

    documents: those of the settings, if they are read already. worker: this process, if it is one
    of several. tracer: makes spans, if any are made. Raises `Misconfigured` for a database that
    cannot be used, or that has another digest key or tokens of an unlisted brand. Raises it too for
    a journal of revocations that cannot be written, and as `read_documents` does.
    """
    documents = documents or read_documents(settings)
    async with running_database(settings):
        with database.reaching_every_tenant():
            key = await digest_key(settings)
            await require_listed(settings.token_brand)
        with journal(settings.revocations_file):
            yield Service(settings, key, documents.catalogue, documents.recipes, worker, tracer)


def _warn(documents: Documents) -> None:
    """Log the unusable parts of the API's document, and recipes that it does not fit."""
    catalogue = documents.catalogue
    for fault in catalogue.faults[:_MAX_LOGGED]:
        detail = f"{fault.pointer}: {fault.reason}"
        _log.warning("part of the API's document is closed", extra={"detail": detail})
    if (more := len(catalogue.faults) - _MAX_LOGGED) > 0:
        detail = f"{more} more; `tessera catalogue check` names them"
        _log.warning("parts of the API's document are closed", extra={"detail": detail})
    for recipe in documents.recipes:
        lacking = catalogue.unknown(one.key for one in recipe.permissions)
        if lacking:
            detail = f"{recipe.slug}: {', '.join(lacking[:_MAX_LOGGED])}"
            _log.warning(
                "a recipe asks for permissions that the API's document lacks",
                extra={"detail": detail},
            )


def _recipes(settings: Settings) -> tuple[Recipe, ...]:
    """The recipes of the settings; those that ship are of the document that ships."""
    folder = settings.recipes or (None if settings.api_spec else DEFAULT_FOLDER)
    if folder is None:
        return ()
    try:
        return read_recipes(folder)
    except RecipeError as error:
        raise Misconfigured(f"TESSERA_RECIPES cannot be used: {error}") from None


@asynccontextmanager
async def running_database(settings: Settings) -> AsyncIterator[None]:
    """The database, ready for queries. An embedded database is migrated first.

    Raises `Misconfigured` for one that does not answer or lacks migrations.
    """
    async with database.connected(settings):
        if settings.embedded:
            await database.migrate_connected()  # no time-out ends a statement there
        await database.require_usable()
        await database.settle_distribution()
        await database.settle_row_security()
        yield
