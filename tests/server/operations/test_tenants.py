"""Operations on tenants that only an operator has."""

from unittest.mock import patch

from server.access.principal import Operator
from server.operations import tenants, tokens
from tests.support.factories import World


async def test_tenants_are_counted_with_admins_and_live_tokens(world: World) -> None:
    assert await tenants.every(Operator()) == []
    busy = await world.person()
    await world.token(busy, "live")
    revoked = await world.token(busy, "revoked")
    await tokens.revoke(busy.principal, revoked.token.id)
    empty = await world.tenant()
    # In one statement, and in one for each tenant.
    for at_once in (1000, 1):
        with patch.object(tenants, "_TENANTS_AT_ONCE", at_once):
            sizes = await tenants.every(Operator())
        assert [(one.tenant.id, one.admins, one.live_tokens) for one in sizes] == [
            (busy.admin.tenant_id, 1, 1),
            (empty.id, 0, 0),
        ]
