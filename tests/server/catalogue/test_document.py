"""Reading OpenAPI documents: permissions, and document faults with their reasons."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.catalogue import Catalogue, CatalogueError, read_catalogue
from server.catalogue.report import listing
from tests.support.process import ROOT


def _document(paths: Any, **more: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": paths} | more


def _read(folder: Path, document: Any) -> Catalogue:
    file = folder / "api"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return read_catalogue(file)


def _reasons(catalogue: Catalogue) -> dict[str, str]:
    return {fault.pointer: fault.reason for fault in catalogue.faults}


def test_the_default_has_121_operations_in_15_categories() -> None:
    catalogue = read_catalogue(None)
    assert len(catalogue.permissions) == 121
    assert len(catalogue.categories) == 15
    assert catalogue.faults == ()
    device = catalogue.find("GET /api/v1/devices/{device_id}")
    assert device
    assert (device.name, device.method, device.category) == (
        "Get Device",
        "GET",
        "Device Information",
    )


def test_operation_becomes_a_permission(tmp_path: Path) -> None:
    operations: dict[str, Any] = {
        "get": {"tags": ["B", "A"], "summary": " List \u202ethings ", "operationId": "list"},
        "post": {"operationId": "make"},
        "delete": {},
    }
    catalogue = _read(
        tmp_path, _document({"/things": operations}, tags=[{"name": "A"}, {"name": "B"}])
    )
    assert [(p.key, p.name, p.category) for p in catalogue.permissions] == [
        ("GET /things", "List things", "B"),
        ("POST /things", "make", "Other"),
        ("DELETE /things", "DELETE /things", "Other"),
    ]


def test_categories_are_in_the_order_of_the_documents_tags(tmp_path: Path) -> None:
    paths = {f"/{tag}": {"get": {"tags": [tag]}} for tag in ("x", "b", "a")}
    catalogue = _read(tmp_path, _document(paths, tags=[{"name": n} for n in ("a", "b", "unused")]))
    assert [category.name for category in catalogue.categories] == ["a", "b", "x"]


def test_yaml_is_read_as_json_is(tmp_path: Path) -> None:
    text = """
openapi: 3.0.3
info: {title: T, version: "1"}
paths:
  /on/{id}:
    get:
      summary: no
      tags: [yes]
      responses: {200: {description: fine}}
"""
    catalogue = _read(tmp_path, text)
    assert [permission.key for permission in catalogue.permissions] == ["GET /on/{id}"]


def test_path_items_are_read_through_references(tmp_path: Path) -> None:
    item = {"get": {"summary": "Shared"}}
    document = _document(
        {
            "/a": {"$ref": "#/components/pathItems/shared"},
            "/b": {"$ref": "#/paths/~1a"},
            "/c": {"$ref": "#/components/pathItems/missing"},
            "/d": {"$ref": "other.yaml#/x"},
            "/e": {"$ref": "#/paths/~1f"},
            "/f": {"$ref": "#/paths/~1e"},
            "/g/{id}": item,
            "/h": {"$ref": "#/paths/~1g~1%7Bid%7D"},
        },
        components={"pathItems": {"shared": item}},
    )
    catalogue = _read(tmp_path, document)
    keys = ["GET /a", "GET /b", "GET /g/{id}", "GET /h"]
    assert [permission.key for permission in catalogue.permissions] == keys
    assert set(_reasons(catalogue)) == {f"/paths/~1{name}/$ref" for name in "cdef"}


_BAD_PATHS = {
    "things": "slash",
    "/a//b": "empty segments",
    "/a/../b": "dot segments",
    "/./a": "dot segments",
    "/a?b": "plain characters",
    "/a#b": "plain characters",
    "/a;b": "plain characters",
    "/a/{b": "plain characters",
    "/a/b}": "plain characters",
    "/{}": "plain characters",
    "/a b": "plain characters",
    "/a/{b\r\nc: d}": "plain characters",
    "/é": "plain characters",
    "/a%2fb%zz": "plain characters",
    "/{a}/{a}": "twice",
    "/{a}{b}": "need text between",
    "/x{a}{b}y": "need text between",
    "/{a}/{a+}": "twice",
    "/a%2Eb": "canonical form",
    "/a%2525": "canonical form",
    '/{a"b}': "plain characters",
    "/{a\\b}": "plain characters",
    "/{\N{RIGHT-TO-LEFT OVERRIDE}}": "plain characters",
    "/{a\r\nSet-Cookie: b}": "plain characters",
    "/{\0}": "plain characters",
    "/{\ud800}": "plain characters",
}


@pytest.mark.parametrize(("path", "reason"), _BAD_PATHS.items())
def test_path_that_cannot_be_matched_safely_is_a_fault(
    tmp_path: Path, path: str, reason: str
) -> None:
    catalogue = _read(tmp_path, _document({path: {"get": {}}, "/fine": {"get": {}}}))
    assert [permission.key for permission in catalogue.permissions] == ["GET /fine"]
    (fault,) = catalogue.faults
    shown = "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in path)
    assert fault.pointer == f"/paths/{shown.replace('~', '~0').replace('/', '~1')}"
    assert reason in fault.reason
    assert listing(catalogue).replace("\n", "").isprintable()


def test_indistinguishable_paths_are_faults(tmp_path: Path) -> None:
    catalogue = _read(tmp_path, _document({"/a/{x}": {"get": {}}, "/a/{y}": {"get": {}}}))
    assert [permission.key for permission in catalogue.permissions] == ["GET /a/{x}"]
    assert _reasons(catalogue) == {
        "/paths/~1a~1{y}/get": "It cannot be distinguished from GET /a/{x}."
    }


def test_member_of_the_wrong_type_is_a_fault(tmp_path: Path) -> None:
    paths: dict[str, Any] = {
        "/a": None,
        "/b": {"get": 3},
        "/c": {"additionalOperations": {"COPY": {}}},
        "/d": {"additionalOperations": ["COPY"]},
        "/e": {"gte": {}, "x-own": {}, "summary": "", "description": "", "parameters": []},
        f"/{'x' * 600}": {"get": {}},
        "x-internal": {},
    }
    catalogue = _read(tmp_path, _document(paths))
    assert catalogue.permissions == ()
    assert set(_reasons(catalogue)) == {
        "/paths/~1a",
        "/paths/~1b/get",
        "/paths/~1c/additionalOperations/COPY",
        "/paths/~1d/additionalOperations",
        "/paths/~1e/gte",
        f"/paths/~1{'x' * 600}/get",
    }


def test_every_method_of_openapi_3_2_becomes_a_permission(tmp_path: Path) -> None:
    methods = ("get", "head", "post", "put", "patch", "delete", "options", "trace", "query")
    document = _document({"/a": {method: {} for method in methods}}) | {"openapi": "3.2.0"}
    catalogue = _read(tmp_path, document)
    assert [p.key for p in catalogue.permissions] == [f"{m.upper()} /a" for m in methods]
    assert catalogue.faults == ()
    found = catalogue.match("QUERY", "/a")
    assert found is not None
    assert found.key == "QUERY /a"


_NO_DOCUMENTS = {
    "nothing": "",
    "a list": "[]",
    "text": "hello",
    "a number": "3",
    "Swagger 2": '{"swagger": "2.0", "paths": {}}',
    "a version to come": '{"openapi": "4.0.0", "paths": {}}',
    "broken": '{"openapi": ',
    "bad UTF-8": "\udcff\udcfe",
    "deep": "[" * 100_000,
    "an alias to what holds it": "openapi: 3.1.0\npaths: {/a: {get: &g {x: *g, summary: Read}}}",
    "countless aliases": "openapi: 3.1.0\na: &a x\nb: [" + "*a, " * 100_001 + "*a]",
    "merges of one mapping in one list": "openapi: 3.1.0\na: &a {"
    + ", ".join(f"k{n}: 1" for n in range(10_000))
    + "}\nb: {<<: ["
    + ", ".join(["*a"] * 10_000)
    + "]}",
    "a mapping that merges itself": "openapi: 3.1.0\na: &a {<<: *a}\n<<: *a",
    "an object of code": "!!python/object/apply:os.system ['true']",
    "no truth": "openapi: 3.1.0\nx: !!bool maybe",
    "no number": "openapi: 3.1.0\nx: !!int ''",
    "no fraction": "openapi: 3.1.0\nx: !!float ''",
    "no time": "openapi: 3.1.0\nx: !!timestamp then",
    "too large a number": "openapi: 3.1.0\nx: " + ":".join(["1"] * 300) + ".0",
}
# Small documents that would expand to fill any memory.
_MULTIPLY = {
    "servers by operations": _document(
        {f"/p{n}": {"get": {}} for n in range(2_000)},
        servers=[{"url": f"/s{n}"} for n in range(2_000)],
    ),
    "references by operations": _document(
        {f"/p{n}": {"$ref": "#/x"} for n in range(20_000)},
        x={"get": {}, "put": {}, "post": {}, "patch": {}, "delete": {}, "head": {}},
    ),
    "references by refusals": _document(
        {f"/p{n}": {"$ref": "#/x"} for n in range(2_000)},
        x={"additionalOperations": {f"M{n}": {} for n in range(2_000)}},
    ),
}


@pytest.mark.parametrize("document", _MULTIPLY.values(), ids=_MULTIPLY.keys())
def test_exponential_expansion_is_refused_in_one_sentence(tmp_path: Path, document: Any) -> None:
    with pytest.raises(CatalogueError, match=r"^[A-Z][^\n]* 1[0,]+ [^\n]+\.$"):
        _read(tmp_path, document)


# Reads a document with at most 1 GiB of memory, including Python and its libraries.
_BOUNDED = """
import resource, sys
from pathlib import Path
from server.catalogue import CatalogueError, read_catalogue
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
try:
    print(len(read_catalogue(Path(sys.argv[1])).permissions))
except CatalogueError as error:
    print(error)
"""
_ANSWERS = {"responses": {str(code): {"description": "x" * 50} for code in range(200, 220)}}
_LARGE: dict[str, tuple[Callable[[], Any], str]] = {
    "10,000 operations": (
        lambda: _document(
            {f"/v1/t{n}/{{id}}": {"get": _ANSWERS, "put": _ANSWERS} for n in range(5_000)}
        ),
        "10000",
    ),
    "5 million objects": (
        lambda: '{"openapi": "3.1.0", "x": [' + ",".join(["{}"] * 5_000_000) + "]}",
        "0",
    ),
    "8 million texts in YAML": (
        lambda: "openapi: 3.1.0\nx: [" + ",".join(["a"] * 8_000_000) + "]",
        "The document has more than 5,000,000 parts.",
    ),
}


@pytest.mark.parametrize(("make", "said"), _LARGE.values(), ids=_LARGE.keys())
def test_a_large_document_is_read_in_bounded_memory(
    tmp_path: Path, make: Callable[[], Any], said: str
) -> None:
    file, document = tmp_path / "api", make()
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    command = [sys.executable, "-c", _BOUNDED, str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == (said, "")


def test_yaml_aliases_and_merge_keys_are_resolved(tmp_path: Path) -> None:
    text = """
openapi: 3.1.0
x-common: &common
  parameters: []
  get: &read {summary: Read, tags: [Shared]}
paths:
  /a: {<<: *common, get: {summary: Its own}}
  /b: {<<: *common}
  /c: {put: *read}
"""
    catalogue = _read(tmp_path, text)
    assert [(p.key, p.name) for p in catalogue.permissions] == [
        ("GET /a", "Its own"),
        ("GET /b", "Read"),
        ("PUT /c", "Read"),
    ]
    assert catalogue.faults == ()


def test_own_key_overrides_a_merged_one_and_the_first_merge_wins(tmp_path: Path) -> None:
    text = """
openapi: 3.1.0
x-a: &a {get: {summary: a}, put: {summary: a}}
x-b: &b {get: {summary: b}, post: {summary: b}}
paths:
  /a: {get: {summary: its own}, <<: [*a, *b]}
  /b: {<<: *b, get: {summary: 1}, get: {summary: 2}}
  ? [/c, {d: e}]
  : {get: {}}
"""
    catalogue = _read(tmp_path, text)
    assert {p.key: p.name for p in catalogue.permissions} == {
        "GET /a": "its own",
        "PUT /a": "a",
        "POST /a": "b",
        "POST /b": "b",
    }
    assert set(_reasons(catalogue)) == {"/paths/~1b/get", "/paths/a collection"}


def test_nested_merges_share_memory(tmp_path: Path) -> None:
    levels = "".join(
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}], k{n}: 1}}\n" for n in range(1, 9)
    )
    text = f"openapi: 3.1.0\na0: &a0 {{x: 1, y: 2}}\n{levels}paths: {{/a: {{get: {{}}}}}}\n"
    assert [p.key for p in _read(tmp_path, text).permissions] == ["GET /a"]


def test_nested_aliases_share_memory(tmp_path: Path) -> None:
    """The "billion laughs" document: aliases share their lists."""
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    text = f"openapi: 3.1.0\na0: &a0 [x]\n{levels}paths: {{/a: {{get: {{}}}}}}\n"
    assert [p.key for p in _read(tmp_path, text).permissions] == ["GET /a"]


def test_duplicate_key_on_the_path_of_a_reference_is_a_fault(tmp_path: Path) -> None:
    text = (
        '{"openapi": "3.1.0", "paths": {"/a": {"$ref": "#/x/y"}, "/b": {"$ref": "#/x/y"}},'
        ' "x": {"y": {"put": {}}, "y": {"get": {}, "get": {}}}}'
    )
    catalogue = _read(tmp_path, text)
    assert catalogue.permissions == ()
    pointers = [fault.pointer for fault in catalogue.faults]
    assert pointers == ["/x/y", "/paths/~1a/$ref", "/paths/~1b/$ref"]


@pytest.mark.parametrize(
    "text",
    [
        '{"openapi": "3.1.0", "paths": {"/a": {"get": {"summary": "1"}}, "/b": {"get": {}},'
        ' "/c": {"put": {}, "put": {}, "post": {}}, "/a": {"get": {"summary": "2"}}}}',
        "openapi: 3.1.0\npaths:\n  /a: {get: {summary: 1}}\n  /b: {get: {}}\n"
        "  /c: {put: {}, put: {}, post: {}}\n  /a: {get: {summary: '2'}}\n",
    ],
    ids=["JSON", "YAML"],
)
def test_duplicate_key_is_a_fault_and_its_path_is_closed(tmp_path: Path, text: str) -> None:
    catalogue = _read(tmp_path, text)
    assert [p.key for p in catalogue.permissions] == ["GET /b", "POST /c"]
    twice = "It occurs twice here and is closed. Keep one."
    assert _reasons(catalogue) == {"/paths/~1a": twice, "/paths/~1c/put": twice}
    assert catalogue.match("GET", "/a") is catalogue.match("PUT", "/c") is None


def test_operations_get_the_path_prefix_of_their_servers(tmp_path: Path) -> None:
    """OpenAPI: servers of the operation, else of its path, else of the document."""
    variables = {"r": {"default": "eu"}, "v": {"default": "v2"}}
    document = _document(
        {
            "/a": {"get": {}, "put": {"servers": [{"url": "/own/"}]}},
            "/b": {"servers": [{"url": "https://b.example/b"}], "get": {}},
        },
        servers=[
            {"url": "https://x.example/v1"},
            {"url": "https://{r}.example/{v}", "variables": variables},
            {"url": "/v1/"},
        ],
    )
    catalogue = _read(tmp_path, document)
    assert {p.key: p.bases for p in catalogue.permissions} == {
        "GET /a": ("/v1", "/v2"),
        "PUT /a": ("/own",),
        "GET /b": ("/b",),
    }
    found = catalogue.match("GET", "/v2/a")
    assert found is not None
    assert found.key == "GET /a"
    assert catalogue.match("GET", "/a") is None


def test_upper_case_method_is_a_fault(tmp_path: Path) -> None:
    catalogue = _read(tmp_path, _document({"/a": {"GET": {}, "put": {}}}))
    assert [p.key for p in catalogue.permissions] == ["PUT /a"]
    assert _reasons(catalogue) == {"/paths/~1a/GET": "The names of methods are in lower case."}


def test_thousands_of_operations_in_yaml_are_read_in_seconds(tmp_path: Path) -> None:
    lines = [f"  /v1/things{n}/{{id}}: {{get: {{summary: {n}}}, put: {{}}}}" for n in range(2500)]
    text = "\n".join(["openapi: 3.1.0", "paths:", *lines])
    assert len(_read(tmp_path, text).permissions) == 5000


@pytest.mark.parametrize("text", _NO_DOCUMENTS.values(), ids=_NO_DOCUMENTS.keys())
def test_other_text_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "api"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(CatalogueError, match=r"^[A-Z][^\n]+\.$"):
        read_catalogue(file)


def test_missing_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="cannot be read"):
        read_catalogue(tmp_path / "missing")


def test_five_thousand_operations_are_read(tmp_path: Path) -> None:
    paths: dict[str, Any] = {f"/v1/things{n}/{{id}}": {"get": {}, "put": {}} for n in range(2500)}
    assert len(_read(tmp_path, _document(paths)).permissions) == 5000


def test_removed_permission_is_retired() -> None:
    catalogue = read_catalogue(None)
    permission = catalogue.permission("GET /gone")
    assert (permission.retired, permission.method, permission.path) == (True, "GET", "/gone")
    assert catalogue.unknown(["GET /gone", "GET /api/v1/tags", "x", "x"]) == ("GET /gone", "x")


def test_listing_shows_every_permission_and_every_fault(tmp_path: Path) -> None:
    catalogue = _read(tmp_path, _document({"/a": {"get": {"summary": "Read a"}}, "b": {}}))
    text = listing(catalogue)
    assert "Read a" in text
    assert "1 permissions in 1 categories" in text
    assert "/paths/b: A path must start with a slash." in text


def test_parameters_that_span_slashes_are_marked(tmp_path: Path) -> None:
    def marked(name: str, mark: Any = True) -> dict[str, Any]:
        return {"name": name, "in": "path", "x-multi-segment": mark}

    paths: dict[str, Any] = {
        "/a/{p}": {"parameters": [{"$ref": "#/components/parameters/p"}], "get": {}},
        "/b/{p}": {"get": {"parameters": [marked("p")]}, "put": {}},
        "/c/{p}": {"parameters": [marked("p")], "get": {"parameters": [marked("p", False)]}},
        "/d/{p+}": {"get": {}},
        "/e/{p}": {"get": {"parameters": [marked("p", "yes")]}},
        "/f/{p}": {"get": {"parameters": [marked("other"), {"name": "p", "in": "query"}]}},
        "/g/{p}.{q}/{r}": {"get": {"parameters": [marked("p"), marked("r")]}},
    }
    document = _document(paths, components={"parameters": {"p": marked("p")}})
    catalogue = _read(tmp_path, document)
    assert {p.key: set(p.spanning) for p in catalogue.permissions} == {
        "GET /a/{p}": {"p"},
        "GET /b/{p}": {"p"},
        "PUT /b/{p}": set(),
        "GET /c/{p}": set(),
        "GET /d/{p+}": set(),
        "GET /e/{p}": set(),
        "GET /f/{p}": set(),
    }
    spanning = {name for name in "abcdef" if catalogue.match("GET", f"/{name}/1/2")}
    assert spanning == {"a", "b", "d"}
    assert catalogue.match("PUT", "/b/1/2") is None
    assert set(_reasons(catalogue)) == {
        "/paths/~1e~1{p}/get/parameters/0/x-multi-segment",
        "/paths/~1g~1{p}.{q}~1{r}/get",
    }
    assert len(catalogue.notes) == 6


def test_operation_is_read_through_a_reference(tmp_path: Path) -> None:
    shared = {"summary": "Shared", "tags": ["A"]}
    paths = {
        "/a": {"get": {"$ref": "#/x/shared"}, "put": {"$ref": "other.yaml"}},
        "/b": {"get": {"$ref": "#/x/shared", "summary": "Its own"}},
    }
    catalogue = _read(tmp_path, _document(paths, x={"shared": shared}))
    assert [(p.key, p.name, p.category) for p in catalogue.permissions] == [
        ("GET /a", "Shared", "A"),
        ("GET /b", "Its own", "A"),
    ]
    assert "Bundle" in _reasons(catalogue)["/paths/~1a/put/$ref"]


def test_same_shape_under_two_servers_is_one_permission(tmp_path: Path) -> None:
    """A fingerprint covers method and shape, so two such permissions would be indistinguishable."""
    paths = {
        "/a/{x}": {"get": {}, "servers": [{"url": "/v1"}]},
        "/a/{y}": {"get": {}, "servers": [{"url": "/v2"}]},
    }
    catalogue = _read(tmp_path, _document(paths))
    assert [p.key for p in catalogue.permissions] == ["GET /a/{x}"]
    assert catalogue.match("GET", "/v2/a/1") is None


_NAMED = {
    "Swagger 2.0": ('{"swagger": "2.0", "paths": {}}', "This is Swagger 2.0. Convert it"),
    "Swagger 2.0 in YAML": ("swagger: '2.0'\npaths: {}", "This is Swagger 2.0. Convert it"),
    "Swagger 1.2": ('{"swaggerVersion": "1.2"}', "This is Swagger 1.2. Convert it"),
    "a version to come": ('{"openapi": "4.0.0"}', "This is OpenAPI 4.0.0; 3.0, 3.1 and 3.2"),
    "AsyncAPI": ("asyncapi: 3.0.0", "This is AsyncAPI"),
    "RAML": ("#%RAML 1.0\ntitle: T", "This is RAML"),
    "a Postman collection": (
        '{"info": {"_postman_id": "x", "name": "T"}, "item": []}',
        "This is a Postman collection",
    ),
    "a GraphQL schema": ('"""All."""\ntype Query { a: Int }', "This is a GraphQL schema"),
    "a GraphQL schema that is YAML": ("type Query", "This is a GraphQL schema"),
    "a page": ("<!DOCTYPE html>\n<html><p>x: [", "This is an HTML page"),
    "WSDL": ('<?xml version="1.0"?>\n<wsdl:definitions x="y">', "This is WSDL"),
    "XML": ("<api/>", "This is XML"),
    "API Blueprint": ("FORMAT: 1A\n\n# API\n- [", "This is API Blueprint"),
    "an archive": ("PK\x03\x04", "This is an archive"),
    "no openapi": ("{}", "has no `openapi`"),
    "a list": ("[]", "not an object"),
    "broken JSON": ('{\n  "openapi": "3.1.0"\n  "paths": {}}', "JSON: line 3, column 3: Expecting"),
    "cut JSON": ('{"openapi": "3.1.0", "paths": {', "JSON: line 1, column"),
    "broken YAML": ("openapi: 3.1.0\npaths:\n  /a: [\n", "YAML: line 4, column 1: "),
    "a tab": ("openapi: 3.1.0\npaths:\n\t/a: {}\n", "YAML: line 3, column 1: "),
    "a value of no type": ("openapi: 3.1.0\na: 1\nx: !!int ''", "YAML: line 3, column 4: a value"),
    "an alias to nothing": ("openapi: 3.1.0\nx: *a", "YAML: line 2, column 4: an alias names"),
    "two documents": ("openapi: 3.1.0\n---\nopenapi: 3.1.0", "more than one document"),
    "a merge of no mapping": ("openapi: 3.1.0\n<<: 3", "must have a mapping"),
    "a type of its own": ("openapi: 3.1.0\nx: !own {a: b}", "YAML: line 2, column 4: a type"),
    "bad UTF-8": ("openapi: 3.1.0\nx: \udcff\n", "YAML: line 2 is not in UTF-8"),
    "references to other files": (
        "openapi: 3.1.0\npaths: {$ref: paths.yaml}",
        "Bundle all into one file first",
    ),
}


@pytest.mark.parametrize(("text", "says"), _NAMED.values(), ids=_NAMED.keys())
def test_other_kinds_of_document_are_refused_by_name(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "api"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(CatalogueError, match=r"^[A-Z][^\n]+\.$") as refused:
        read_catalogue(file)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (" List\r\n  all\tthings ", "List all things"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
        ("word " * 500, ("word " * 40)[:199].rstrip() + "…"),
        ("a\u200bb\u00adc\u2060d\x07e\ufefff", "abcdef"),
        ("\u200d\u200c", ""),
        ("a\u200db", "ab"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
        ("e\u0301", "é"),
        (None, ""),
        (3, ""),
    ],
)
def test_names_are_one_visible_line(tmp_path: Path, text: Any, name: str) -> None:
    document = _document({"/a": {"get": {"summary": text}}}, tags=[])
    (permission,) = _read(tmp_path, document).permissions
    assert permission.name == (name or "GET /a")


@pytest.mark.parametrize(
    ("paths", "categories"),
    [
        (["/users", "/users/{id}", "/teams"], {"users": 2, "teams": 1}),
        (["/api/v1/users", "/api/v1/teams/{id}", "/api/v1"], {"users": 1, "teams": 1, "Other": 1}),
        (["/health", "/api/v1/users", "/api/v2/users"], {"health": 1, "users": 2}),
        (["/orgs/{o}/teams", "/orgs/{org}/keys", "/orgs/{o}/keys/{id}"], {"teams": 1, "keys": 2}),
        (["/{id}", "/"], {"Other": 2}),
        (["/only/one"], {"Other": 1}),
        (["/caf%C3%A9s", "/b"], {"cafés": 1, "b": 1}),
    ],
)
def test_untagged_operations_are_grouped_by_where_their_paths_differ(
    tmp_path: Path, paths: list[str], categories: dict[str, int]
) -> None:
    catalogue = _read(tmp_path, _document({path: {"get": {}} for path in paths}))
    assert {one.name: len(one.permissions) for one in catalogue.categories} == categories


def test_sensitive_operations_are_marked(tmp_path: Path) -> None:
    """A mark that is no boolean marks too: it was meant to."""
    marks = {"get": True, "put": "yes", "post": False, "patch": None}
    methods = {name: {"x-tessera-sensitive": mark} for name, mark in marks.items()}
    catalogue = _read(tmp_path, _document({"/a": methods | {"delete": {}}}))
    assert {p.method for p in catalogue.permissions if p.sensitive} == {"GET", "PUT", "PATCH"}
    shipped = {p.name for p in read_catalogue(None).permissions if p.sensitive}
    assert "Get FileVault Recovery Key" in shipped
    assert len(shipped) == 4


def test_deprecated_operations_and_a_tag_called_retired(tmp_path: Path) -> None:
    paths = {"/a": {"get": {"deprecated": True, "tags": ["Retired"]}, "put": {"deprecated": "no"}}}
    catalogue = _read(tmp_path, _document(paths))
    assert {p.key: p.deprecated for p in catalogue.permissions} == {"GET /a": True, "PUT /a": False}
    gone = catalogue.permission("GET /gone")
    assert gone.retired
    assert gone.category not in {category.name for category in catalogue.categories}
