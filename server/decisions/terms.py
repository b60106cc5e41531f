"""The terms of a secret: everything that a decision reads of it, and their one writer.

Each change of a token that affects decisions calls this module, in the transaction of the change.
"""
# ruff: noqa: S608 - the statements are made of constants

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

import models
from models import ClosedBy, RotationPart
from server.database import connection, dialect, reaching_every_tenant, retried, transaction
from server.errors import InvalidInput
from server.token_format import DigestKey

_RENEWED_AT_ONCE = 200
MAX_GENERATION = 32_767
# The mark of a permission that the token holds, and that its trial withholds.
WITHHELD = "WITHHELD"
# Of a token, closed ones too: their holders are told that they are retired. Older ones are unknown.
_KEPT_SECRETS = 100
# Tortoise updates no primary key. By the old digest: another operator's round may have been there.
_RENEW = {
    "postgres": "UPDATE token_secret SET digest = $1 WHERE tenant_id = $2 AND digest = $3",
    "sqlite": "UPDATE token_secret SET digest = ? WHERE tenant_id = ? AND digest = ?",
}
# Compares the instants of a secret with the clock of the database, in the statement that looks it
# up: the clocks of instances may differ. SQLite's has milliseconds. The ends of a secret come
# before the suspension of its tenant: the report of a retired secret ends no token.
STATE = {
    "postgres": """
        CASE WHEN s.closed_by IS NOT NULL THEN s.closed_by
             WHEN s.retires_at <= statement_timestamp() THEN 'RETIRED'
             WHEN t.suspended_at IS NOT NULL THEN 'SUSPENDED'
             WHEN s.expires_at <= statement_timestamp() THEN 'EXPIRED'
             ELSE s.block END
    """,
    # A comparison evaluates both of its sides here, and the clock's text takes a microsecond.
    "sqlite": """
        CASE WHEN s.closed_by IS NOT NULL THEN s.closed_by
             WHEN s.retires_at IS NOT NULL AND substr(s.retires_at, 1, 23)
                  <= strftime('%Y-%m-%d %H:%M:%f', 'now') THEN 'RETIRED'
             WHEN t.suspended_at IS NOT NULL THEN 'SUSPENDED'
             WHEN s.expires_at IS NOT NULL AND substr(s.expires_at, 1, 23)
                  <= strftime('%Y-%m-%d %H:%M:%f', 'now') THEN 'EXPIRED'
             ELSE s.block END
    """,
}
_WRITE_EXPIRY = {
    "postgres": "UPDATE token_secret SET expires_at = $1 WHERE tenant_id = $2 AND token_id = $3",
    "sqlite": "UPDATE token_secret SET expires_at = ? WHERE tenant_id = ? AND token_id = ?",
}
# The columns of `Terms` between the first five and the last, in their order.
CONDITIONS = {
    "postgres": """
        to_char(s.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
        AS expires_at, s.requests_per_hour AS token_limit,
        t.networks AS tenant_networks, s.networks AS token_networks
    """,
    "sqlite": """
        CASE WHEN s.expires_at IS NOT NULL
             THEN strftime('%Y-%m-%dT%H:%M:%fZ', s.expires_at) END AS expires_at,
        s.requests_per_hour AS token_limit,
        t.networks AS tenant_networks, s.networks AS token_networks
    """,
}
# Half the time that a comparison of texts takes, also to the millisecond.
TRIAL_RUNS_IN_SQLITE = "julianday(s.trial_until) > julianday('now')"
# The last column of `Terms`. One for both, so that a token without a trial costs no more. ?4 and
# `q.fingerprint` are the permission's.
MARKS = {
    "postgres": f"""
        CASE WHEN s.trial_until IS NULL OR s.trial_until <= statement_timestamp() THEN s.rotation
             WHEN CASE WHEN s.trial IS NULL
                       THEN EXISTS (SELECT 1 FROM token_permission p
                                    WHERE p.tenant_id = t.id AND p.token_id = s.token_id
                                      AND p.fingerprint = q.fingerprint
                                      AND p.is_withheld)
                       ELSE position(q.fingerprint in s.trial) > 0 END
             THEN concat_ws(' ', '{WITHHELD}', s.rotation) ELSE s.rotation END
    """,
    "sqlite": f"""
        CASE WHEN s.trial_until IS NULL THEN s.rotation
             WHEN NOT CASE WHEN s.trial IS NULL
                           THEN EXISTS (SELECT 1 FROM token_permission p
                                        WHERE p.tenant_id = t.id AND p.token_id = s.token_id
                                          AND p.fingerprint = ?4 AND p.is_withheld)
                           ELSE instr(s.trial, ?4) END THEN s.rotation
             WHEN {TRIAL_RUNS_IN_SQLITE}
             THEN '{WITHHELD}' || ifnull(' ' || s.rotation, '') ELSE s.rotation END
    """,
}
# exempt statements_without_a_tenant: a digest is unique among all tenants
_OF_ANY_TENANT = {
    "postgres": f"""
        SELECT t.id::text AS tenant_id, t.requests_per_hour AS tenant_limit,
               s.token_id::text, {STATE["postgres"]} AS state, false AS holds,
               {CONDITIONS["postgres"]}, s.rotation
        FROM token_secret s JOIN tenant t ON t.id = s.tenant_id WHERE s.digest = $1
    """,
    "sqlite": f"""
        SELECT t.id AS tenant_id, t.requests_per_hour AS tenant_limit,
               s.token_id, {STATE["sqlite"]} AS state, 0 AS holds,
               {CONDITIONS["sqlite"]}, s.rotation
        FROM token_secret s JOIN tenant t ON t.id = s.tenant_id WHERE s.digest = ?
    """,
}


class Terms(NamedTuple):
    """The terms as the database gives them. Ids are text with hyphens; networks join by commas."""

    tenant_id: str
    # The tenant's own limit of requests an hour; None where the default applies.
    tenant_limit: int | None
    token_id: str
    # A value of `models.ClosedBy`, `SUSPENDED` for its tenant, `EXPIRED`, or the value of `block`;
    # None for a live secret.
    state: str | None
    # Whether the token holds the permission in question.
    holds: bool
    # RFC 3339, in UTC; None for a token without expiry.
    expires_at: str | None = None
    # The token's own limit of requests an hour.
    token_limit: int | None = None
    tenant_networks: str | None = None
    token_networks: str | None = None
    # The reasons to note a use besides the decision: `WITHHELD`, a value of `models.RotationPart`,
    # or both. None for none.
    marks: str | None = None


def terms_of(columns: tuple[Any, ...]) -> Terms:
    """The terms of a row with the columns of `Terms`.

    Bypasses the constructor of NamedTuple, which takes three times as long.
    """
    return tuple.__new__(Terms, columns)


async def add(token: models.Token, digest: bytes, keys: Collection[str]) -> None:
    """Write the terms of a new token's secret, which is kept as `digest` and grants `keys`."""
    await models.TokenSecret.create(
        tenant_id=token.tenant_id,
        token_id=token.id,
        digest=digest,
        grants=models.grants_of(keys),
        **_conditions(token),
    )


async def write_conditions(token: models.Token) -> None:
    """Write the token's expiry, pause, networks and limit to all its secrets."""
    await _secrets_of(token).update(**_conditions(token))


async def write_expiries(tenant_id: UUID, dates: Mapping[UUID, datetime]) -> None:
    """Give all secrets of each of these tokens its date as expiry."""
    await connection().execute_many(_WRITE_EXPIRY[dialect()], dated(tenant_id, dates))


def dated(tenant_id: UUID, dates: Mapping[UUID, datetime]) -> list[list[Any]]:
    """The values of a statement that writes the date of a token, for each of them."""
    if dialect() == "sqlite":
        # Texts as Tortoise writes them, so that they compare as texts.
        return [[at.isoformat(" "), str(tenant_id), str(one)] for one, at in dates.items()]
    return [[at, tenant_id, one] for one, at in dates.items()]


async def pause(tenant_id: UUID, token_ids: Collection[UUID]) -> None:
    """Hold up all secrets of these tokens."""
    secrets = models.TokenSecret.filter(tenant_id=tenant_id, token_id__in=list(token_ids))
    await secrets.update(block="PAUSED")


def _conditions(token: models.Token) -> dict[str, Any]:
    return {
        "expires_at": token.expires_at,
        "block": "PAUSED" if token.paused_at else None,
        "networks": token.networks,
        "requests_per_hour": token.requests_per_hour,
    }


async def write_grants(token: models.Token, keys: Collection[str]) -> None:
    """Write that the secrets of `token` grant `keys`, all that it holds."""
    await _secrets_of(token).update(grants=models.grants_of(keys))


async def write_trial(token: models.Token, withheld: Collection[str], until: datetime) -> None:
    """Write that a trial withholds these permissions, of those that `token` holds, until then."""
    await _secrets_of(token).update(trial=models.grants_of(withheld), trial_until=until)


async def end_trial(token: models.Token) -> None:
    """Write that `token` has no trial."""
    await _secrets_of(token).update(trial=None, trial_until=None)


async def close(tenant_id: UUID, token_ids: Collection[UUID], by: ClosedBy) -> None:
    """Close every secret of these tokens for good."""
    secrets = models.TokenSecret.filter(tenant_id=tenant_id, token_id__in=list(token_ids))
    await secrets.update(closed_by=by)


async def add_generation(token: models.Token, digest: bytes) -> int:
    """Write the terms of another secret of `token`, which waits to be picked up.

    It is kept as `digest` and has the grants of the others. Gives its generation. Raises
    `InvalidInput` for a token that has had too many secrets.
    """
    latest = (await _secrets_of(token).order_by("-generation").limit(1))[0]
    if latest.generation >= MAX_GENERATION:
        raise InvalidInput("tokenId", "This token was rotated too often. Create another one.")
    generation: int = latest.generation + 1
    await models.TokenSecret.create(
        tenant_id=token.tenant_id,
        token_id=token.id,
        digest=digest,
        generation=generation,
        grants=latest.grants,
        trial=latest.trial,
        trial_until=latest.trial_until,
        rotation=RotationPart.NEW,
        **_conditions(token),
    )
    dropped = _secrets_of(token).filter(
        generation__lte=generation - _KEPT_SECRETS, closed_by__isnull=False
    )
    await dropped.delete()
    return generation


async def live_generation(token: models.Token) -> int:
    """The latest generation of a live token's secrets that is not closed."""
    live = _secrets_of(token).filter(closed_by__isnull=True)
    generation: int = (await live.order_by("-generation").limit(1))[0].generation
    return generation


async def retire(token: models.Token, generation: int, at: datetime | None) -> None:
    """Refuse a secret, the old one of a rotation, from `at` on; None for not yet."""
    old = _secrets_of(token).filter(generation=generation)
    await old.update(retires_at=at, rotation=RotationPart.OLD)


async def retirement(tenant_id: UUID, digests: Collection[bytes]) -> datetime | None:
    """The instant from which the secret kept as one of `digests` is refused; None for not yet."""
    kept = models.TokenSecret.filter(tenant_id=tenant_id, digest__in=list(digests))
    secret = await kept.first()
    return None if secret is None else secret.retires_at


async def reinstate(token: models.Token, generation: int) -> None:
    """Take a secret out of its rotation: nothing retires it."""
    secret = _secrets_of(token).filter(generation=generation)
    await secret.update(retires_at=None, rotation=None)


async def close_others(token: models.Token, *kept: int) -> None:
    """Close the secrets of a live token for good, as retired, except the generations `kept`."""
    others = _secrets_of(token).filter(closed_by__isnull=True, generation__not_in=list(kept))
    await others.update(closed_by=ClosedBy.RETIRED, rotation=None)


async def take_mark(token: models.Token, digests: Collection[bytes]) -> int | None:
    """Take the mark off the secret of `token` that waits to be picked up, kept as one of `digests`.

    Gives its generation; None if it does not wait any more.
    """
    waiting = _secrets_of(token).filter(
        digest__in=list(digests), rotation=RotationPart.NEW, closed_by__isnull=True
    )
    generation: int | None = None
    for secret in await waiting:
        generation = secret.generation
        await waiting.update(rotation=None)
    return generation


def _secrets_of(token: models.Token) -> QuerySet[models.TokenSecret]:
    return models.TokenSecret.filter(tenant_id=token.tenant_id, token_id=token.id)


async def renew(key: DigestKey, tenant_id: UUID) -> int:
    """Renew the digests of a tenant's secrets with the newest generation of `key`; gives how many.

    Reads each secret once, in short transactions: a change of one of its tokens waits meanwhile.
    """
    renewed, last = 0, (UUID(int=0), 0)
    while secrets := await _secrets_after(tenant_id, *last):
        last = secrets[-1].token_id, secrets[-1].generation
        renewed += await _renew(key, tenant_id, secrets)
    return renewed


async def _secrets_after(
    tenant_id: UUID, token_id: UUID, generation: int
) -> list[models.TokenSecret]:
    later = Q(token_id__gt=token_id) | Q(token_id=token_id, generation__gt=generation)
    secrets = models.TokenSecret.filter(later, tenant_id=tenant_id)
    return await secrets.order_by("token_id", "generation").limit(_RENEWED_AT_ONCE)


@retried
async def _renew(key: DigestKey, tenant_id: UUID, secrets: Collection[models.TokenSecret]) -> int:
    is_embedded = dialect() == "sqlite"
    values = [
        [digest, str(tenant_id) if is_embedded else tenant_id, secret.digest]
        for secret in secrets
        if (digest := key.renewed(bytes(secret.digest)))
    ]
    if values:
        async with transaction() as client:
            await client.execute_many(_RENEW[dialect()], values)
    return len(values)


async def terms_of_any_tenant(digests: Collection[bytes]) -> Terms | None:
    """The terms of the secret kept as one of `digests`, of any tenant, without a permission.

    Of a distributed database it asks every node: a caller that knows the tenant uses the lookup.
    """
    with reaching_every_tenant():
        for digest in digests:
            rows = await connection().execute_query(_OF_ANY_TENANT[dialect()], [digest])
            if rows[1]:
                return terms_of(tuple(dict(rows[1][0]).values()))
    return None
