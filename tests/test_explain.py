"""`explain` answers as `/authorize` does, for tokens in every state, and counts nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.decisions.explanation import Explanation, Step, StepKind, StepOutcome
from server.errors import InvalidInput
from server.operations.explaining import Request
from server.token_format import new_token_secret
from tests.support.blank_databases import BlankDatabases
from tests.support.explained import INSIDE, OUTSIDE, OWN, Place, open_place, snapshot
from tests.support.factories import World
from tests.support.soak import IS_SOAK, repeats

EXAMPLES = repeats(ci=200, soak=20_000)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "get", "PURGE"])
SEGMENTS = st.sampled_from(
    ["api", "v1", "v2", "devices", "Notes", "notes", "files", "reports.pdf", "broken", "7", ""]
) | st.text("aA.%2fF;?#{}~é:", max_size=4)
PATHS = st.sampled_from(
    ["/api/v1/devices", "/api/v1/devices/7", "/api/v2/devices/7/Notes", "/api/v1/files/a"]
) | st.lists(SEGMENTS, max_size=6).map(lambda parts: "/" + "/".join(parts))
HOSTS = st.sampled_from(
    [OWN] * 8 + [OWN.replace("api", "API"), OWN + ".:8443", "{slug}.api.eu.example.com", "a"]
)
ADDRESSES = st.sampled_from([INSIDE, OUTSIDE, "203.0.113.9", "2001:db8::1", "::ffff:203.0.113.7"])


class Open(NamedTuple):
    runner: asyncio.Runner
    place: Place
    seen: set[str | None]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def running(
    request: pytest.FixtureRequest,
    blank_databases: BlankDatabases,
    migrated_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Open]:
    folder = tmp_path_factory.mktemp("explained")
    is_embedded = request.param == "sqlite"
    (file := folder / "tessera.db").write_bytes(migrated_file.read_bytes())
    url = f"sqlite://{file}" if is_embedded else blank_databases.take()
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            yield Open(runner, runner.run(open_place(stack, folder, url)), set())
        finally:
            runner.run(stack.aclose())
    if not is_embedded:
        blank_databases.give_back(url)


async def _step(place: Place, name: str, request: Request, kind: StepKind) -> Step:
    explanation = await place.explain(place.known[name], request)
    assert explanation is not None
    return next(step for step in explanation.steps if step.kind is kind)


def test_it_counts_nothing(running: Open) -> None:
    """Every question is asked before any check: no row and no limit may have changed."""
    runner, place, _ = running
    before = runner.run(snapshot())
    assert before["Token"]
    assert before["TokenRotation"]
    for token in place.known.values():
        for path in ("/api/v1/devices", "/api/v1/files/x", "/nowhere"):
            request = Request("GET", path, INSIDE)
            for secret in (None, *token.secrets):
                assert runner.run(place.explain(token, request, secret)) is not None
    runner.run(place.app._log.close())
    runner.run(place.app._pick_ups.close())
    assert runner.run(snapshot()) == before
    request = Request("GET", "/api/v1/devices", INSIDE)
    left = runner.run(_step(place, "with a limit", request, StepKind.TOKEN_LIMIT)).limit
    assert left is not None
    assert (left.limit, left.remaining) == (3, 3)


def test_it_equals_authorize(running: Open) -> None:
    seen = running.seen

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=not IS_SOAK,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        name=st.sampled_from(sorted(running.place.known)),
        which=st.integers(0, 1),
        method=METHODS,
        path=PATHS,
        host=HOSTS,
        address=ADDRESSES,
    )
    def compare(name: str, which: int, method: str, path: str, host: str, address: str) -> None:
        if path.isascii():
            running.runner.run(_compare(running, name, which, Request(method, path, address), host))

    compare()
    assert {None, "INVALID_TOKEN", "NO_SUCH_OPERATION", "TARGET_NOT_CANONICAL"} <= seen
    assert {"TOKEN_REVOKED", "TOKEN_EXPIRED", "TOKEN_PAUSED", "SECRET_RETIRED"} <= seen
    assert {"ADDRESS_NOT_ALLOWED", "INSUFFICIENT_SCOPE"} <= seen


async def _compare(running: Open, name: str, which: int, request: Request, host: str) -> None:
    place, token = running.place, running.place.known[name]
    secret = token.secrets[min(which, len(token.secrets) - 1)]
    named = host.format(slug=token.slug)
    url = f"https://{named}{request.url}"
    told = await place.explain(token, replace(request, url=url), secret)
    assert told is not None
    answered = await place.authorize(secret, named, request)
    assert (told.status, told.code and told.code.value) == answered
    running.seen.add(answered[1])
    _check_steps(told)


def _check_steps(told: Explanation) -> None:
    """One step denies, those before it pass, and those behind it are not reached."""
    outcomes = [step.outcome for step in told.steps if step.kind is not StepKind.OLD_SECRET]
    failed = outcomes.count(StepOutcome.FAILED)
    assert failed == (told.code is not None)
    passed = outcomes.index(StepOutcome.FAILED) if failed else len(outcomes)
    assert set(outcomes[:passed]) <= {StepOutcome.PASSED}
    assert set(outcomes[passed + 1 :]) <= {StepOutcome.NOT_REACHED}
    assert all(step.sentence for step in told.steps)
    codes = [step.code for step in told.steps if step.kind is not StepKind.OLD_SECRET]
    assert [code for code in codes if code] == ([told.code] if told.code else [])


def test_limits_are_told_as_they_are_reached(running: Open) -> None:
    runner, place, _ = running
    token, request = place.known["with a limit"], Request("GET", "/api/v1/devices", INSIDE)
    host = OWN.format(slug=token.slug)
    for _ in range(4):
        told = runner.run(place.explain(token, request))
        assert told is not None
        answered = runner.run(place.authorize(token.secrets[0], host, request))
        assert (told.status, told.code and told.code.value) == answered
    assert answered == (429, "RATE_LIMITED")


def test_the_newest_live_secret_is_explained_and_the_old_one_beside_it(running: Open) -> None:
    runner, place, _ = running
    request = Request("GET", "/api/v1/devices", INSIDE)
    expected = {
        "active": (None, None),
        "pending": (None, StepOutcome.PASSED),
        "old has ended": (None, StepOutcome.FAILED),
        "taken back": (None, None),
        "kept new": (None, None),
        "compromised": (None, None),
        "revoked while pending": ("TOKEN_REVOKED", None),
    }
    for name, (code, old) in expected.items():
        told = runner.run(place.explain(place.known[name], request))
        assert told is not None
        assert (told.code and told.code.value) == code, name
        outcomes = [step.outcome for step in told.steps if step.kind is StepKind.OLD_SECRET]
        assert outcomes == ([old] if old else []), name


@pytest.mark.parametrize(
    ("method", "path", "near"),
    [
        ("PUT", "/api/v1/devices", ["METHOD GET /devices", "METHOD POST /devices"]),
        ("GET", "/api/v1/devices/", ["TRAILING_SLASH GET /devices"]),
        ("GET", "/api/v1/reports.pdf", ["TRAILING_SLASH GET /reports.{kind}/"]),
        ("GET", "/devices", ["BASE_PATH GET /devices"]),
        ("GET", "/api/v3/devices/7", ["BASE_PATH GET /devices/{id}"]),
        ("GET", "/api/v1/devices/7/notes", ["SPELLING GET /devices/{id}/Notes"]),
        ("GET", "/api/v1/broken", ["CLOSED GET /broken", "METHOD PUT /broken"]),
        ("GET", "/api/v1/nothing/like/it", []),
    ],
)
def test_operations_near_the_request_are_named(
    running: Open, method: str, path: str, near: list[str]
) -> None:
    request = Request(method, path, INSIDE)
    step = running.runner.run(_step(running.place, "active", request, StepKind.OPERATION))
    assert step.outcome is StepOutcome.FAILED
    found = [f"{one.difference.value} {one.method} {one.path}" for one in step.near]
    assert found == near


def test_a_retired_operation_that_the_token_holds_is_near(running: Open) -> None:
    runner, place, _ = running
    whole = place.service.catalogue
    # A document of today that lacks a permission of the token.
    lesser = type(whole).of("API", whole.categories[1:], (), notes=())
    retired = whole.categories[0].permissions[0]
    assert lesser.find(retired.key) is None
    later = replace(place, service=replace(place.service, catalogue=lesser))
    request = Request("GET", "/api/v1/devices", INSIDE)
    step = runner.run(_step(later, "active", request, StepKind.OPERATION))
    assert [one.difference.value for one in step.near][:1] == ["RETIRED"]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (Request("", "/", INSIDE), "method"),
        (Request("GET", "devices", INSIDE), "url"),
        (Request("GET", "https://user:secret@host/", INSIDE), "url"),
        (Request("GET", "/" + "a" * 10_000, INSIDE), "url"),
        (Request("GET", "/", "here"), "address"),
    ],
)
def test_what_is_no_request_is_refused(running: Open, request_: Request, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        running.runner.run(running.place.explain(running.place.known["active"], request_))
    assert refused.value.field == field


def test_another_tenants_token_is_unknown(running: Open) -> None:
    runner, place, _ = running
    request = Request("GET", "/api/v1/devices", INSIDE)
    stranger = runner.run(World(place.service).person())
    theirs = place.known["active"]
    foreign = type(theirs)(theirs.id, stranger, theirs.slug, theirs.secrets)
    assert runner.run(place.explain(foreign, request)) is None
    assert runner.run(place.explain(foreign, request, theirs.secrets[0])) is None
    assert runner.run(place.explain(theirs, request, new_token_secret("tsr"))) is None
