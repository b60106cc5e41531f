"""Lists that stand in two languages, or in code and documentation, have the same entries."""

import re
from dataclasses import fields
from typing import get_args

import pytest
from graphql import GraphQLEnumType, GraphQLInterfaceType

from models import RefusalReason
from server.catalogue import read_catalogue
from server.catalogue.reading import METHODS
from server.console.routes import CONSOLE_PATHS
from server.dataplane.originals import READERS
from server.errors import Refusal
from server.graphql.permissions import HTTPMethod
from server.graphql.problems import HANDLERS, ProblemCode
from server.graphql.schema import CORE_SCHEMA
from server.settings import GATEWAYS, Settings, read_settings
from tests.conftest import LONGEST
from tests.support import proxies
from tests.support.process import ROOT

_SETTINGS_TABLE = re.compile(r"^\| `TESSERA_(\w+)` \| (.+?) \| (.+) \|$", re.MULTILINE)
_PATHS_SOURCE = ROOT / "server/console/web/src/console/paths.ts"
_REASONS_SOURCE = ROOT / "server/console/web/src/console/pages/token/strings.ts"
# Defaults that the documentation gives in words: the words, and the setting's value.
_IN_WORDS = {"loopback": "127.0.0.0/8, ::1", "none": ""}


def documented_settings() -> dict[str, tuple[str, str]]:
    """Default and meaning of each setting in the documentation, by the setting's field."""
    rows = _SETTINGS_TABLE.findall((ROOT / "docs/operating.md").read_text())
    return {name.lower(): (default, meaning) for name, default, meaning in rows}


def test_gateway_kinds_are_the_same_everywhere() -> None:
    files = [path.name for path in (ROOT / "server/dataplane/gateways").iterdir()]
    kinds = sorted(name.partition(".")[0].removesuffix("file").lower() for name in files)
    assert sorted(GATEWAYS) == sorted(READERS) == kinds == sorted(proxies.KINDS)
    _, meaning = documented_settings()["gateway"]
    documented = re.findall(r"`(\w+)`", meaning)
    assert sorted(documented) == kinds


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_a_settings_default_is_the_documented_one(name: str) -> None:
    default, _ = documented_settings()[name]
    actual = getattr(read_settings({}), name)
    match name:
        case "database_url":
            assert default == "`sqlite:///…/tessera.db` in the working folder"
            assert re.fullmatch(r"sqlite:///.*/tessera\.db", actual)
        case "api_spec":
            assert actual is None
            assert (
                default
                == f"an API of {len(read_catalogue(None).permissions)} operations that ships"
            )
        case "recipes":
            assert actual is None
            assert default.startswith("those that ship, for the API that ships")
        case "digest_key":
            assert (default, actual) == ("a random one, kept in the database", ())
        case _:
            text = _IN_WORDS.get(default.partition(":")[0], default.strip("`"))
            told = read_settings({f"TESSERA_{name.upper()}": text})
            assert getattr(told, name) == actual
            assert default.partition(":")[0] in _IN_WORDS or default == f"`{text}`"


def test_the_front_end_and_the_server_have_the_same_console_paths() -> None:
    source = _PATHS_SOURCE.read_text()
    token = re.search(r'const TOKEN = "([^"]+)";', source)
    assert token
    patterns, paths = (
        {
            re.sub(r"\$\{id\}|:id", "{id}", path.replace("${TOKEN}", token[1]))
            for path in re.findall(r"[\"`](/[^\"`]*|\$\{TOKEN\}[^\"`]*)[\"`]", block)
        }
        for block in re.findall(
            r"export const \w+ = \{\n(.*?)^\}", source, re.DOTALL | re.MULTILINE
        )
    )
    # `patterns` names the token's page by the constant itself.
    patterns |= {token[1].replace(":id", "{id}")}
    served = {re.sub(r"\{\w+\}", "{id}", path) for path in CONSOLE_PATHS}
    # The last three are served by other routes.
    assert paths - {"/graphiql", "/activity.csv", "/activity.ndjson"} == served
    assert patterns == {path for path in served if "{" in path}


def test_http_methods_are_the_same_everywhere() -> None:
    assert [method.upper() for method in METHODS] == [method.value for method in HTTPMethod]


def test_denial_reasons_are_the_same_in_rows_schema_and_console() -> None:
    reasons = {reason.value for reason in RefusalReason}
    assert set(enum_of("RefusalReason").values) == reasons
    assert {reason.name for reason in RefusalReason} == reasons
    source = _REASONS_SOURCE.read_text()
    block = re.search(r"reasons: \{\n(.*?)\}", source, re.DOTALL)
    assert block
    assert set(re.findall(r"^ +([A-Z_]+):", block[1], re.MULTILINE)) == reasons


def test_each_problem_code_is_that_of_a_refusal_with_a_handler() -> None:
    codes = {code.value for code in ProblemCode}
    assert set(enum_of("ProblemCode").values) == codes
    # A handler names the refusal that it takes and the problem that it gives.
    handled = [get_args(vars(type(handler))["__orig_bases__"][0]) for handler in HANDLERS]
    assert sorted(refusal.code for refusal, _ in handled) == sorted(codes)
    problem = CORE_SCHEMA.type_map["Problem"]
    assert isinstance(problem, GraphQLInterfaceType)
    types = CORE_SCHEMA.get_possible_types(problem)
    assert sorted(one.name for one in types) == sorted(shown.__name__ for _, shown in handled)


def test_an_error_code_is_that_of_one_refusal() -> None:
    codes = [refusal.code for refusal in Refusal.__subclasses__()]
    assert len(codes) > 10
    assert len(set(codes)) == len(codes)


def enum_of(name: str) -> GraphQLEnumType:
    found = CORE_SCHEMA.type_map[name]
    assert isinstance(found, GraphQLEnumType)
    return found


def test_files_that_begin_first_exist() -> None:
    files = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert set(LONGEST) - files == set()


def test_make_soak_runs_every_test_that_it_lengthens() -> None:
    lengthens = re.compile(r"^from tests\.support\.(soak|races) import", re.MULTILINE)
    files = (ROOT / "tests").rglob("test_*.py")
    found = {str(one.relative_to(ROOT)) for one in files if lengthens.search(one.read_text())}
    named = re.search(r"^SOAKED = ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert named
    assert set(named[1].replace("\\\n", " ").split()) == found
