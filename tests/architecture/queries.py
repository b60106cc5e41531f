"""Who may query and write rows, and how a query names its tenant."""

import ast
from collections.abc import Iterator
from inspect import getattr_static
from pathlib import Path

from tortoise.models import Model
from tortoise.queryset import QuerySet

from tests.architecture.rows import OWNED, READS, READS_BY_SQL, READS_OWNED, WRITING, Rows
from tests.architecture.source import ROWS, TENANT_ROWS, Project, Source

# The rooms that may query. All others receive rows, and only name their types.
_QUERYING_ROOMS = {
    *("models", "server.access", "server.database", "server.decisions", "server.jobs"),
    *("server.internals", "server.operations"),
}
# Libraries that make queries without a row class.
_DRIVERS = {"tortoise", "asyncpg", "sqlite3", "aiosqlite"}
_CONNECTIONS = "server.database.connections."
_OPENING = {
    *(f"{_CONNECTIONS}{name}" for name in ("connection", "fetch", "own_pool")),
    "server.database.sqlite.opening.sqlite_reader",
    f"{_CONNECTIONS}transaction",
    "server.database.retrying.retried",
    *(f"server.access.reading.{name}" for name in ("owned_rows", "rows", "rows_by")),
}
_TENANCY = "server.access.tenancy."
_SURFACE = {name for name in (*dir(Model), *dir(QuerySet), "write") if name[0] != "_"}
# Methods that query when called on a row or on a collection of rows.
_OF_ROWS = {name for name in _SURFACE if not hasattr(dict, name)} | {"__class__"}
# Methods that query on any object: those of a row that no built-in type has, and a connection's.
_ONLY_ROWS_HAVE = {"execute_query", "execute_query_dict", "execute_script", "select_for_update"} | {
    name
    for name in _SURFACE & {*dir(Model)}
    if not isinstance(getattr_static(Model, name), classmethod)
    and not any(hasattr(other, name) for other in (dict, list, str, tuple, set, bytes, Path))
}
_NAMES_THE_TENANT = {"tenant_id", "tenant_id__in"}

# Only these files change the rows of each kind, so that a change and its consequences stand in one
# place. The files of `server.access` change rows of authentication and rows that follow a token.
# Beside them, `server.jobs.retention` deletes rows of the tables that `server.jobs.kept` lists,
# `server.jobs.revoked_tokens` those of tokens, and `server.access.whole_tenants` those of tenants.
WRITERS = {
    "AccessRequest": {"server.decisions.access_requests"},
    "Activity": {"server.access.activity"},
    "ActivityCounter": {"server.access.activity"},
    "Admin": {"server.access.sessions", "server.operations.admins", "server.operations.tenants"},
    "AttemptCounter": {"server.access.attempts"},
    "CatalogueNotice": {
        "server.jobs.catalogue_changes",
        "server.operations.catalogue_versions",
    },
    "CatalogueVersion": {
        "server.jobs.catalogue_changes",
        "server.operations.catalogue_versions",
    },
    "DecisionBatch": {"server.decisions.log_batches"},
    "FollowedCategory": {"server.access.followed_categories", "server.decisions.growth"},
    "InstallationKey": {"server.access.digest_keys", "server.operations.digest_keys"},
    "InstallationState": {"server.database.restored", "server.database.sqlite.marking"},
    "IntrospectionCredential": {
        "server.operations.digest_keys",
        "server.operations.introspection_clients",
    },
    "Invitation": {"server.access.sessions", "server.operations.admins"},
    "JobLease": {"server.jobs.lease"},
    "KnownAddress": {"server.access.sessions", "server.access.visitors"},
    "Mail": {"server.access.mails", "server.jobs.mail_queue"},
    "Reminder": {"server.jobs.reminders"},
    "SecretUse": {"server.decisions.log_rows", "server.decisions.old_use_rows"},
    "Session": {"server.access.sessions"},
    "Tenant": {
        "server.operations.policies",
        "server.operations.tenant_deletion",
        "server.operations.tenants",
        "server.operations.tokens",
    },
    "Token": {
        "server.access.live_token",
        "server.decisions.growth",
        "server.decisions.log_rows",
        "server.decisions.policy_dates",
        "server.decisions.removal",
        "server.decisions.revoking",
        "server.decisions.unused",
        "server.jobs.revoked_tokens",
        "server.operations.tokens",
    },
    "TokenBrand": {"server.access.brands"},
    "TokenLastUse": {"server.decisions.log_rows"},
    "TokenPermission": {
        "server.decisions.growth",
        "server.decisions.trials",
        "server.operations.tokens",
    },
    "TokenPolicy": {"server.decisions.policy_dates", "server.operations.policies"},
    "TokenRefusal": {"server.decisions.log_rows"},
    "TokenRotation": {"server.decisions.rotations"},
    "TokenSearch": {"server.access.token_search"},
    "TokenSecret": {"server.decisions.terms"},
    "TokenTrial": {"server.decisions.trials"},
    "TokenUse": {"server.decisions.log_rows"},
    "TrialDenial": {"server.decisions.trials", "server.decisions.withheld_rows"},
    "Webhook": {
        "server.access.outbox",
        "server.access.webhook_secrets",
        "server.jobs.delivery_queue",
        "server.operations.webhooks",
    },
    "WebhookDelivery": {"server.jobs.delivery_queue"},
    "WebhookEvent": {"server.access.outbox", "server.jobs.delivery_queue"},
}


# Only these files reach the rows of all tenants, where row-level security is on.
EVERY_TENANT = {
    "server.access.visitors": "only the slug of a sign-in tells which tenant it is",
    "server.starting": "the start of an instance looks at the brands of all tokens",
    "server.cli.commands": "the commands are the operator's",
    "server.cli.demo": "makes the demo tenant, as the operator",
    "server.cli.serve": "the start of an instance: the catalogue's versions, and held permissions",
    "server.database.migrations": "a migration may change the rows of all tenants",
    "server.decisions.log": "a batch has the decisions of many tenants",
    "server.decisions.lookup_postgres": "a batch has questions about many tenants",
    "server.decisions.terms": "a presented secret whose tenant nothing names",
    "server.jobs.due_work": "the queues of all tenants",
    "server.jobs.lag": "the queues of all tenants",
    "server.jobs.runner": "the jobs work for all tenants",
}
_REACHING_ALL = {
    f"{_CONNECTIONS.removesuffix('connections.')}reach.{name}"
    for name in ("reaching_every_tenant", "reaching_as", "EVERY_TENANT")
}


def every_tenant_reached(project: Project, source: Source) -> Iterator[str]:
    """Only the files named in `EVERY_TENANT` reach the rows of all tenants."""
    rooms = ("", ".connections", ".policies", ".postgres.naming", ".reach")
    if source.module in {*EVERY_TENANT, *(f"server.database{one}" for one in rooms)}:
        return
    for node, name in project.references(source):
        if name in _REACHING_ALL:
            yield source.at(node, name)


def queries_out_of_place(project: Project, source: Source) -> Iterator[str]:
    """Only the querying rooms query; the others import nothing that can make a query."""
    if source.room in _QUERYING_ROOMS:
        return
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom):
            names = {project.canonical(f"{node.module}.{alias.name}") for alias in node.names}
        elif isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        else:
            continue
        for name in names:
            if name.partition(".")[0] in _DRIVERS or _opens_a_query(name):
                yield source.at(node, name)
    for reference, name in project.references(source):
        is_row = name in ROWS or name == "models" or _is_of_a_row(name)
        if (is_row and reference not in source.types) or _opens_a_query(name):
            yield source.at(reference, name)
    rows = Rows(project, source)
    for node in source.nodes:
        match node:
            case ast.Attribute(on, method) if method in _OF_ROWS | _ONLY_ROWS_HAVE:
                above = source.parents[node]
                is_called = isinstance(above, ast.Call) and above.func is node
                is_function = _is_another_modules(project, source, on)
                queries = method in _ONLY_ROWS_HAVE and is_called and not is_function
                if queries or (method in _OF_ROWS and rows.row_of(on)):
                    yield source.at(node, method)
            case ast.Call(ast.Name("type"), [on]) if rows.row_of(on):
                yield source.at(node, "type")
            case ast.Call(ast.Name("getattr"), [on, ast.Constant(str(method)), *_]):
                if method in _ONLY_ROWS_HAVE:
                    yield source.at(node, method)


def _opens_a_query(name: str) -> bool:
    return name in _OPENING or name.startswith(_TENANCY)


def _is_of_a_row(name: str) -> bool:
    return any(name.startswith(f"{row}.") for row in ROWS)


def _is_another_modules(project: Project, source: Source, on: ast.AST) -> bool:
    """Whether it is a function of an imported module, such as `operations.tokens.create`."""
    name = project.name_of(source, on)
    return bool(name) and not name.startswith(f"{source.module}.") and name not in ROWS


def queries_without_a_tenant(project: Project, source: Source) -> Iterator[str]:
    """A query of tenants' rows names the tenant; `owned` does it for the operations.

    Any other use of such a row class is a breach: it could lead to a query elsewhere.
    """
    if source.room not in _QUERYING_ROOMS or source.room == "models":
        return
    for node, name in project.references(source):
        row, method = (name, "") if name in TENANT_ROWS else _method_of_row(name)
        if not row or node in source.types or source.is_exempt("queries_without_a_tenant", node):
            continue
        match source.parents[node]:
            case ast.Call(func, args, keywords) as call:
                named = {keyword.arg for keyword in keywords} & _NAMES_THE_TENANT
                called = project.name_of(source, func)
                if called in {OWNED, *READS_OWNED} and args[:1] == [node]:
                    continue
                if called in READS and args[:1] == [node] and named:
                    continue
                if called in READS_BY_SQL and node in args:
                    continue
                if call.func is node and (named or method == "bulk_create"):
                    continue
        yield source.at(node, name)


def _method_of_row(name: str) -> tuple[str, str]:
    row, _, method = name.rpartition(".")
    return (row, method) if row in TENANT_ROWS else ("", "")


def writes_by_others(project: Project, source: Source) -> Iterator[str]:
    """Only the files named in `WRITERS` change rows, and the row class of a change is known."""
    if source.room not in _QUERYING_ROOMS or source.room in {"models", "server.database"}:
        return
    for write in Rows(project, source).writes():
        if isinstance(write.call.func, ast.Attribute) and write.call.func.attr not in WRITING:
            continue  # SQL, whose tables `statements` reads
        row = write.row.rpartition(".")[2]
        if source.module not in WRITERS.get(row, set()):
            yield source.at(write.call, row or "unknown rows")


def saves(_: Project, source: Source) -> Iterator[str]:
    """Rows are written by `write`: `save` would undo concurrent changes of other columns."""
    for node in source.nodes:
        match node:
            case ast.Attribute(attr="save") | ast.Constant("save"):
                yield source.at(node)
