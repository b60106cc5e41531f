"""Histories of rotations, found by Hypothesis: the promises about secrets hold after every event.

A history is a token's, on two server processes and PostgreSQL, over the wire. Here: at most two
secrets live; one that was used dies by its drain, `latestBy`, an admin's decision for the new one,
`compromised` or revocation alone; until revocation a delivered secret lives; simultaneous requests
with one key leave one live new secret; a pick-up is recorded in time. Time passes by moving the
instants of rows.

Elsewhere: a record of a pick-up outlives `kill -9`, and a crash before it lets the old secret
live longer, never shorter (`test_kill_of_pick_ups`); changes at the same moment
(`test_races_of_rotations`); instants met to the millisecond (`test_linearizability`).
"""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from math import inf
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.support.blank_databases import BlankDatabases
from tests.support.rotation_histories import (
    ALIVE,
    COMPROMISED,
    DRAINED,
    KEPT_NEW,
    LATEST_BY,
    PASSES_SECONDS,
    REPLACED,
    REVOKED,
    TAKEN_BACK,
    USED,
    Delivered,
    Expected,
    How,
    Place,
    TokenLife,
    in_seconds,
    open_place,
)
from tests.support.soak import IS_SOAK, repeats

HISTORIES, EVENTS = repeats(ci=16, soak=400), 25
AT_ONCE = 3
# A revoked token has no secret left whose life could be judged.
EVENTS_BEFORE_REVOCATION = 10
EVENTS_BETWEEN_AUDITS = 5
T = TypeVar("T")
DEAD = {"SECRET_RETIRED", "TOKEN_REVOKED"}
OK, SHOWN, UNDER_WAY = "OK", "SECRET_ALREADY_SHOWN", "ROTATION_UNDER_WAY"

# Time passes in steps of 1,000 s: a drain, `latestBy` or an expiry is over at once, after the first
# step or after the second. The simplest value comes first: histories are shrunk to it.
INSTANCES, KEYS = st.integers(0, 1), st.sampled_from([None, "a", "b"])
DRAINS, LATEST = st.sampled_from([600, 0, 1600]), st.sampled_from([None, 1500, 500])
HOW = st.builds(How, key=KEYS, drain_seconds=DRAINS, latest_by=LATEST)
RARELY = st.sampled_from([False] * 7 + [True])
ANY_HOW = st.builds(How, KEYS, DRAINS, LATEST, compromised=RARELY, replace=RARELY)
# An expiry in seconds from now, or never.
CONDITIONS = st.sampled_from([None, 2500, 500, "pause or resume"])


class Histories(RuleBasedStateMachine):
    """The events of a token, and its secrets as the servers treat them after each.

    Each event goes to either instance, and both are asked about every secret afterwards. A secret
    is looked at from an address outside the token's networks, which is no use of it.
    """

    runner: ClassVar[asyncio.Runner]
    place: ClassVar[Place]
    # All reasons, refusals and events of all histories.
    seen: ClassVar[set[str]]
    # Names an event, and changes rows after it as a faulty server might.
    fault: ClassVar[tuple[str, str] | None] = None
    secrets = Bundle[Delivered]("secrets")

    @initialize(target=secrets)
    def create(self) -> Delivered:
        self.life: TokenLife = self.run(self.place.new_token())
        first = Delivered(self.life.first_secret)
        self.expected, self.events = Expected([first]), 0
        return first

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    # Rotations

    @rule(target=secrets, instance=INSTANCES, how=ANY_HOW, picked_up_at=st.none() | INSTANCES)
    def rotate(
        self, instance: int, how: How, picked_up_at: int | None
    ) -> MultipleResults[Delivered]:
        answer = self.run(self.life.rotate(instance, how))
        delivered = self._delivered([answer], how, "owner")
        if picked_up_at is not None:
            self.use(picked_up_at, None, False)
        return delivered

    @rule(target=secrets, how=HOW.filter(lambda how: how.key is not None), first=INSTANCES)
    def rotate_at_once_with_one_key(self, how: How, first: int) -> MultipleResults[Delivered]:
        async def all_at_once() -> list[tuple[str, str | None]]:
            instances = [(first + n) % 2 for n in range(AT_ONCE)]
            return await asyncio.gather(*(self.life.rotate(one, how) for one in instances))

        answers = self.run(all_at_once())
        codes = {code for code, _ in answers}
        assert len(codes) == 1, f"equal requests were answered {codes}"
        return self._delivered(answers, how, "owner")

    @rule(target=secrets, instance=INSTANCES, secret=secrets, key=KEYS)
    def rotate_as_holder(
        self, instance: int, secret: Delivered, key: str | None
    ) -> MultipleResults[Delivered]:
        is_holder = self.expected.code(secret) == ALIVE
        code, text = self.run(self.life.rotate_as_holder(instance, secret.text, key))
        assert is_holder is (code in (OK, SHOWN, UNDER_WAY)), code
        return self._delivered([(code, text)], How(key), "holder")

    def _delivered(
        self, answers: list[tuple[str, str | None]], how: How, asked_by: str
    ) -> MultipleResults[Delivered]:
        """The secrets of the answers, of which exactly one lives."""
        self._plant("rotate")
        texts = [text for _, text in answers if text is not None]
        self._note(*(code for code, _ in answers))
        living = [text for text in texts if self._look(text) not in DEAD]
        assert len(living) == min(1, len(texts)), f"of {len(texts)} new secrets live {len(living)}"
        in_order = sorted(texts, key=lambda text: text in living)
        return multiple(*(self.expected.rotated(text, how, asked_by) for text in in_order))

    @rule(instance=INSTANCES, keep=st.sampled_from(["NEW", "OLD"]))
    def end_rotation(self, instance: int, keep: str) -> None:
        if self._change(instance, "endRotation", keep=keep):
            self.expected.kept(keep)

    # Other events

    @rule(instance=INSTANCES, chosen=st.none() | secrets, then_time_passes=st.booleans())
    def use(self, instance: int, chosen: Delivered | None, then_time_passes: bool) -> None:
        """A holder uses a secret: the latest, if none is chosen."""
        secret = chosen or self.expected.secrets[-1]
        code, expected = self.run(self.life.use(instance, secret.text)), self.expected.code(secret)
        assert code == (USED if expected == ALIVE else expected)
        if code == USED and self.expected.used(secret):
            self.run(self.life.recorded())
        self._plant("use")
        self._note("use")
        if then_time_passes:
            self.pass_time()

    @rule()
    def pass_time(self) -> None:
        self.run(self.life.pass_time())
        self.expected.passes(PASSES_SECONDS)
        self._note()

    @rule(instance=INSTANCES, change=CONDITIONS)
    def set_condition(self, instance: int, change: int | str | None) -> None:
        if change == "pause or resume":
            name = "resumeToken" if self.expected.is_paused else "pauseToken"
            if self._change(instance, name):
                self.expected.is_paused = not self.expected.is_paused
            return
        lives_on = inf if change is None else int(change)
        at = None if change is None else in_seconds(int(change))
        if self._change(instance, "setTokenExpiry", expiresAt=at):
            self.expected.expires_at = self.expected.clock + lives_on

    @precondition(lambda self: self.events >= EVENTS_BEFORE_REVOCATION)
    @rule(instance=INSTANCES)
    def revoke(self, instance: int) -> None:
        if self._change(instance, "revokeToken"):
            self.expected.revoked()

    def _change(self, instance: int, name: str, **given: Any) -> bool:
        """Whether it was accepted."""
        code, _ = self.run(self.life.change(instance, name, **given))
        self._note(code, name)
        assert not self.expected.is_revoked or code == "NOT_FOUND", code
        return code == OK

    def _note(self, *names: str) -> None:
        self.events += 1
        self.seen.update(names)

    # The promises

    @invariant()
    def promises_hold(self) -> None:
        found = {one: self._look(one.text) for one in self.expected.secrets}
        live = [one for one, code in found.items() if code not in DEAD]
        assert len(live) <= 2, f"live: {found}"
        assert self.expected.is_revoked is not bool(live), f"none lives: {found}"
        ended = [one for one in self.expected.living() if one.is_used and one not in live]
        assert ended == [], "a secret in use died"
        assert found == {one: self.expected.code(one) for one in self.expected.secrets}
        if self.events % EVENTS_BETWEEN_AUDITS == 0:
            assert self.run(self.life.contradictions()) == []
        self.seen.update(self.expected.seen, found.values())

    def _look(self, text: str) -> str:
        """The code of a check, which both instances agree on."""
        codes = {self.run(self.life.look(instance, text)) for instance in (0, 1)}
        assert len(codes) == 1, f"the instances disagree: {codes}"
        return codes.pop()

    def _plant(self, event: str) -> None:
        if self.fault is not None and self.fault[0] == event:
            self.run(self.place.database.execute(self.fault[1], self.life.id))


@pytest.fixture(scope="module")
def histories(
    blank_databases: BlankDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[type[Histories]]:
    url, folder = blank_databases.take(), tmp_path_factory.mktemp("histories")
    with asyncio.Runner() as running:
        stack = AsyncExitStack()
        try:

            class OnTwoServers(Histories):
                runner, place, seen = running, running.run(open_place(stack, folder, url)), set()

            yield OnTwoServers
        finally:
            running.run(stack.aclose())
    blank_databases.give_back(url)


CHOSEN = settings(
    max_examples=HISTORIES,
    stateful_step_count=EVENTS,
    deadline=None,
    derandomize=not IS_SOAK,
    report_multiple_bugs=False,
    # Without the explanation of lines, for which each history is told many times more.
    phases=[Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def test_secrets_live_and_die_as_promised(histories: type[Histories]) -> None:
    histories.seen = set()
    run_state_machine_as_test(histories, settings=CHOSEN)
    often = {OK, UNDER_WAY, "INVALID_INPUT", "NOT_FOUND", DRAINED, COMPROMISED, REPLACED, REVOKED}
    rarely = {SHOWN, "TOKEN_PAUSED", "TOKEN_EXPIRED", LATEST_BY, KEPT_NEW, TAKEN_BACK}
    assert (often | rarely if IS_SOAK else often) <= histories.seen


# An event, and the effect of a server that does wrong after it.
FAULTS = {
    "a new secret ends the old one": (
        "rotate",
        "UPDATE token_secret SET closed_by = 'RETIRED' WHERE token_id = $1 AND rotation = 'OLD'",
    ),
    "a lost secret lives on": (
        "rotate",
        "UPDATE token_secret SET closed_by = NULL WHERE token_id = $1 AND generation ="
        " (SELECT max(generation) - 1 FROM token_secret WHERE token_id = $1)",
    ),
    "a drain ends early": (
        "use",
        "UPDATE token_secret SET retires_at = now() WHERE token_id = $1 AND rotation = 'OLD'"
        " AND retires_at IS NOT NULL",
    ),
    "a pick-up is forgotten": (
        "use",
        "UPDATE token_rotation SET picked_up_at = NULL WHERE id = $1",
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_fault_is_found(histories: type[Histories], fault: tuple[str, str]) -> None:
    faulty = type("Faulty", (histories,), {"fault": fault})
    without_shrinking = settings(CHOSEN, max_examples=100, phases=[Phase.generate])
    with pytest.raises(AssertionError):
        run_state_machine_as_test(faulty, settings=without_shrinking)
