"""Fields are read in the same way one by one, and by the function that is compiled for them."""

from datetime import UTC, datetime, timedelta, timezone
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

import pytest
from strawberry import UNSET

from server.graphql import fields
from server.graphql.fields import Field, Fields, NotPlainError, instant
from server.graphql.loading import Way
from server.graphql.metering import Meter

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_EAST = _NOON.astimezone(timezone(timedelta(hours=2)))


def _upper(value: Any, _: Meter) -> Any:
    return value.upper()


_FIELDS = [
    Field("z", Way(attrgetter("row.name"), "source.row.name"), False, None),
    Field("a", Way(attrgetter("row.note"), "source.row.note"), True, _upper),
    Field("count", Way(lambda one: len(one.row.name), "{call}(source.row.name)", len), False, None),
    Field("at", Way(attrgetter("row.at"), "source.row.at"), False, instant),
    Field("until", Way(attrgetter("row.until"), "source.row.until"), True, instant),
]
_ROW = {"name": "night", "note": "straße", "at": _NOON, "until": None}


@pytest.fixture(params=[10, 0], ids=["one by one", "compiled"])
def plain(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Fields:
    monkeypatch.setattr(fields, "MANY", request.param)
    plain = Fields(_FIELDS)
    plain.read(_source({}), Meter())
    return plain


def _source(changed: dict[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(row=SimpleNamespace(**_ROW | changed))


@pytest.mark.parametrize(
    ("changed", "values", "size"),
    [
        ({}, ["night", "STRASSE", 5, _NOON, None], 12),
        ({"note": None, "until": _EAST}, ["night", None, 5, _NOON, _NOON], 5),
        ({"at": _EAST, "note": ""}, ["night", "", 5, _NOON, None], 5),
    ],
)
def test_values_come_in_order_and_their_texts_are_counted(
    plain: Fields, changed: dict[str, Any], values: list[Any], size: int
) -> None:
    run = Meter()
    read = plain.read(_source(changed), run)
    assert list(read) == ["z", "a", "count", "at", "until"]
    assert list(read.values()) == values
    assert {one.tzinfo for one in read.values() if isinstance(one, datetime)} == {UTC}
    assert (run.objects, run.size) == (0, size)


@pytest.mark.parametrize(
    "changed",
    [
        {"note": UNSET},
        {"at": None},
        {"at": UNSET},
        {"at": "2026"},
        {"until": 5},
        {"name": UNSET},
        {"name": None},
    ],
)
def test_refuses_values_that_are_not_plain(plain: Fields, changed: dict[str, Any]) -> None:
    with pytest.raises(NotPlainError):
        plain.read(_source(changed), Meter())


def test_many_reads_go_through_the_compiled_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "MANY", 3)
    one_by_one = []

    def get(source: Any) -> Any:
        one_by_one.append(source)
        return source.name

    way = Way(get, "source.name")
    plain = Fields([Field("name", way, False, None)])
    for number in range(5):
        read = plain.read(SimpleNamespace(name=f"token {number}"), Meter())
        assert read == {"name": f"token {number}"}
    assert len(one_by_one) == 3


def test_names_of_a_client_are_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "MANY", 0)
    names = ['"', "value0", "size", "x: 1}; raise SystemExit #", "\n"]
    plain = Fields([Field(name, Way(len, "{call}(source)", len), False, None) for name in names])
    for _ in range(2):
        assert plain.read("abc", Meter()) == dict.fromkeys(names, 3)
