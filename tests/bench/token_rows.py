"""The rows of tokens in all tables that follow a token, as the server would have written them.

Except `token_search`: no page that is measured searches, and its index would take longest to write.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from models import ActivityKind, ActorKind, RotationPart, grants_of, new_id, permission_fingerprint
from server.decisions.rotation_requests import MAX_DRAIN_SECONDS
from tests.bench.rows import Table
from tests.support.process import LOOPBACK

_STARTED = {"compromised": False, "latestBy": None, "drainSeconds": MAX_DRAIN_SECONDS}


class NewToken(NamedTuple):
    """A live token.

    digest: of its first secret. networks: joined by commas. used_at: its only use, if any.
    new_digest: of the secret that takes the place of the first one, and was used at `used_at`; the
    first one drains for as long as is allowed. None where no rotation is under way.
    trial_until: the end of a trial that withholds `withheld`, of the keys; None without one.
    """

    tenant_id: UUID
    id: UUID
    name: str
    description: str
    hint: str
    created_by_id: UUID
    owner_id: UUID | None
    keys: Sequence[str]
    digest: bytes
    expires_at: datetime | None = None
    is_paused: bool = False
    networks: str | None = None
    requests_per_hour: int | None = None
    used_at: datetime | None = None
    new_digest: bytes | None = None
    trial_until: datetime | None = None
    withheld: Sequence[str] = ()


# Gives the same tokens each time: a million of them at once would take too much memory.
Made = Callable[[], Iterable[NewToken]]


def token_tables(made: Made, at: datetime) -> list[Table]:
    """The tables of these tokens, all created at an instant, to the millisecond."""
    return [
        Table(
            "token",
            (
                *("tenant_id", "id", "created_at", "name", "description", "hint", "revision"),
                *("created_by_id", "owner_id", "expires_at", "paused_at", "first_used_at"),
                *("networks", "requests_per_hour", "holder_may_rotate"),
            ),
            _tokens(made, at),
        ),
        Table(
            "token_secret",
            (
                *("tenant_id", "digest", "token_id", "generation", "grants", "expires_at"),
                *("block", "networks", "requests_per_hour", "trial", "trial_until"),
                *("retires_at", "rotation"),
            ),
            _secrets(made),
        ),
        Table(
            "token_last_use",
            (
                *("tenant_id", "id", "created_at", "last_used_at"),
                *("last_used_from", "last_used_user_agent"),
            ),
            (
                (one.tenant_id, one.id, one.used_at, one.used_at, LOOPBACK, "curl/8.5.0")
                for one in made()
                if one.used_at
            ),
        ),
        Table(
            "token_permission",
            ("tenant_id", "token_id", "key", "fingerprint", "is_withheld", "id", "created_at"),
            (
                (
                    *(one.tenant_id, one.id, key, permission_fingerprint(key)),
                    *(True if key in one.withheld else None, new_id(), at),
                )
                for one in made()
                for key in one.keys
            ),
        ),
        *_tables_of_changes(made, at),
    ]


def _tables_of_changes(made: Made, at: datetime) -> Iterator[Table]:
    yield Table(
        "token_rotation",
        (
            *("tenant_id", "id", "created_at", "started_by_id", "is_compromised"),
            *("old_generation", "new_generation", "old_hint", "new_hint", "drain_seconds"),
            *("picked_up_at", "picked_up_from"),
        ),
        (
            (
                *(one.tenant_id, one.id, at, one.created_by_id, False),
                *(1, 2, one.hint, one.hint, MAX_DRAIN_SECONDS),
                *(one.used_at, LOOPBACK),
            )
            for one in made()
            if one.new_digest
        ),
    )
    yield Table(
        "token_trial",
        ("tenant_id", "id", "created_at", "until", "started_by_id"),
        (
            (one.tenant_id, one.id, at, one.trial_until, one.created_by_id)
            for one in made()
            if one.trial_until
        ),
    )
    yield Table(
        "activity",
        (
            *("tenant_id", "id", "created_at", "subject_id", "actor_kind", "actor_id"),
            *("kind", "details"),
        ),
        (
            (one.tenant_id, new_id(), at, one.id, actor.value, actor_id, kind.value, details)
            for one in made()
            for kind, actor, actor_id, details in _changes(one)
        ),
    )


def _tokens(made: Made, at: datetime) -> Iterator[tuple[Any, ...]]:
    for one in made():
        yield (
            *(one.tenant_id, one.id, at, one.name, one.description, one.hint),
            *(sum(1 for _ in _changes(one)), one.created_by_id, one.owner_id, one.expires_at),
            *(at if one.is_paused else None, one.used_at),
            *(one.networks, one.requests_per_hour, False),
        )


def _secrets(made: Made) -> Iterator[tuple[Any, ...]]:
    """In the order in which they were made, which is none of the table's key."""
    for one in made():
        block = "PAUSED" if one.is_paused else None
        shared = (
            *(grants_of(one.keys), one.expires_at),
            *(block, one.networks, one.requests_per_hour),
            *(grants_of(one.withheld) if one.trial_until else None, one.trial_until),
        )
        if one.new_digest is None or one.used_at is None:
            yield one.tenant_id, one.digest, one.id, 1, *shared, None, None
            continue
        retires_at = one.used_at + timedelta(seconds=MAX_DRAIN_SECONDS)
        yield one.tenant_id, one.digest, one.id, 1, *shared, retires_at, RotationPart.OLD.value
        yield one.tenant_id, one.new_digest, one.id, 2, *shared, None, None


def _changes(one: NewToken) -> Iterator[tuple[ActivityKind, ActorKind, UUID, str]]:
    """The token's changes in order, each with its actor and details."""
    admin, holder = (ActorKind.ADMIN, one.created_by_id), (ActorKind.HOLDER, one.id)
    yield ActivityKind.CREATED, *admin, "{}"
    if one.is_paused:
        yield ActivityKind.PAUSED, *admin, "{}"
    if one.trial_until is not None:
        started = {"withheld": list(one.withheld), "until": one.trial_until.isoformat()}
        yield ActivityKind.TRIAL_STARTED, *admin, orjson.dumps(started).decode()
    if one.new_digest is not None:
        yield ActivityKind.ROTATION_STARTED, *admin, orjson.dumps(_STARTED).decode()
        yield ActivityKind.ROTATION_PICKED_UP, *holder, f'{{"address":"{LOOPBACK}"}}'
