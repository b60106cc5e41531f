"""The uses of old secrets during rotations, as the decision log writes them."""
# ruff: noqa: S608 - the statements are made of constants

from dataclasses import dataclass

from server.decisions.json_members import members
from server.decisions.trimming import delete_found, too_old

KEPT_SECRET_USES = 50


@dataclass(slots=True)
class OldUse:
    """How often a client presented an old secret, since the last writing."""

    address: str
    user_agent: str
    requests: int
    last_at: float


ADD = {
    "postgres": """
        INSERT INTO secret_use (id, created_at, tenant_id, token_id, address, user_agent,
                                requests, last_used_at)
        SELECT u.id, u.at, u.tenant_id, u.token_id, u.address, u.user_agent, u.requests, u.at
        FROM json_to_recordset($1::json) AS u(
            id uuid, tenant_id uuid, token_id uuid, address text, user_agent text,
            requests bigint, at timestamptz)
        ON CONFLICT (tenant_id, token_id, address, user_agent) DO UPDATE SET
            requests = secret_use.requests + excluded.requests,
            last_used_at = GREATEST(secret_use.last_used_at, excluded.last_used_at)
        RETURNING id::text AS id
    """,
    "sqlite": f"""
        INSERT INTO secret_use (id, created_at, tenant_id, token_id, address, user_agent,
                                requests, last_used_at)
        SELECT {members("id at tenant_id token_id address user_agent requests at")}
        FROM json_each(?) WHERE true
        ON CONFLICT (tenant_id, token_id, address, user_agent) DO UPDATE SET
            requests = secret_use.requests + excluded.requests,
            last_used_at = max(secret_use.last_used_at, excluded.last_used_at)
        RETURNING id
    """,
}
TRIM = {
    name: (
        delete_found(
            name,
            "secret_use",
            too_old(name, "secret_use", ("last_used_at", "id"), KEPT_SECRET_USES),
        ),
    )
    for name in ADD
}
