"""Planted breaches: a rule, the file that breaks it, and its code. Each rule has at least one."""

import textwrap

_OPERATION = '''
import models
from models import ActivityKind
from server.access.activity import record
from server.access.principal import Principal
from server.access.tenancy import change, owned
from server.database import connection, retried, transaction
from server.roles import Right

@retried
async def f(principal: Principal, token: models.Token) -> None:
    """Doc."""
    principal.require(Right.MANAGE_TOKENS)
'''


def _operation(body: str) -> str:
    """An operation on tokens with this body, after the imports and the first statement of each."""
    return _OPERATION + textwrap.indent(textwrap.dedent(body).strip(), "    ")


_RESOLVER, _OPERATIONS, _ACCESS = "server.graphql.x", "server.operations.tokens", "server.access.x"
_OUT, _TENANT = "queries_out_of_place", "queries_without_a_tenant"
_NOBODY, _ACTIVITY = "changes_as_nobody", "changes_without_activity"
_RIGHT, _DISGUISE = "changes_by_the_wrong_right", "operations_in_disguise"
_SQL = "statements_without_a_tenant"
_PRIVATE = "private_parts_elsewhere"
_UNSEEN = "names_made_at_run_time"

BREACHES: list[tuple[str, str, str]] = [
    # Imports
    ("imports_up_or_aside", _RESOLVER, "from server.console.routes import routes"),
    ("imports_up_or_aside", "server.dataplane.x", "import server.graphql.schema as s"),
    ("imports_up_or_aside", "server.access.x", "from server.operations import tokens"),
    ("imports_up_or_aside", "server.operations.x", "from server.jobs import outbox"),
    ("imports_up_or_aside", "server.decisions.x", "from server.operations.tokens import rename"),
    ("imports_below_the_top", "server.x", "def f():\n    import models"),
    ("imports_not_in_full", "server.x", "from . import y"),
    ("imports_not_in_full", _RESOLVER, "from models import *"),
    (_UNSEEN, _RESOLVER, "import importlib\nm = importlib.import_module('models')"),
    (_UNSEEN, _RESOLVER, "m = __import__('models')"),
    (_UNSEEN, _RESOLVER, "import sys\nm = sys.modules['models']"),
    (_UNSEEN, _RESOLVER, "def f(row, name):\n    return getattr(row, name)()"),
    (_UNSEEN, _RESOLVER, "def f(row, name='de' + 'lete'):\n    return getattr(row, f'{name}')()"),
    (_UNSEEN, _RESOLVER, "from operator import methodcaller as m\nf = m('delete')"),
    (_UNSEEN, _RESOLVER, "from operator import attrgetter\ndef f(n):\n    return attrgetter(n)"),
    (_UNSEEN, "server.operations.x", "exec('import models')"),
    # Queries outside the querying rooms
    (_OUT, _RESOLVER, "import models\nmodels.Token.filter(tenant_id=1)"),
    (_OUT, _RESOLVER, "import models as m\nm.Token.filter(tenant_id=1)"),
    (_OUT, _RESOLVER, "from models import Token as T\nT.filter(tenant_id=1)"),
    (_OUT, _RESOLVER, "from models.token import Token as T\nT.filter(tenant_id=1)"),
    (_OUT, _RESOLVER, "import models.token as t\nt.Token.filter(tenant_id=1)"),
    (_OUT, _RESOLVER, "from server.operations import tokens\ntokens.models.Token.all()"),
    (_OUT, _RESOLVER, "from server.access.tenancy import owned as o"),
    (_OUT, _RESOLVER, "from server.operations.tokens import owned"),
    (_OUT, _RESOLVER, "from server.access import tenancy\nf = tenancy.owned"),
    (
        _OUT,
        _RESOLVER,
        "import models\nfrom server.access.tenancy import owned\n"
        "async def f(p):\n    await owned(models.Token, p).delete()",
    ),
    (_OUT, _RESOLVER, "import models\nqueries = [models.Token]"),
    (_OUT, _RESOLVER, "import models\nget = getattr(models, 'Token')"),
    (_OUT, _RESOLVER, "import models\nf = getattr(models.Token, 'filter')"),
    (_OUT, _RESOLVER, "import models\nif (token := models.Token):\n    token.all()"),
    (_OUT, _RESOLVER, "import models\nhouse = models"),
    (_OUT, _RESOLVER, "import models\nf = lambda: models.Token.raw('SELECT 1')"),
    (_OUT, _RESOLVER, "import models\ndef f():\n    def g():\n        return models.Token.all()"),
    (_OUT, _RESOLVER, "import models\nasync def f(row: models.Token):\n    await row.delete()"),
    (_OUT, _RESOLVER, "import models\nasync def f(row: models.Token):\n    await row.write('x')"),
    (_OUT, _RESOLVER, "import models\ndef f(row: models.Token):\n    return type(row).all()"),
    (_OUT, _RESOLVER, "import models\ndef f(row: models.Token):\n    return row.__class__"),
    (_OUT, _RESOLVER, "async def f(anything):\n    await anything.select_for_update()"),
    (_OUT, _RESOLVER, "async def f(anything):\n    await getattr(anything, 'delete')()"),
    (
        _OUT,
        _RESOLVER,
        "import models\nclass Token:\n    row: models.Token\n"
        "    async def f(self):\n        await self.row.write('name')",
    ),
    (_OUT, _RESOLVER, "from server.database import connection as c"),
    (_OUT, _RESOLVER, "from server import database\nc = database.connection()"),
    (_OUT, _RESOLVER, "from server.database import transaction"),
    (_OUT, _RESOLVER, "from tortoise.transactions import in_transaction"),
    (_OUT, "server.dataplane.x", "import sqlite3"),
    (_OUT, "server.identity.x", "import asyncpg as pg"),
    (_OUT, "server.cli.x", "from tortoise import Tortoise"),
    (_OUT, "server.console.x", "from models import Token\nToken.all()"),
    (_OUT, "server.monitoring.x", "from models import Token\nToken.all()"),
    (
        "statements_out_of_place",
        _RESOLVER,
        "async def f(c):\n    await c.execute_query('SELECT * FROM token WHERE tenant_id = $1')",
    ),
    # Queries without their tenant
    (
        _TENANT,
        "server.operations.x",
        "import models\nfrom server.access.reading import rows\nrows(models.Token, id=1)",
    ),
    (
        _TENANT,
        "server.operations.x",
        "import models\nfrom server.access.tenancy import page_of\npage_of(models.Token, 1)",
    ),
    (_OUT, _RESOLVER, "from server.access.reading import rows"),
    (_OUT, _RESOLVER, "from server.database import fetch"),
    (_TENANT, _ACCESS, "import models\nmodels.Token.filter(id=1)"),
    (_TENANT, _ACCESS, "import models as m\nm.Token.filter(id=1)"),
    (_TENANT, _ACCESS, "from models import Token as T\nT.filter(id=1)"),
    (_TENANT, _ACCESS, "import models\nmodels.Token.raw('SELECT * FROM token')"),
    (_TENANT, _ACCESS, "import models\nmodels.Token.get_or_create(id=1)"),
    (_TENANT, _ACCESS, "import models\nmodels.Token.bulk_update([], ['name'])"),
    (_TENANT, _ACCESS, "import models\nmodels.Token.in_bulk([1], 'id')"),
    (_TENANT, _ACCESS, "import models\nT = models.Token\nT.filter(id=1)"),
    (_TENANT, _ACCESS, "import models\n(T := models.Token).filter(id=1)"),
    (_TENANT, _ACCESS, "import models\ngetattr(models.Token, 'filter')(id=1)"),
    (_TENANT, _ACCESS, "import models\nlist(map(models.Token.get, [1]))"),
    (_TENANT, _ACCESS, "import models\nmodels.Token(name='x')"),
    (_TENANT, _ACCESS, "import models\ndef f(**where):\n    return models.Token.filter(**where)"),
    (_TENANT, "server.jobs.x", "import models\nmodels.TokenUse.filter(id=1)"),
    (_TENANT, "server.decisions.x", "import models\nmodels.Token.filter(id=1)"),
    (
        _TENANT,
        "server.operations.x",
        "import models\nfrom server.access.tenancy import owned\nf = owned\nf(models.Token, 1)",
    ),
    # SQL without its tenant
    (_SQL, _ACCESS, "S = 'SELECT id FROM token WHERE digest = $1'"),
    (_SQL, _ACCESS, "S = 'select id from token where digest = $1'"),
    (_SQL, _ACCESS, "S = 'SELECT t.id FROM token AS t WHERE t.digest = $1 AND tenant_id = $2'"),
    (
        _SQL,
        _ACCESS,
        "S = '''SELECT k.id FROM token k JOIN token_permission p ON p.token_id = k.id\n"
        "WHERE k.tenant_id = $1'''",
    ),
    (
        _SQL,
        _ACCESS,
        "S = '''DELETE FROM token WHERE tenant_id = $1 AND id IN (\n"
        "SELECT token_id FROM token_permission)'''",
    ),
    (_SQL, _ACCESS, "S = 'UPDATE token SET name = $1 WHERE id = $2'"),
    (_SQL, _ACCESS, "S = 'INSERT INTO token (id) VALUES ($1)'"),
    (_SQL, _ACCESS, "def f(table):\n    return f'SELECT id FROM {table} WHERE id = $1'"),
    (_SQL, _ACCESS, "T = 'token'\nS = f'SELECT id FROM {T} WHERE id = $1'"),
    (_SQL, _ACCESS, "S = 'SELECT id ' + 'FROM token ' + 'WHERE id = $1'"),
    (_SQL, "server.operations.x", "def f():\n    return 'SELECT id FROM token WHERE id = $1'"),
    (_SQL, _ACCESS, "S = 'SELECT EXISTS (SELECT 1 FROM session s WHERE s.id = $1)'"),
    (_SQL, _ACCESS, "S = 'SELECT id FROM {} WHERE id = $1'.format('token')"),
    (_SQL, _ACCESS, "def f():\n    s = 'SELECT id'\n    s += ' FROM token WHERE id = $1'"),
    # Rows changed by files that are not their writers
    (
        "writes_by_others",
        _ACCESS,
        "import models\nasync def f(t):\n    await models.Token.filter(tenant_id=t).delete()",
    ),
    (
        "writes_by_others",
        _ACCESS,
        "import models\nasync def f(t):\n    q = models.Token.filter(tenant_id=t)\n"
        "    rows = q.filter(id=1)\n    await rows.update(name='')",
    ),
    (
        "writes_by_others",
        _ACCESS,
        "import models\nasync def f(rows: list[models.Token]):\n    for row in rows:\n"
        "        await row.write('name')",
    ),
    ("writes_by_others", _ACCESS, "async def f(anything):\n    await anything.delete()"),
    (
        "writes_by_others",
        "server.operations.usage",
        "import models\nasync def f(t):\n    await models.TokenUse.create(tenant_id=t)",
    ),
    (
        "statements_written_by_others",
        _ACCESS,
        "S = 'UPDATE token SET name = $2 WHERE tenant_id = $1'",
    ),
    (
        "every_tenant_reached",
        _ACCESS,
        "from server.database import reaching_every_tenant\nwith reaching_every_tenant(): ...",
    ),
    ("saves", "server.operations.x", "async def f(token):\n    await token.save()"),
    ("saves", "server.operations.x", "async def f(token):\n    await getattr(token, 'save')()"),
    # Operations
    ("operations_without_their_right", "server.operations.x", "async def f(principal): ..."),
    ("operations_without_their_right", "server.operations.x", "async def f(): ..."),
    (
        "operations_without_their_right",
        "server.operations.x",
        "if True:\n    async def f(principal): ...",
    ),
    (
        "operations_without_their_right",
        "server.operations.x",
        "from server.access.principal import Principal\nfrom server.roles import Right\n"
        "async def f(principal: Principal):\n    x = 1\n    principal.require(Right.READ)",
    ),
    (
        "operations_without_their_right",
        "server.operations.x",
        "from server.access.principal import Principal\nfrom server.roles import Right\n"
        "async def f(principal: Principal):\n    return principal.require(Right.READ)",
    ),
    (
        "operations_without_their_right",
        "server.operations.x",
        "from server.access.principal import Principal\nclass Right:\n    READ = 1\n"
        "async def f(principal: Principal):\n    principal.require(Right.READ)",
    ),
    (
        "operations_without_their_right",
        "server.operations.x",
        "from server.roles import Right\nasync def f(someone):\n    someone.require(Right.READ)",
    ),
    (_DISGUISE, "server.operations.x", "class Tokens:\n    async def rename(self, token): ..."),
    (_DISGUISE, "server.operations.x", "class Tokens:\n    @staticmethod\n    def f(token): ..."),
    (_DISGUISE, "server.operations.x", "class Tokens:\n    async def __call__(self): ..."),
    (_DISGUISE, "server.operations.x", "rename = lambda token: token.write('name')"),
    (_DISGUISE, "server.operations.x", "from functools import partial\nrename = partial(print)"),
    (_DISGUISE, "server.operations.x", "def other(f): ...\n@other\nasync def f(principal): ..."),
    # Changes
    (
        "changes_beside_operations",
        _RESOLVER,
        "from server.access.token_search import remove as r\nasync def f(t):\n    await r(t, [])",
    ),
    (
        "changes_beside_operations",
        "server.cli.x",
        "from server.access import sessions\nasync def f(t):\n"
        "    await sessions.end_sessions(t, t)",
    ),
    (_NOBODY, _OPERATIONS, _operation("await token.write('name')")),
    (_NOBODY, _OPERATIONS, _operation("await owned(models.Token, principal).delete()")),
    (_NOBODY, _OPERATIONS, _operation("async with transaction():\n    await token.write('name')")),
    (
        _NOBODY,
        _OPERATIONS,
        _operation("""
            query = owned(models.Token, principal)
            async with change(principal, Right.MANAGE_TOKENS):
                await record(principal, ActivityKind.REVOKED, token)
            await query.update(name="")
        """),
    ),
    (
        _NOBODY,
        _OPERATIONS,
        _operation("async def inner():\n    await token.write('name')\nawait inner()"),
    ),
    (
        _NOBODY,
        _OPERATIONS,
        _operation("await _write(token)")
        + "\n\nasync def _write(token: models.Token):\n    await token.write('name')\n",
    ),
    (_NOBODY, _OPERATIONS, _operation("await connection().execute_script('DROP TABLE token')")),
    (
        _NOBODY,
        _OPERATIONS,
        "from server.access.sessions import end_sessions\n"
        + _operation("await end_sessions(principal.tenant_id, principal.admin_id)"),
    ),
    (
        _ACTIVITY,
        _OPERATIONS,
        _operation(
            "async with change(principal, Right.MANAGE_TOKENS):\n    await token.write('x')"
        ),
    ),
    (
        _ACTIVITY,
        _OPERATIONS,
        _operation("""
            await record(principal, ActivityKind.REVOKED, token)
            async with change(principal, Right.MANAGE_TOKENS):
                await token.write("name")
        """),
    ),
    (
        _ACTIVITY,
        _OPERATIONS,
        "async def record(*_): ...\n"
        + _operation("""
            async with change(principal, Right.MANAGE_TOKENS):  # exempt changes_without_activity
                await token.write("name")
        """),
    ),
    (_RIGHT, _OPERATIONS, _operation("async with change(principal, Right.READ): ...")),
    (_RIGHT, _OPERATIONS, _operation("async with change(principal, Right.MANAGE_ADMINS): ...")),
    (
        _RIGHT,
        _OPERATIONS,
        _operation("right = Right.READ\nasync with change(principal, right): ..."),
    ),
    (
        _RIGHT,
        _ACCESS,
        "from server.access.tenancy import change\nfrom server.roles import Right\n"
        "async def f(p):\n    async with change(p, Right.MANAGE_TOKENS): ...",
    ),
    (
        "transactions_not_repeated",
        "server.operations.x",
        "from server.database import transaction as t\nasync def f(principal):\n"
        "    async with t(): ...",
    ),
    # Private parts
    (_PRIVATE, _RESOLVER, "def f(info):\n    return info._raw_info"),
    (
        _PRIVATE,
        "server.identity.x",
        "def f(field):\n    return field.extensions['strawberry-definition']",
    ),
    (_PRIVATE, "server.dataplane.x", "from uvicorn.protocols.http import httptools_impl as h"),
    (_PRIVATE, "server.dataplane.x", "import uvicorn.protocols.http.httptools_impl"),
    (_PRIVATE, "server.database.x", "from tortoise.context import _current_context"),
    (_PRIVATE, "server.database.x", "def f(pool):\n    return getattr(pool, '_holders')"),
    (
        "private_names_of_other_files",
        _RESOLVER,
        "from server.operations import tokens\nf = tokens._grant",
    ),
    (
        "private_names_of_other_files",
        _RESOLVER,
        "from server.operations.tokens import _grant as g\nf = g",
    ),
    # Style
    ("cookies_unquoted", "server.x", "def f(request):\n    return request.cookies"),
    ("cookies_unquoted", "server.x", "from http import cookies"),
    ("undocumented", "server.x", "'''Doc.'''\nclass Public: ..."),
    ("undocumented", "server.x", "x = 1"),
]

# Code that keeps every rule.
KEEPING: list[tuple[str, str]] = [
    (_RESOLVER, "'''Doc.'''\nimport models\ndef f(row: models.Token) -> str:\n    return row.name"),
    (_RESOLVER, "'''Doc.'''\nfrom server.operations import tokens\nf = tokens.create"),
    (
        _OPERATIONS,
        "'''Doc.'''\n"
        + _operation("""
            async with change(principal, Right.MANAGE_TOKENS):
                await token.write("name")
                await record(principal, ActivityKind.REVOKED, token)
        """),
    ),
    (_ACCESS, "'''Doc.'''\nS = 'SELECT k.id FROM token k WHERE k.tenant_id = $1'"),
    (_ACCESS, "'''Doc.'''\nMESSAGE = 'Take the id from session 4, or update it.'"),
    (
        _ACCESS,
        "'''Doc.'''\nimport models\n# exempt queries_without_a_tenant: an operator asks\n"
        "models.Token.filter(id=1)",
    ),
]
