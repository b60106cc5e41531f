"""The cost of a filtered page of a tenant's activity, beside a plain one.

Measured in this process, from the application's call to its answer, with the pages in turns: the
CPU time of this process and of PostgreSQL's. Of the requests of a round the cheapest counts: other
work of the machine makes the others dearer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any
from uuid import UUID

import orjson

import models
from models import ActivityKind, ActorKind, SubjectKind
from server.app import App, create_app
from server.global_ids import decode_id, encode_id
from server.paging import encode_cursor
from server.starting import running_service
from tests.bench.load import WrongAnswer
from tests.bench.page import PAGE_SIZE
from tests.bench.report import Requirement, machine, promises, table
from tests.bench.rows import Table, insert_rows
from tests.conftest import settings_for
from tests.support.costs import cpu_seconds, database_processes
from tests.support.factories import World, token_id

PLAIN, MIDDLE = "first page", "in the middle"
_ADMINS, _TOKENS = 5, 500
# Of a rare kind there are so many, evenly spread.
_RARE, _RARE_ONES = ActivityKind.REVOKED, 400
_KINDS = (
    ActivityKind.NAME_CHANGED,
    ActivityKind.DESCRIPTION_CHANGED,
    ActivityKind.PAUSED,
    ActivityKind.RESUMED,
    ActivityKind.PASSWORD_SET,
    ActivityKind.SIGNED_IN,
    ActivityKind.SIGNED_OUT,
)
# The others are about tokens.
_ABOUT_ADMINS = {ActivityKind.PASSWORD_SET, ActivityKind.SIGNED_IN, ActivityKind.SIGNED_OUT}
_DETAILS = (
    '{"previousName": "a", "name": "b", "previousDescription": "a", "description": "b",'
    ' "reason": "REVOKED"}'
)
_TICKS_A_MILLISECOND = 4_096
_QUERY = f"""
query ($after: String, $filter: ActivityFilter) {{
  activity(first: {PAGE_SIZE}, after: $after, filter: $filter) {{
    edges {{
      cursor node {{ __typename id occurredAt sequence actorKind actorName clientAddress }}
    }}
    pageInfo {{ hasNextPage hasPreviousPage }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class TrailPlan:
    """The amount of the measurements: `times` requests of each page in a round."""

    activities: int
    rounds: int
    times: int


@dataclass(frozen=True, slots=True)
class Trail:
    """The seconds that a page took in each round, by what is asked of how many activities."""

    activities: int
    pages: Mapping[str, Sequence[float]]

    def cost(self, page: str) -> float:
        """The median of the ratios, within each round, to the plain page at the same place."""
        plain = f"page {MIDDLE}" if page.endswith(MIDDLE) else PLAIN
        pairs = zip(self.pages[page], self.pages[plain], strict=True)
        return median(one / plain for one, plain in pairs)


def trail_preamble(plan: TrailPlan, command: str) -> str:
    """The conditions of the run, for the report."""
    return (
        f"`{command}` on {machine(('strawberry-graphql', 'tortoise-orm'))}.\n\n"
        f"The page is `activity(first: {PAGE_SIZE})` in a tenant of {plan.activities:,} activities,"
        f" by {_ADMINS} admins about {_TOKENS:,} tokens, answered in one process without a network."
        " Figures are CPU time of the process and of PostgreSQL, each the cheapest of"
        f" {plan.times} requests in a round, medians of {plan.rounds} rounds; the cost is beside"
        " the plain page at the same place."
    )


def trail_requirements(trail: Trail) -> list[Requirement]:
    """The cost of the dearest page."""
    dearest = max(map(trail.cost, trail.pages))
    return [Requirement("cost of the dearest filtered page, of a plain one", dearest, 1.2, True)]


def trail_section(name: str, trail: Trail) -> str:
    """One database's tables."""
    rows = [
        [
            page,
            f"{median(seconds) * 1000:.2f}",
            f"{min(seconds) * 1000:.2f} to {max(seconds) * 1000:.2f}",
            f"{trail.cost(page):.2f}",
        ]
        for page, seconds in trail.pages.items()
    ]
    head = [f"of {trail.activities:,} activities", "CPU ms a page", "lowest to highest", "cost"]
    return "\n\n".join([f"### {name}", table(head, rows), promises(trail_requirements(trail))])


async def measure_trail(url: str, plan: TrailPlan) -> Trail:
    """Fill an empty database with one tenant's activities, and measure its pages."""
    async with running_service(settings_for(url)) as service:
        world = World(service)
        person = await world.person()
        tenant = await models.Tenant.get(id=person.admin.tenant_id)
        people = [person, *[await world.person(tenant) for _ in range(_ADMINS - 1)]]
        admins = [one.admin.id for one in people]
        tokens = [(await world.token(person, f"token {n}")).token.id for n in range(_TOKENS)]
    await insert_rows(url, [_activities(plan.activities, tenant.id, admins, tokens)])
    async with running_service(settings_for(url)) as service:
        asked = await _asked(tenant.id, plan.activities, admins, tokens)
        page = _Page(create_app(service), person.session, ())
        # So that every connection is open, and every statement prepared.
        await _measured(page, asked, replace(plan, rounds=1, times=2))
        page = replace(page, backends=await database_processes())
        return Trail(plan.activities, await _measured(page, asked, plan))


@dataclass(frozen=True, slots=True)
class _Page:
    """The page of activity, as a person asks for it. backends: PostgreSQL's processes."""

    app: App
    session: str
    backends: Sequence[int]

    async def ask(self, variables: Mapping[str, Any]) -> float:
        """The seconds that one page takes. Raises `WrongAnswer` for one that is not full."""
        body = orjson.dumps({"query": _QUERY, "variables": variables})
        sent: list[bytes] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message.get("body", b""))

        scope = {
            "type": "http", "method": "POST", "path": "/graphql", "query_string": b"",
            "headers": [
                (b"authorization", f"Bearer {self.session}".encode()),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
            ],
            "client": ("192.0.2.1", 1), "scheme": "http", "server": ("x", 80), "root_path": "",
            "http_version": "1.1", "asgi": {"version": "3.0", "spec_version": "2.4"},
        }  # fmt: skip
        before = cpu_seconds(self.backends)
        await self.app(scope, receive, send)
        seconds = cpu_seconds(self.backends) - before
        answer = orjson.loads(b"".join(sent))
        if "errors" in answer or len(answer["data"]["activity"]["edges"]) != PAGE_SIZE:
            raise WrongAnswer(f"{variables}: {answer}")
        return seconds


async def _measured(
    page: _Page, asked: Mapping[str, dict[str, Any]], plan: TrailPlan
) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(plan.rounds):
        cheapest = dict.fromkeys(asked, float("inf"))
        for _ in range(plan.times):
            for name, variables in asked.items():
                cheapest[name] = min(cheapest[name], await page.ask(variables))
        for name, seconds in cheapest.items():
            taken[name].append(seconds)
    return taken


def _activities(
    count: int, tenant_id: UUID, admins: Sequence[UUID], tokens: Sequence[UUID]
) -> Table:
    columns = (
        *("tenant_id", "id", "created_at", "sequence", "kind", "actor_kind", "actor_id"),
        *("subject_kind", "subject_id", "address", "details"),
    )
    return Table("activity", columns, _rows(count, tenant_id, admins, tokens))


def _rows(
    count: int, tenant_id: UUID, admins: Sequence[UUID], tokens: Sequence[UUID]
) -> Iterator[tuple[Any, ...]]:
    """One activity a millisecond, the first one after those of the tokens' creation.

    The first admin makes four of five; of those about tokens, every tenth is about the first one.
    """
    first = models.present_tick()
    for number in range(count):
        tick = first + number * _TICKS_A_MILLISECOND
        kind = _KINDS[number // 10 % len(_KINDS)]
        kind = _RARE if number % (count // _RARE_ONES) == 0 else kind
        actor = admins[number // 7 % _ADMINS if number % 5 == 0 else 0]
        token = tokens[0 if number % 10 == 0 else number % _TOKENS]
        subject = (SubjectKind.TOKEN, token)
        if kind in _ABOUT_ADMINS:
            subject = (SubjectKind.ADMIN, actor)
        yield (
            *(tenant_id, models.id_of_tick(tick, number), models.instant_of_tick(tick), number),
            *(kind.value, ActorKind.ADMIN.value, actor, subject[0].value, subject[1]),
            *("192.0.2.1", _DETAILS),
        )


async def _asked(
    tenant_id: UUID, count: int, admins: Sequence[UUID], tokens: Sequence[UUID]
) -> dict[str, dict[str, Any]]:
    """The variables of each page: the first one by each filter, and one in the middle."""
    [busy, rare] = [encode_id("Admin", admins[number]) for number in (0, 2)]
    [token, other] = [token_id(tokens[number]) for number in (0, 251)]
    common = [kind.name for kind in _KINDS[:3]]
    filters: dict[str, dict[str, Any]] = {
        "a rare kind": {"kinds": [_RARE.name]},
        "a common kind": {"kinds": common[:1]},
        "three kinds": {"kinds": common},
        "three rare kinds": {"kinds": [_RARE.name, "TENANT_RENAMED", "ADMIN_ERASED"]},
        "an actor": {"actorId": busy},
        "another actor": {"actorId": rare},
        "a subject": {"subjectId": token},
        "another subject": {"subjectId": other},
        "kinds, actor": {"kinds": [*common, _RARE.name], "actorId": rare},
        "kinds, subject": {"kinds": [*common, _RARE.name], "subjectId": token},
        "actor, subject": {"actorId": busy, "subjectId": token},
        "another actor, subject": {"actorId": rare, "subjectId": token},
        "kinds, actor, subject": {"kinds": common, "actorId": busy, "subjectId": token},
        "every kind but one": {"kinds": [one.name for one in ActivityKind if one is not _RARE]},
    }
    every = models.Activity.filter(tenant_id=tenant_id)
    middle = await every.exclude(kind=ActivityKind.CREATED).get(sequence=count // 2)
    in_the_middle = {}
    for name, one in filters.items():
        # Where a reader of the filtered list is by then: a cursor comes from its own list. A page
        # of activities comes after it.
        own = every.filter(**_conditions(one))
        after = await own.order_by("id").offset(PAGE_SIZE).limit(1)
        after += await own.filter(id__lte=middle.id).order_by("-id").limit(1)
        last = max(row.id for row in after)
        in_the_middle[name] = {"filter": one, "after": encode_cursor("activity", last)}
    return {
        PLAIN: {},
        f"page {MIDDLE}": {"after": encode_cursor("activity", middle.id)},
        **{f"by {name}": {"filter": one} for name, one in filters.items()},
        **{f"by {name}, {MIDDLE}": asked for name, asked in in_the_middle.items()},
    }


def _conditions(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """A filter of the API as Tortoise has it."""
    found: dict[str, Any] = {}
    for name, column in (("actorId", "actor_id"), ("subjectId", "subject_id")):
        if name in wanted:
            decoded = decode_id(wanted[name])
            assert decoded
            found[column] = decoded[1]
    if "kinds" in wanted:
        found["kind__in"] = [ActivityKind[name] for name in wanted["kinds"]]
    return found
