"""Trials: they decide nothing and count, and each change of the token has its effect on them."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import models
from models import ActivityKind, ActorKind, Role
from server.app import App, create_app
from server.database import transaction
from server.decisions import log as recording
from server.decisions import withheld_rows
from server.errors import Forbidden, InvalidInput, NotFound, RevisionConflict, TrialUnderWay
from server.jobs import token_life
from server.operations import conditions, rotation, tokens, trials
from server.service import Service
from tests.support.audit import Birth, read_ledger
from tests.support.factories import Person, World
from tests.support.gateways import Gateway, gateway
from tests.support.rotations import after, in_ms

DEVICES, USERS = "GET /api/v1/devices", "GET /api/v1/users"
BLUEPRINTS = "GET /api/v1/blueprints"
_ALL = 100_000


@dataclass
class Case:
    """Tokens of one admin, and a gateway that asks about them."""

    app: App
    gateway: Gateway
    service: Service
    person: Person
    host: str

    async def make(self, keys: Sequence[str]) -> tokens.Created:
        return await tokens.create(
            self.person.principal, self.service, name="t", permissions=list(keys)
        )

    async def ask(
        self, secret: str, key: str, address: str = "203.0.113.7", user_agent: str = "job"
    ) -> int:
        method, _, path = key.partition(" ")
        target = path.replace("{", "").replace("}", "")
        headers = {"X-Forwarded-For": address, "User-Agent": user_agent}
        answer = await self.gateway.ask(secret, method, target, host=self.host, headers=headers)
        return answer.status_code

    async def start(self, token: models.Token, keys: Sequence[str]) -> models.Token:
        return await trials.start(self.person.principal, token.id, list(keys))

    async def row(self, token: models.Token) -> models.Token:
        return await models.Token.get(tenant_id=token.tenant_id, id=token.id)

    async def is_running(self, token: models.Token) -> bool:
        rows = [await self.row(token)]
        return token.id in await trials.under_way(self.person.principal, rows)

    async def counted(self, token: models.Token) -> dict[str, int]:
        """The would-be denials by permission, all of them written."""
        await self.app._log.close()
        found = await trials.denied(self.person.principal, [token.id], _ALL)
        return {one.key: one.requests for one in found[token.id]}

    async def set_until(self, token: models.Token, milliseconds: int) -> models.TokenTrial:
        """Let the trial end so many milliseconds from now."""
        until, tenant_id = await in_ms(milliseconds), token.tenant_id
        trial = models.TokenTrial.filter(tenant_id=tenant_id, id=token.id)
        await trial.update(until=until)
        secrets = models.TokenSecret.filter(tenant_id=tenant_id, token_id=token.id)
        await secrets.update(trial_until=until)
        return await trial.get()

    async def activity(self, token: models.Token) -> list[tuple[ActivityKind, dict[str, object]]]:
        """All but the creation, without the instants."""
        rows = models.Activity.filter(tenant_id=token.tenant_id, subject_id=token.id)
        return [
            (row.kind, {name: value for name, value in row.details.items() if name != "until"})
            for row in (await rows.order_by("id"))[1:]
        ]


@pytest.fixture
async def case(service: Service, world: World) -> AsyncIterator[Case]:
    """Afterwards the rows of all tokens agree with their activity."""
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    app = create_app(service)
    async with gateway(app, "nginx").http as http:
        host = f"{tenant.slug}.api.us.example.com"
        yield Case(app, Gateway(http, "nginx"), service, person, host)
    await app.close()
    ledger = await read_ledger([tenant.id])
    for token in ledger.tokens.values():
        keys = _born_with(ledger.story[token.id], ledger.held[token.id])
        assert ledger.contradictions(token.id, Birth("t", keys)) == []


def _born_with(story: list[models.Activity], held: set[str]) -> frozenset[str]:
    """The permissions before the changes that the activity tells."""
    keys = frozenset(held)
    for one in reversed(story):
        keys = (keys - {*one.details.get("granted", ())}) | {*one.details.get("withdrawn", ())}
    return keys


async def test_trial_decides_nothing_and_counts_by_permission_and_client(case: Case) -> None:
    made = await case.make([DEVICES, USERS])
    assert await case.ask(made.secret, USERS) == 200
    await case.start(made.token, [DEVICES])
    asked = [
        (USERS, "203.0.113.7", "job"),
        (DEVICES, "203.0.113.7", "job"),
        (USERS, "203.0.113.7", "job"),
        (USERS, "203.0.113.8", "script"),
    ]
    for one in asked:
        assert await case.ask(made.secret, *one) == 200
    # Denied with and without the trial: no would-be denial.
    assert await case.ask(made.secret, BLUEPRINTS) == 403
    assert await case.counted(made.token) == {USERS: 3}
    [denied] = (await trials.denied(case.person.principal, [made.token.id], _ALL))[made.token.id]
    clients = [(one.address, one.user_agent, one.requests) for one in denied.clients]
    assert clients == [("203.0.113.8", "script", 1), ("203.0.113.7", "job", 2)]
    assert denied.last_at == denied.clients[0].last_at > denied.clients[1].last_at


async def test_enforcing_withdraws_and_the_trail_keeps_what_was_counted(case: Case) -> None:
    made = await case.make([DEVICES, USERS, BLUEPRINTS])
    await case.start(made.token, [DEVICES])
    await case.ask(made.secret, USERS)
    await case.counted(made.token)
    enforced = await trials.enforce(case.person.principal, made.token.id, if_revision=2)
    assert enforced.revision == 3
    asked = [await case.ask(made.secret, key) for key in (DEVICES, USERS, BLUEPRINTS)]
    assert asked == [200, 403, 403]
    assert not await case.is_running(made.token)
    assert await case.activity(made.token) == [
        (ActivityKind.TRIAL_STARTED, {"withheld": [BLUEPRINTS, USERS]}),
        (
            ActivityKind.TRIAL_ENFORCED,
            {
                "granted": [],
                "withdrawn": [BLUEPRINTS, USERS],
                "wouldHaveDenied": 1,
                "needed": [USERS],
            },
        ),
    ]
    assert await models.TrialDenial.all().count() == 0


async def test_dropping_keeps_every_permission_and_a_new_trial_begins_at_zero(case: Case) -> None:
    made = await case.make([DEVICES, USERS])
    await case.start(made.token, [DEVICES])
    assert await case.ask(made.secret, USERS) == 200
    # The flush comes after the end, and leaves nothing.
    await trials.drop(case.person.principal, made.token.id)
    assert await case.counted(made.token) == {}
    assert await models.TrialDenial.all().count() == 0
    assert await case.ask(made.secret, USERS) == 200
    await case.start(made.token, [DEVICES])
    assert await case.counted(made.token) == {}
    await trials.drop(case.person.principal, made.token.id)
    revision = (await case.row(made.token)).revision
    # Without a trial there is nothing to drop, and nothing changes.
    await trials.drop(case.person.principal, made.token.id)
    assert (await case.row(made.token)).revision == revision == 5
    dropped = (ActivityKind.TRIAL_DROPPED, {"wouldHaveDenied": 0, "needed": []})
    started = (ActivityKind.TRIAL_STARTED, {"withheld": [USERS]})
    assert await case.activity(made.token) == [started, dropped, started, dropped]


async def test_clock_ends_a_trial_at_once_and_a_job_writes_it_down(case: Case) -> None:
    made, other = await case.make([DEVICES, USERS]), await case.make([DEVICES, USERS])
    gone = await case.make([DEVICES, USERS])
    for one in (made, other, gone):
        await case.start(one.token, [DEVICES])
        assert await case.ask(one.secret, USERS) == 200
    await case.app._log.close()
    await tokens.revoke(case.person.principal, gone.token.id)
    await case.set_until(gone.token, -1)
    trial = await case.set_until(made.token, 2000)
    # The lookup keeps the terms until the clock changes them.
    assert await case.ask(made.secret, USERS) == 200
    await after(trial.until)
    assert not await case.is_running(made.token)
    assert await case.ask(made.secret, USERS) == 200
    assert await case.counted(made.token) == {USERS: 2}
    revision = (await case.row(made.token)).revision
    with pytest.raises(InvalidInput) as refused:
        await trials.enforce(case.person.principal, made.token.id)
    assert refused.value.field == "tokenId"
    for _ in range(2):
        async with transaction():
            async for _ in token_life._drop_trials():
                pass
    assert (await case.row(made.token)).revision == revision
    dropped = {"wouldHaveDenied": 2, "needed": [USERS], "byClock": True}
    [row] = await models.Activity.filter(kind=ActivityKind.TRIAL_DROPPED)
    assert (row.subject_id, row.actor_kind, row.details) == (
        made.token.id, ActorKind.SYSTEM, dropped
    )  # fmt: skip
    assert await case.counted(made.token) == {}
    assert await case.counted(other.token) == {USERS: 1}
    assert [one.id for one in await models.TokenTrial.all()] == [other.token.id]


async def test_a_refused_trial_changes_nothing(case: Case, world: World) -> None:
    made = await case.make([DEVICES, USERS])
    for keys, days, field in (
        ([BLUEPRINTS], 14, "permissions"),
        ([DEVICES, USERS], 14, "permissions"),
        (["tsr_secret"], 14, "permissions"),
        ([DEVICES], 0, "days"),
        ([DEVICES], 91, "days"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await trials.start(case.person.principal, made.token.id, keys, days)
        assert refused.value.field == field
        assert "tsr_secret" not in refused.value.message
    with pytest.raises(InvalidInput):
        await trials.enforce(case.person.principal, made.token.id)
    stranger = await world.person()
    auditor = await world.person(
        await models.Tenant.get(id=made.token.tenant_id), role=Role.AUDITOR
    )
    acts: list[Callable[..., Awaitable[models.Token]]] = [
        partial(trials.start, permissions=[DEVICES]),
        trials.enforce,
        trials.drop,
    ]
    for act in acts:
        for person, revision, refusal in (
            (stranger, None, NotFound),
            (auditor, None, Forbidden),
            (case.person, 9, RevisionConflict),
        ):
            with pytest.raises(refusal):
                await act(person.principal, made.token.id, if_revision=revision)
    assert (await case.row(made.token)).revision == 1
    await case.start(made.token, [])
    with pytest.raises(TrialUnderWay):
        await case.start(made.token, [DEVICES])
    assert await trials.withheld(stranger.principal, [made.token.id], _ALL) == {made.token.id: []}


async def test_withdrawn_permission_leaves_the_trial_and_a_granted_one_is_kept(case: Case) -> None:
    made = await case.make([DEVICES, USERS])
    who, token_id = case.person.principal, made.token.id
    await case.start(made.token, [])
    await case.ask(made.secret, USERS)
    await tokens.set_permissions(who, case.service, token_id, [DEVICES, BLUEPRINTS])
    assert await case.ask(made.secret, USERS) == 403
    assert await trials.withheld(who, [token_id], _ALL) == {token_id: [DEVICES]}
    # The count of a withdrawn permission goes with it, also when it is granted again.
    await tokens.edit_permissions(who, case.service, token_id, grant=[USERS])
    assert await case.counted(made.token) == {}
    for key in (DEVICES, BLUEPRINTS, USERS):
        assert await case.ask(made.secret, key) == 200
    assert await case.counted(made.token) == {DEVICES: 1}
    ledger = await read_ledger([made.token.tenant_id])
    assert ledger.contradictions(token_id, Birth("t", frozenset([DEVICES, USERS]))) == []
    await trials.enforce(who, token_id)
    held = (await tokens.permission_keys(who, [token_id]))[token_id]
    assert sorted(held) == [BLUEPRINTS, USERS]


async def test_trial_goes_on_through_rotation_pause_and_transfer(case: Case) -> None:
    made = await case.make([DEVICES, USERS])
    who, token_id = case.person.principal, made.token.id
    await case.start(made.token, [DEVICES])
    new = (await rotation.rotate(who, case.service, token_id)).secret
    assert [await case.ask(one, USERS) for one in (made.secret, new)] == [200, 200]
    await case.app._pick_ups.close()
    await conditions.transfer(who, token_id, None)
    await conditions.pause(who, token_id)
    assert await case.ask(new, USERS) == 401
    await conditions.resume(who, token_id)
    assert [await case.ask(one, USERS) for one in (made.secret, new)] == [200, 200]
    assert await case.counted(made.token) == {USERS: 4}
    # The old secret's uses are counted as well.
    assert [one.requests for one in await models.SecretUse.all()] == [2]
    await tokens.revoke(who, token_id)
    assert not await case.is_running(made.token)


async def test_clients_are_bounded_and_the_count_of_all_is_exact(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MAX_WITHHELD_CLIENTS", 120)
    made = await case.make([DEVICES, USERS])
    await case.start(made.token, [])
    log, ids = recording.DecisionLog(), (str(made.token.tenant_id), str(made.token.id))
    for number in range(150):
        at = 1_790_000_000.0 + number
        log.note(*ids, "GET", USERS, None, f"192.0.2.{number}", "job", "r", at)
        log.note_withheld(*ids, USERS, f"192.0.2.{number}", "job", at)
    await log.close()
    # The first 120 were told apart, and the 100 latest of them are kept.
    [denied] = (await trials.denied(case.person.principal, [made.token.id], _ALL))[made.token.id]
    assert denied.requests == 150
    assert [one.address for one in denied.clients] == [f"192.0.2.{n}" for n in range(119, 19, -1)]
    assert len(denied.clients) == withheld_rows.KEPT_CLIENTS


async def test_trial_withholds_more_permissions_than_a_secrets_row_keeps(case: Case) -> None:
    every = [one.key for one in case.service.catalogue.permissions]
    made = await case.make(every)
    await case.start(made.token, [BLUEPRINTS])
    for key in (DEVICES, USERS, BLUEPRINTS):
        assert await case.ask(made.secret, key) == 200
    assert await case.counted(made.token) == {DEVICES: 1, USERS: 1}
    # Few are left: now the row keeps them.
    left = [DEVICES, BLUEPRINTS]
    await tokens.set_permissions(case.person.principal, case.service, made.token.id, left)
    for key in left:
        assert await case.ask(made.secret, key) == 200
    assert await case.counted(made.token) == {DEVICES: 2}


async def test_audit_finds_terms_that_differ_from_the_trial(case: Case) -> None:
    made = await case.make([DEVICES, USERS])
    await case.start(made.token, [DEVICES])
    secrets = models.TokenSecret.filter(tenant_id=made.token.tenant_id, token_id=made.token.id)
    for wrong in ({"trial": b""}, {"trial": None}, {"trial_until": None}):
        secret = await secrets.get()
        await secrets.update(**wrong)
        ledger = await read_ledger([made.token.tenant_id])
        assert ledger.contradictions(made.token.id, Birth("t", frozenset([DEVICES, USERS])))
        await secrets.update(trial=secret.trial, trial_until=secret.trial_until)


_ADDRESSES = ["203.0.113.7", "203.0.113.8", "2001:db8::1"]


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
async def test_what_is_enforced_denies_exactly_what_the_trial_counted(
    case: Case, data: st.DataObject
) -> None:
    """Random tokens and traffic: before the trial, during it, and once it is enforced."""
    every = [one.key for one in case.service.catalogue.permissions]
    # Beyond 48 permissions the wire reads the rows.
    size = data.draw(st.sampled_from([49, len(every), 48, 3, 1]))
    held = data.draw(st.permutations(every))[:size]
    kept = data.draw(st.lists(st.sampled_from(held), max_size=size - 1, unique=True))
    withdrawn = data.draw(st.lists(st.sampled_from(held), max_size=2, unique=True))
    granted = data.draw(st.lists(st.sampled_from(every), max_size=2, unique=True))
    request = st.tuples(
        st.booleans(),
        st.sampled_from([*every, *held, *held]),
        st.sampled_from(_ADDRESSES),
        st.sampled_from(["", "job", "curl/8"]),
    )
    traffic = data.draw(st.lists(request, min_size=5, max_size=30))
    made = await case.make(held)
    who, token_id = case.person.principal, made.token.id
    secrets = (made.secret, (await rotation.rotate(who, case.service, token_id)).secret)

    async def send() -> list[int]:
        return [await case.ask(secrets[is_new], *how) for is_new, *how in traffic]

    before = await send()
    await case.start(made.token, kept)
    during = await send()
    await case.counted(made.token)
    if withdrawn or granted:
        granted = [key for key in granted if key not in withdrawn]
        await tokens.edit_permissions(
            who, case.service, token_id, grant=granted, withdraw=withdrawn
        )
    changed = await send()
    await case.app._log.close()
    found = (await trials.denied(who, [token_id], _ALL))[token_id]
    await trials.enforce(who, token_id)
    after_it = await send()
    assert during == before
    assert set(before) <= {200, 403}
    counted = {
        (one.key, client.address, client.user_agent): client.requests
        for one in found
        for client in one.clients
    }
    denied: Counter[tuple[str, str, str]] = Counter()
    for earlier, at_last in ((during, after_it), (changed, after_it)):
        for (_, *how), first, last in zip(traffic, earlier, at_last, strict=True):
            # A permission that was withdrawn by hand has left the trial.
            if (first, last) == (200, 403) and how[0] not in withdrawn:
                denied[how[0], how[1], how[2]] += 1
    assert counted == denied
    assert sum(one.requests for one in found) == denied.total()
    assert [(a, b) for a, b in zip(changed, after_it, strict=True) if a < b != 403] == []
