"""The statements that the product sends to PostgreSQL while tests run, and the tenants they lack.

Of a distributed database, a statement asks one node if it names the tenant of each table of
tenants' rows: `tenant_id = $n`, by itself and not by a join. `without_tenant` gives the tables of
which it does not. Statements of the tests' own are not looked at.
"""

import re
import sys
from collections.abc import Iterator
from functools import wraps
from typing import Any

import asyncpg

from tests.architecture.source import ROWS, TENANT_ROWS
from tests.support.process import ROOT

TABLES = {str(ROWS[name]._meta.db_table) for name in TENANT_ROWS if ROWS[name]._meta.db_table}
# Statements that ask about many tenants, by a part of each, with the reason.
EXEMPT = {
    r"FROM token_secret s JOIN tenant t ON t.id = s.tenant_id WHERE s.digest = \$1": (
        "a presented secret whose tenant nothing names: introspection, leaks, holders"
    ),
    r"ON s.tenant_id = t.id AND s.digest = q.digest": (
        "checks on a database that is not distributed: one statement for many tenants"
    ),
    r"json_to_recordset\(\$1::json\)": (
        "the decision log of a database that is not distributed: one statement for many tenants"
    ),
    r'FROM "(webhook|mail)" WHERE .*"due_at"<=\$\d+ .*ORDER BY "due_at"': "queues of all tenants",
    r"JOIN tenant t ON t.id = p.tenant_id\s+WHERE p.fingerprint NOT IN": "the operator's question",
    r"SELECT tenant_id, token_id, fingerprint FROM token_permission LIMIT": (
        "the operator's question"
    ),
    r"tenant_id = ANY\(\$1\)": "a job's question about many tenants",
    r'"?tenant_id"? IN \(': "a job's question about many tenants",
}
_EXEMPT = [re.compile(part, re.DOTALL) for part in EXEMPT]
_MENTION = re.compile(
    r"\b(FROM|JOIN|INTO|UPDATE|USING)\s+\"?(\w+)\"?(?:\s+(?:AS\s+)?\"?(\w+)\"?)?", re.IGNORECASE
)
_NO_ALIAS = re.compile(
    r"(?:where|set|on|join|cross|inner|left|order|group|limit|using|values|select|for|returning)\b",
    re.IGNORECASE,
)
_GIVEN = r'"?tenant_id"?\s*=\s*\$\d+'
_BARE = re.compile(rf'(?<![.\w"]){_GIVEN}')
_SENDING = ("execute", "executemany", "fetch", "fetchrow", "fetchval")
# Frames of these say nothing about who sends a statement.
_PASSING_ON = (
    "server/database/",
    "server/internals/",
    "models/",
    "tests/support/tenant_stat",
    "tests/support/citus",
)

_sent: set[str] = set()
_unchecked: list[str] = []


def install() -> None:
    """Note each statement of the product from now on, once."""
    for name in _SENDING:
        # exempt names_made_at_run_time: the names above
        method = getattr(asyncpg.Connection, name)
        setattr(asyncpg.Connection, name, _noting(method))


def _noting(method: Any) -> Any:
    @wraps(method)
    def sent(self: Any, statement: str, *arguments: Any, **options: Any) -> Any:
        if statement not in _sent and is_of_the_product():
            _sent.add(statement)
            _unchecked.append(statement)
        return method(self, statement, *arguments, **options)

    return sent


def is_of_the_product() -> bool:
    """Whether code of the product asks for what is done now, and not a test by itself."""
    frame = sys._getframe(1)
    root = f"{ROOT}/"
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(root):
            place = name.removeprefix(root)
            if place == "server/database/migrations.py":
                return False  # migrations change tables, and the rows of all tenants
            if place.startswith(("server/", "tests/")) and not place.startswith(_PASSING_ON):
                return place.startswith("server/")
        frame = frame.f_back  # type: ignore[assignment]  # None at the end
    return False


def unchecked() -> list[str]:
    """The statements of the product since the last call, each once."""
    found = _unchecked[:]
    _unchecked.clear()
    return found


def without_tenant(statement: str) -> Iterator[str]:
    """The tables of tenants' rows whose tenant the statement does not name."""
    if any(exempt.search(statement) for exempt in _EXEMPT):
        return
    bare = len(_BARE.findall(statement))
    for verb, table, alias in _MENTION.findall(statement):
        if table not in TABLES:
            continue
        if verb.upper() == "INTO":
            if not re.search(rf'INTO "?{table}"?\s*\([^)]*\btenant_id\b', statement):
                yield table
            continue
        name = table if not alias or _NO_ALIAS.match(alias) else alias
        if re.search(rf'(?<![.\w])"?{name}"?\.{_GIVEN}', statement):
            continue
        if name != table or not bare:
            yield table
        bare -= 1
