"""The tables of a database that Citus distributes over nodes, by tenant.

Each table of tenants' rows is distributed by its tenant, so that a tenant's rows are on one node.
`tenant` is copied to every node, since statements about tenants' rows name it. The other tables
stay at the coordinator, to which instances connect.
"""

from models.distribution import TABLES
from server.database.connections import connected, connection, note_distributed
from server.database.migrations import require_migrated, told_to_the_operator
from server.database.policies import State, states
from server.errors import Misconfigured
from server.settings import Settings

_DISTRIBUTED = ("token_secret", *TABLES)
_COPIED = ("tenant",)
_HAS_CITUS = "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus') AS has_it"
_NODES = """
    SELECT count(*) FILTER (WHERE groupid = 0) AS coordinators,
           count(*) FILTER (WHERE shouldhaveshards AND isactive AND noderole = 'primary') AS holders
    FROM pg_dist_node
"""
_DONE = """
    SELECT n.name, p.partmethod = 'h' AS is_distributed, p.partmethod = 'n' AS is_copied
    FROM unnest($1::text[]) AS n(name)
    LEFT JOIN pg_dist_partition p ON p.logicalrelid = to_regclass(n.name)
"""
_DISTRIBUTE = {
    True: "SELECT create_distributed_table('token_secret', 'tenant_id', colocate_with => 'none')",
    False: "SELECT create_distributed_table($1, 'tenant_id', colocate_with => 'token_secret')",
}
_COPY = "SELECT create_reference_table($1)"
# Otherwise Citus checks each table of the catalogue whether it is a shard, wherever the driver
# looks up the types of a statement: a quarter of a second of CPU for each new connection.
_SHOWN = """
    SELECT current_setting('citus.override_table_visibility') = 'off' AS is_set,
           quote_ident(d.datname) AS name, pg_has_role(d.datdba, 'MEMBER') AS may_set
    FROM pg_database d WHERE d.datname = current_database()
"""
_SHOW = "ALTER DATABASE {} SET citus.override_table_visibility = off"


async def distribute(settings: Settings) -> list[str]:
    """Distribute the tables that are not yet; gives a sentence for each.

    May be repeated, after a migration that adds a table or where it was cut off. Raises
    `Misconfigured` for a database that cannot be distributed.
    """
    if settings.embedded:
        raise Misconfigured("An embedded database cannot be distributed: it has no nodes.")
    async with connected(settings, patient=True, shared=False) as connections:
        with connections:
            async with told_to_the_operator():
                await require_migrated()
                await _require_nodes()
                await _require_no_policies()
                return [*await _distribute(), *await _show_shards()]


async def settle_distribution() -> None:
    """Find out once whether the connected database is distributed. `is_distributed` returns it
    afterwards.

    Raises `Misconfigured` where only some of its tables are.
    """
    client = connection()
    if client.capabilities.dialect != "postgres" or not await has_distributed_tables():
        return
    missing = await _missing()
    if missing:
        raise Misconfigured(
            f"The table {missing[0]} is not distributed, and others are. Run `tessera distribute`."
        )
    note_distributed()


async def has_distributed_tables() -> bool:
    """Whether tables of the connected PostgreSQL are distributed, all or some."""
    return await _has_citus() and await _missing() != [*_COPIED, *_DISTRIBUTED]


async def _has_citus() -> bool:
    [row] = await connection().execute_query_dict(_HAS_CITUS)
    return bool(row["has_it"])


async def _require_nodes() -> None:
    if not await _has_citus():
        raise Misconfigured(
            "This database has no Citus. Run CREATE EXTENSION citus in it on every node, and add"
            " the nodes to the coordinator."
        )
    [nodes] = await connection().execute_query_dict(_NODES)
    if not nodes["coordinators"]:
        raise Misconfigured(
            "The coordinator lacks a copy of its own of what all nodes have: run"
            " SELECT citus_set_coordinator_host('HOST') there. Instances connect to it alone."
        )
    if not nodes["holders"]:
        raise Misconfigured(
            "Citus has no node for rows. Run SELECT citus_add_node('HOST', PORT) at the coordinator"
            " for each."
        )


async def _require_no_policies() -> None:
    if max((await states()).values()) is not State.OFF:
        raise Misconfigured(
            "Row-level security and Citus exclude each other: run `tessera row-security --off`"
            " first."
        )


async def _distribute() -> list[str]:
    done = []
    for name in await _missing():
        if name in _COPIED:
            await connection().execute_query(_COPY, [name])
            done.append(f"Copied {name} to every node.")
        else:
            is_first = name == _DISTRIBUTED[0]
            await connection().execute_query(_DISTRIBUTE[is_first], [] if is_first else [name])
            done.append(f"Distributed {name} by its tenant.")
    return done


async def _show_shards() -> list[str]:
    [shown] = await connection().execute_query_dict(_SHOWN)
    if shown["is_set"]:
        return []
    statement = _SHOW.format(shown["name"])
    if not shown["may_set"]:
        return [
            f"Run {statement} as the owner of the database: new connections are slow until then."
        ]
    await connection().execute_query(statement)
    return ["Set citus.override_table_visibility to off for new connections to the database."]


async def _missing() -> list[str]:
    """The tables that are not yet as they are to be, in their order."""
    names = [*_COPIED, *_DISTRIBUTED]
    rows = await connection().execute_query_dict(_DONE, [names])
    column = {name: "is_copied" if name in _COPIED else "is_distributed" for name in names}
    as_it_is_to_be = {row["name"] for row in rows if row[column[row["name"]]]}
    return [name for name in names if name not in as_it_is_to_be]
