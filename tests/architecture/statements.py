"""SQL in the source: every statement names the tenant for each table of tenants' rows."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.queries import WRITERS
from tests.architecture.source import ROWS, TENANT_ROWS, Project, Source

_TABLES = {str(ROWS[name]._meta.db_table) for name in TENANT_ROWS if ROWS[name]._meta.db_table}
_ROW_OF = {row._meta.db_table: row.__name__ for row in ROWS.values()}
# Stands for a table's name that is put in at run time, which may be any.
_UNKNOWN = "unknown_table"
_VERB = re.compile(r"\s*\(?\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
_MENTION = re.compile(
    r"\b(FROM|JOIN|INTO|UPDATE|USING|TABLE)\s+\"?(\w+)\"?(?:\s+(?:AS\s+)?(\w+))?", re.IGNORECASE
)
_NO_ALIAS = re.compile(
    r"(?:where|set|on|join|cross|inner|left|order|group|limit|indexed|using|values|select|for)\b",
    re.IGNORECASE,
)


def texts(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Each text of a file that may be SQL, with its constants put in."""
    constants = {
        target.id: node.value
        for node in source.tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in source.nodes:
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
            above = source.parents.get(node)
            if not isinstance(above, ast.JoinedStr | ast.BinOp | ast.FormattedValue | ast.Expr):
                yield node, _text(node, constants)


def _text(node: ast.AST, constants: dict[str, ast.expr], depth: int = 4) -> str:
    match node:
        case ast.Constant(str(text)):
            return text
        case ast.JoinedStr(parts):
            return "".join(_text(part, constants, depth) for part in parts)
        case ast.BinOp(left, ast.Add(), right):
            return _text(left, constants, depth) + _text(right, constants, depth)
        case ast.BinOp(left, ast.Mod()):
            return _text(left, constants, depth).replace("%s", _UNKNOWN)
        case ast.FormattedValue(value):
            return _text(value, constants, depth)
        case ast.Name(name) if name in constants and depth:
            return _text(constants[name], constants, depth - 1)
    return _UNKNOWN


def tables_without_tenant(sql: str) -> Iterator[str]:
    """The tables of tenants' rows in a statement that does not name the tenant of each.

    The tenant is named by the alias where a table has one; else by the table, or by a bare column.
    """
    if not _VERB.match(sql) and not re.search(r"\b(FROM|INTO|JOIN) ", sql):
        return
    sql = re.sub(r"\b(FROM|INTO|JOIN|UPDATE)\s+\"?\{\w*\}", rf"\1 {_UNKNOWN}", sql)
    bare = len(re.findall(r"(?<![.\w])\"?tenant_id\b", sql))
    for _, table, alias in _MENTION.findall(sql):
        if table not in _TABLES | {_UNKNOWN}:
            continue
        name = table if not alias or _NO_ALIAS.match(alias) else alias
        if re.search(rf"(?<![.\w])\"?{name}\"?\.\"?tenant_id\b", sql):
            continue
        if name != table or not bare:
            yield table
        bare -= 1


def statements_without_a_tenant(_: Project, source: Source) -> Iterator[str]:
    """A statement names the tenant of each table: a distributed database asks one node then."""
    if source.room == "models":
        return  # the migrations, which change tables and no tenant's rows
    for node, sql in texts(source):
        if not source.is_exempt("statements_without_a_tenant", node):
            yield from (source.at(node, table) for table in tables_without_tenant(sql))


def statements_written_by_others(_: Project, source: Source) -> Iterator[str]:
    """A statement changes only tables whose rows the file may change."""
    changing = r"\b(?:INSERT INTO|UPDATE|DELETE FROM|TRUNCATE(?: TABLE)?)\s+\"?(\w+)"
    for node, sql in texts(source):
        for table in re.findall(changing, sql, re.IGNORECASE):
            row = _ROW_OF.get(table)
            if row and source.module not in WRITERS[row] and source.room != "models":
                yield source.at(node, table)


def statements_out_of_place(_: Project, source: Source) -> Iterator[str]:
    """Only the rooms that may query hold SQL."""
    rooms = {"server.access", "server.decisions", "server.jobs", "server.operations"}
    if source.room in rooms | {"models", "server.database"}:
        return
    for node, sql in texts(source):
        if any(table in _ROW_OF for _, table, _ in _MENTION.findall(sql)) and _VERB.match(sql):
            yield source.at(node)
