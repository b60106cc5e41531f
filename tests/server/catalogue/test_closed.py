"""A path that the reader cannot use is closed, even where a template would match it."""

import copy
import json
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from server.catalogue import Catalogue
from server.catalogue.loading import parse
from server.catalogue.reader import catalogue_of

_AGAIN = "\x01again"


def _document(paths: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"openapi": "3.2.0", "info": {"title": "T", "version": "1"}, "paths": paths} | more


def _read(document: dict[str, Any]) -> Catalogue:
    """Reads the document; keys that end with `_AGAIN` become duplicates."""
    return catalogue_of(parse(json.dumps(document).replace(json.dumps(_AGAIN)[1:-1], "").encode()))


_GET: dict[str, Any] = {"get": {"summary": "x"}}
_UNUSABLE: dict[str, tuple[dict[str, Any], str]] = {
    "a path item in another file": ({"/users/me": {"$ref": "users.yaml#/me"}}, "bundle"),
    "an operation in another file": ({"/users/me": {"get": {"$ref": "me.yaml"}}}, "bundle"),
    "a reference to nothing": ({"/users/me": {"get": {"$ref": "#/x/y"}}}, "has no target"),
    "a method in upper case": ({"/users/me": {"GET": {}}}, "lower case"),
    "an operation that is null": ({"/users/me": {"get": None}}, "must be an object"),
    "a path item that is null": ({"/users/me": None}, "must be an object"),
    "only additional operations": (
        {"/users/me": {"additionalOperations": {"COPY": {}}}},
        "Only the methods",
    ),
    "additional operations of another type": (
        {"/users/me": {"additionalOperations": [1]}},
        "must be an object",
    ),
    "servers that cannot be read": ({"/users/me": _GET | {"servers": 3}}, "must be a list"),
    "a server that cannot be read": (
        {"/users/me": _GET | {"servers": [{"url": "{x}"}]}},
        "no default",
    ),
    "an operation's servers": ({"/users/me": {"get": {"servers": 3}}}, "must be a list"),
    "a path twice": ({"/users/me": _GET, f"/users/me{_AGAIN}": {}}, "twice"),
    "a method twice": ({"/users/me": _GET | {f"get{_AGAIN}": {}}}, "twice"),
    "servers twice": ({"/users/me": _GET | {"servers": [], f"servers{_AGAIN}": []}}, "twice"),
    "another member": ({"/users/me": {"gte": {}}}, "no such member"),
    "a path without its slash": ({"users/me": _GET}, "start with a slash"),
    "a path with a query": ({"/users/me?x=1": _GET}, "plain characters"),
    "a path with a fragment": ({"/users/me#list": _GET}, "plain characters"),
    "an empty segment": ({"/users//me": _GET}, "empty segments"),
    "a dot segment": ({"/users/./me": _GET}, "dot segments"),
    "a broken brace": ({"/users/m{e": _GET}, "plain characters"),
    "a broken escape": ({"/users/m%6": _GET}, "plain characters"),
    "parameters side by side": ({"/users/{a}{b}": _GET}, "need text between"),
    "a name twice in a path": ({"/users/{a}-{a}": _GET, "/users/me": {}}, "twice"),
}


@pytest.mark.parametrize(("paths", "reason"), _UNUSABLE.values(), ids=_UNUSABLE.keys())
@pytest.mark.parametrize("servers", [[], [{"url": "/v1"}]], ids=["no base", "a base"])
def test_unusable_path_is_not_opened_by_a_template(
    paths: dict[str, Any], reason: str, servers: list[Any]
) -> None:
    document = _document({"/users/{id}": {"get": {}, "post": {}}} | paths, servers=servers)
    catalogue = _read(document)
    base = servers[0]["url"] if servers else ""
    assert catalogue.match("GET", f"{base}/users/me") is None
    assert catalogue.match("HEAD", f"{base}/users/me") is None
    assert any(reason.lower() in one.reason.lower() for one in catalogue.faults)


def test_a_key_of_over_512_characters_is_closed() -> None:
    me = "/users/" + "m" * 520
    catalogue = _read(_document({"/users/{id}": _GET, me: _GET}))
    assert catalogue.match("GET", me) is None
    assert catalogue.match("GET", "/users/1") is not None


def test_empty_path_item_is_closed_without_a_fault() -> None:
    """OpenAPI allows it for an API that hides some of its operations."""
    catalogue = _read(_document({"/users/{id}": _GET, "/users/me": {}}))
    assert catalogue.match("GET", "/users/me") is None
    assert catalogue.faults == ()
    assert [note.pointer for note in catalogue.notes] == ["/paths/~1users~1me"]


def test_method_missing_on_a_concrete_path_is_not_taken_from_a_template() -> None:
    paths = {"/users/{id}": {"get": {}, "post": {}}, "/users/me": _GET}
    catalogue = _read(_document(paths))
    assert catalogue.match("POST", "/users/me") is None
    assert catalogue.match("POST", "/users/1") is not None


def test_unusable_head_is_not_answered_as_get() -> None:
    catalogue = _read(_document({"/a": {"get": {}, "head": None}, "/b": {"get": {}}}))
    assert catalogue.match("GET", "/a") is not None
    assert catalogue.match("HEAD", "/a") is None
    assert catalogue.match("HEAD", "/b") is not None


def test_path_that_equals_a_closed_one_is_closed_and_reported() -> None:
    catalogue = _read(_document({"/a/{x}": None, "/a/{y}": _GET}))
    assert catalogue.permissions == ()
    assert "closed" in {one.pointer: one.reason for one in catalogue.faults}["/paths/~1a~1{y}/get"]
    assert catalogue.match("GET", "/a/1") is None


def test_unreadable_servers_close_the_path_under_every_prefix() -> None:
    paths = {
        "/{any}/{id}": _GET,
        "/users": _GET | {"servers": [{"url": "/v1"}, {"url": "{broken}"}]},
    }
    catalogue = _read(_document(paths))
    assert catalogue.match("GET", "/v1/users") is not None
    assert catalogue.match("GET", "/v2/users") is None
    assert catalogue.match("GET", "/v2/groups") is not None


def test_paths_given_by_reference_are_a_document_fault() -> None:
    with pytest.raises(Exception, match="Bundle"):
        _read(_document({"$ref": "paths.yaml", "/a": _GET}))


# From here on, random damage: no request gets the permission of another operation.

_PARTS = ["a", "b", "a.b", "a-b"]
_SEGMENTS = ["a", "b", "{p}", "{q}", "{p}.{q}", "a{p}", "{p}-b", "{r+}"]
_PATHS = st.lists(st.sampled_from(_SEGMENTS), min_size=1, max_size=3).map(
    lambda segments: "/" + "/".join(f"{s[:-1]}" + s[-1] for s in segments)
)
_METHODS = {"get", "post", "head"}
# A path without operations is closed; here that counts as damage.
_ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "get": st.just({}),
        "post": st.just({}),
        "head": st.just({}),
        "servers": st.sampled_from(
            [[{"url": "/a"}], [{"url": "/"}], [{"url": "/b"}, {"url": "/"}]]
        ),
        "parameters": st.just([{"name": "p", "in": "path", "x-multi-segment": True}]),
    },
).filter(lambda item: bool(item.keys() & _METHODS))
_DOCUMENTS = st.dictionaries(_PATHS, _ITEMS, min_size=2, max_size=6)
_REQUESTS = [
    (method, "/" + "/".join(parts))
    for length in (1, 2, 3)
    for parts in product(_PARTS, repeat=length)
    for method in ("GET", "POST", "HEAD")
]


def _item_damage(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any], str], None]:
    def damage(paths: dict[str, Any], path: str) -> None:
        paths[path] = change(paths[path])

    return damage


def _key_damage(change: Callable[[str], str]) -> Callable[[dict[str, Any], str], None]:
    def damage(paths: dict[str, Any], path: str) -> None:
        item = paths.pop(path)
        paths[change(path)] = item

    return damage


def _each_method(item: dict[str, Any], operation: Any) -> dict[str, Any]:
    return {name: operation if name in _METHODS else m for name, m in item.items()}


def _again(paths: dict[str, Any], path: str) -> None:
    paths[path + _AGAIN] = {"post": {}, "servers": [{"url": "/a"}]}


def _taken_for_another(paths: dict[str, Any], path: str) -> None:
    paths[path] = {"$ref": "#/paths/~1nowhere"}


_DAMAGES: dict[str, Callable[[dict[str, Any], str], None]] = {
    "another file": _item_damage(lambda _: {"$ref": "x.yaml"}),
    "another file beside operations": _item_damage(lambda item: item | {"$ref": "x.yaml"}),
    "operations in another file": _item_damage(lambda i: _each_method(i, {"$ref": "x.yaml"})),
    "upper case": _item_damage(lambda item: {k.upper(): v for k, v in item.items()}),
    "null operations": _item_damage(lambda item: _each_method(item, None)),
    "null": _item_damage(lambda _: None),
    "a list": _item_damage(lambda item: [item]),
    "additional operations": _item_damage(
        lambda item: (
            {"additionalOperations": {k.upper(): v for k, v in item.items() if k in _METHODS}}
            | {k: v for k, v in item.items() if k not in _METHODS}
        )
    ),
    "no servers": _item_damage(lambda item: item | {"servers": {}}),
    "a broken server": _item_damage(lambda item: item | {"servers": [{"url": "/{x}"}]}),
    "servers twice": _item_damage(lambda i: i | {"servers": [], f"servers{_AGAIN}": []}),
    "parameters of another type": _item_damage(lambda item: item | {"parameters": 3}),
    "a parameter elsewhere": _item_damage(lambda i: i | {"parameters": [{"$ref": "p.yaml"}]}),
    "a mark of another type": _item_damage(
        lambda i: i | {"parameters": [{"name": "p", "in": "path", "x-multi-segment": "yes"}]}
    ),
    "methods twice": _item_damage(
        lambda item: item | {k + _AGAIN: {} for k in item if k in _METHODS}
    ),
    "no operations": _item_damage(
        lambda item: {k: v for k, v in item.items() if k not in _METHODS}
    ),
    "an item twice": _again,
    "a reference to nothing": _taken_for_another,
    "no slash": _key_damage(lambda path: path[1:]),
    "a query": _key_damage(lambda path: path + "?x={y}"),
    "a fragment": _key_damage(lambda path: path + "#x"),
    "two slashes": _key_damage(lambda path: path.replace("/", "//")),
    "dots": _key_damage(lambda path: "/." + path),
    "a brace too few": _key_damage(lambda path: path.replace("}", "", 1)),
    "a brace too many": _key_damage(lambda path: path.replace("{", "{{", 1)),
    "no text between": _key_damage(lambda path: path.replace("}.{", "}{").replace("}-", "}{x}-")),
    "an escape": _key_damage(lambda path: path.replace("a", "%6").replace("b", "%2e")),
    "a semicolon": _key_damage(lambda path: path.replace("a", "a;").replace("}", "};", 1)),
    "too long": _key_damage(lambda path: path.replace("{p", "{p" + "x" * 600)),
}
_LOSES_A_MARK = {
    "parameters of another type",
    "a parameter elsewhere",
    "a mark of another type",
}


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(_DOCUMENTS, st.sampled_from(sorted(_DAMAGES)), st.data())
def test_damaged_document_opens_nothing_new(
    paths: dict[str, Any], damage: str, data: st.DataObject
) -> None:
    whole = _read(_document(paths))
    assume(not whole.faults)
    hurt = copy.deepcopy(paths)
    victim = data.draw(st.sampled_from(sorted(paths)))
    _DAMAGES[damage](hurt, victim)
    damaged = _read(_document(hurt))
    for method, path in _REQUESTS:
        found = damaged.match(method, path)
        if found is not None:
            before = whole.match(method, path)
            if before is None and found.path == victim and damage in _LOSES_A_MARK:
                continue  # A path that spans slashes may have been ambiguous before.
            assert before is not None, (method, path, found.key)
            assert before.key == found.key, (method, path)
