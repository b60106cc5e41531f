"""Works out the statements of migrations on PostgreSQL, before any of them is sent.

Tortoise makes the models anew for each step of a migration, which takes longer than the step. Done
between two steps, it would keep requests from the tables of the first one until they time out.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.migration import Migration
from tortoise.migrations.operations import AddField, AddIndex, CreateModel, Operation
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.migrations.schema_editor import AsyncpgSchemaEditor
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps

# They make statements of the models alone. Others may read rows of earlier ones.
_ONLY_STATEMENTS = (CreateModel, AddField, AddIndex)
_Step = Callable[[BaseDBAsyncClient], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """The steps of some migrations, in order."""

    steps: list[_Step]

    async def run(self, client: BaseDBAsyncClient) -> None:
        """Do it in a transaction, whose client this is. After a rollback it may be run again."""
        for step in self.steps:
            await step(client)


async def plan_of(executor: MigrationExecutor, app: str, missing: list[str]) -> MigrationPlan:
    """The plan of the missing migrations of `app`, whose other migrations are applied."""
    await executor.loader.build_graph()
    graph, connection = executor.loader.graph, executor.connection
    apps = StateApps(default_connections={app: connection.connection_name})
    state = State(models={}, apps=apps)
    steps: list[_Step] = []
    for leaf in graph.leaf_nodes(app):
        for key in graph.forwards_plan(leaf):
            migration = graph.nodes[key]
            if not isinstance(migration, Migration):
                raise LookupError(key)
            if key.name in missing:
                steps += [step async for step in _steps(migration, state, connection)]
            else:
                await migration.apply(state, dry_run=True)
    return MigrationPlan(steps)


async def _steps(
    migration: Migration, state: State, connection: BaseDBAsyncClient
) -> AsyncIterator[_Step]:
    """The steps of a migration on `state`, which is then as after it."""
    app = migration.app_label
    for operation in migration.operations:
        before = state.clone()
        operation.state_forward(app, state)
        if isinstance(operation, _ONLY_STATEMENTS):
            collecting = AsyncpgSchemaEditor(connection, collect_sql=True)
            await operation.database_forward(app, before, state, collecting)
            for statement in collecting.collected_sql:
                yield partial(_execute, statement)
        else:
            yield partial(_carry_out, operation, app, before, state.clone())
    yield partial(_record, app, migration.name)


async def _execute(statement: str, client: BaseDBAsyncClient) -> None:
    await client.execute_script(statement)


async def _carry_out(
    operation: Operation, app: str, before: State, after: State, client: BaseDBAsyncClient
) -> None:
    await operation.database_forward(app, before, after, AsyncpgSchemaEditor(client))


async def _record(app: str, name: str, client: BaseDBAsyncClient) -> None:
    await MigrationRecorder(client).record_applied(app, name)
