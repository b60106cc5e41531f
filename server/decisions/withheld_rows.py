"""The would-be denials of trials, as the decision log writes them.

Each client of a permission has a row, of which a token's latest are kept. One more row of the
permission, without an address, counts the requests that no client's row counts: the sum is exact.
"""
# ruff: noqa: S608 - the statements are made of constants

from dataclasses import dataclass

from server.decisions.json_members import members
from server.decisions.trimming import delete_found, too_old

KEPT_CLIENTS = 100


@dataclass(slots=True)
class WithheldUse:
    """How many requests of a client passed that a trial would deny, since the last writing."""

    requests: int
    last_at: float


# A token (tenant's id, token's id), the permission's key, the client's address and user agent.
WithheldKey = tuple[str, str, str, str, str]

# Nothing is added after the end of a trial.
ADD = {
    "postgres": """
        INSERT INTO trial_denial (id, created_at, tenant_id, token_id, key, address, user_agent,
                                  requests, last_at)
        SELECT u.id, u.at, u.tenant_id, u.token_id, u.key, u.address, u.user_agent,
               u.requests, u.at
        FROM json_to_recordset($1::json) AS u(
            id uuid, tenant_id uuid, token_id uuid, key text, address text, user_agent text,
            requests bigint, at timestamptz)
        JOIN token_trial t ON t.tenant_id = u.tenant_id AND t.id = u.token_id
        ON CONFLICT (tenant_id, token_id, key, address, user_agent) DO UPDATE SET
            requests = trial_denial.requests + excluded.requests,
            last_at = GREATEST(trial_denial.last_at, excluded.last_at)
        RETURNING id::text AS id
    """,
    "sqlite": f"""
        INSERT INTO trial_denial (id, created_at, tenant_id, token_id, key, address, user_agent,
                                  requests, last_at)
        SELECT {members("id at tenant_id token_id key address user_agent requests at")}
        FROM json_each(?) AS u
        JOIN token_trial t ON t.tenant_id = json_extract(u.value, '$.tenant_id')
                          AND t.id = json_extract(u.value, '$.token_id')
        WHERE true
        ON CONFLICT (tenant_id, token_id, key, address, user_agent) DO UPDATE SET
            requests = trial_denial.requests + excluded.requests,
            last_at = max(trial_denial.last_at, excluded.last_at)
        RETURNING id
    """,
}
_OLD = {
    name: too_old(name, "trial_denial", ("last_at", "id"), KEPT_CLIENTS, "{}.address <> ''")
    for name in ADD
}
_DELETE = {name: delete_found(name, "trial_denial", old) for name, old in _OLD.items()}
_ADD_REMAINDER = """
    INSERT INTO trial_denial (id, created_at, tenant_id, token_id, key, address, user_agent,
                              requests, last_at)
    SELECT {new_id}, max(last_at), tenant_id, token_id, key, '', '', sum(requests), max(last_at)
    FROM {old} GROUP BY tenant_id, token_id, key ORDER BY tenant_id, token_id, key
    ON CONFLICT (tenant_id, token_id, key, address, user_agent) DO UPDATE SET
        requests = trial_denial.requests + excluded.requests,
        last_at = {latest}(trial_denial.last_at, excluded.last_at)
"""
# A version 4 UUID, as Tortoise writes it.
_NEW_ID = "lower(" + " || '-' || ".join(
    ("hex(randomblob(4))", "hex(randomblob(2))", "'4' || substr(hex(randomblob(2)), 2)",
     "'8' || substr(hex(randomblob(2)), 2)", "hex(randomblob(6))")
) + ")"  # fmt: skip
# Adds the rows of clients to the remainder of their permission, and deletes them.
TRIM = {
    "postgres": (
        f"WITH gone AS ({_DELETE['postgres']} RETURNING r.*)"
        + _ADD_REMAINDER.format(new_id="gen_random_uuid()", old="gone", latest="GREATEST"),
    ),
    "sqlite": (
        _ADD_REMAINDER.format(
            new_id=_NEW_ID,
            old=f"trial_denial WHERE (tenant_id, id) IN ({_OLD['sqlite']})",
            latest="max",
        ),
        _DELETE["sqlite"],
    ),
}
