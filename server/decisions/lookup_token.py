"""The terms of a token's secrets by the token, for a person who asks about it.

The same columns as those of a check's lookup, which finds them by the presented secret.
"""
# ruff: noqa: S608 - the statements are made of constants

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

import models
from server.database import connection, dialect, require_writable
from server.decisions.terms import CONDITIONS, STATE, Terms, terms_of

# More than a token keeps.
_MAX_SECRETS = 101
_FOUND = {
    "postgres": f"""
        SELECT s.digest, s.closed_by,
            t.id::text AS tenant_id, t.requests_per_hour AS tenant_limit,
            s.token_id::text AS token_id, {STATE["postgres"]} AS state,
            CASE WHEN s.grants IS NULL
                 THEN EXISTS (SELECT 1 FROM token_permission p
                              WHERE p.tenant_id = $1 AND p.token_id = s.token_id
                                AND p.fingerprint = $3)
                 ELSE position($3 in s.grants) > 0 END AS holds,
            {CONDITIONS["postgres"]}, s.rotation
        FROM tenant t JOIN token_secret s ON s.tenant_id = $1 AND s.token_id = $2
        WHERE t.id = $1
        ORDER BY s.generation DESC LIMIT {_MAX_SECRETS}
    """,
    "sqlite": f"""
        SELECT s.digest, s.closed_by,
            t.id AS tenant_id, t.requests_per_hour AS tenant_limit,
            s.token_id AS token_id, {STATE["sqlite"]} AS state,
            CASE WHEN s.grants IS NULL
                 THEN EXISTS (SELECT 1 FROM token_permission p
                              WHERE p.tenant_id = t.id AND p.token_id = s.token_id
                                AND p.fingerprint = ?3)
                 ELSE instr(s.grants, ?3) > 0 END AS holds,
            {CONDITIONS["sqlite"]}, s.rotation
        FROM tenant t JOIN token_secret s ON s.tenant_id = t.id AND s.token_id = ?2
        WHERE t.id = ?1
        ORDER BY s.generation DESC LIMIT {_MAX_SECRETS}
    """,
}


class SecretsOf(NamedTuple):
    """The terms of a token's secret, and those of the older one while it is rotated."""

    current: Terms
    old: Terms | None


async def find_secrets(
    tenant_id: UUID, token_id: UUID, key: str, presented: Collection[bytes] = ()
) -> SecretsOf | None:
    """The terms of a token's secrets towards the permission `key`; None for an unknown token.

    presented: the digests of one secret, which is then the current one; otherwise the newest that
    is not closed is.
    """
    # A standby may not know the latest changes yet, and no check is answered there.
    await require_writable()
    ids = [str(one) if dialect() == "sqlite" else one for one in (tenant_id, token_id)]
    fingerprint = models.permission_fingerprint(key)
    _, rows = await connection().execute_query(_FOUND[dialect()], [*ids, fingerprint])
    secrets = [tuple(dict(row).values()) for row in rows]
    live = [row for row in secrets if row[1] is None]
    if presented:
        asked = [row for row in secrets if bytes(row[0]) in presented]
        return SecretsOf(terms_of(asked[0][2:]), None) if asked else None
    if not secrets:
        return None
    current, *others = live or secrets[:1]
    return SecretsOf(terms_of(current[2:]), terms_of(others[0][2:]) if others else None)
