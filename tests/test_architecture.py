"""The architecture's rules for imports, calls and operations.

The rules are in `tests.architecture`, and each is tried on planted breaches. Other tests check the
behaviour of the code.
"""

import pytest

from tests.architecture.breaches import BREACHES, KEEPING
from tests.architecture.layers import FLOORS, TO_COME
from tests.architecture.queries import WRITERS
from tests.architecture.rules import RULES
from tests.architecture.source import ROWS, project, with_planted


@pytest.mark.parametrize("name", RULES)
def test_the_tree_keeps_the_rule(name: str) -> None:
    sources = project()
    assert len(list(sources)) > 50
    assert [breach for source in sources for breach in RULES[name](sources, source)] == []


@pytest.mark.parametrize(("name", "module", "code"), BREACHES, ids=range(len(BREACHES)))
def test_a_planted_breach_is_found(name: str, module: str, code: str) -> None:
    assert list(RULES[name](*with_planted(module, code)))


@pytest.mark.parametrize(("module", "code"), KEEPING, ids=range(len(KEEPING)))
def test_code_that_keeps_the_rules_passes(module: str, code: str) -> None:
    planted = with_planted(module, code)
    assert [breach for rule in RULES.values() for breach in rule(*planted)] == []


def test_each_rule_has_a_planted_breach() -> None:
    assert {name for name, _, _ in BREACHES} == RULES.keys()


def test_every_exemption_gives_its_reason_and_is_needed() -> None:
    sources = project()
    for source in sources:
        for rule in RULES.values():
            list(rule(sources, source))
        assert source.exemptions == source.used, source.module


def test_every_room_has_its_floor() -> None:
    rooms = {source.room for source in project()} - {"server"}
    assert rooms | TO_COME == set().union(*FLOORS)


def test_every_kind_of_row_has_its_writers() -> None:
    assert WRITERS.keys() == {name.rpartition(".")[2] for name in ROWS} - {"Row", "TenantRow"}
    assert set().union(*WRITERS.values()) <= project().sources.keys()
