"""Old use counts are deleted in batches, so that no statement grows with a tenant's age. Here too:
how many clients of an old secret are kept."""

import models
from server.decisions import log_rows
from server.decisions.log_rows import Unwritten
from server.decisions.old_use_rows import OldUse
from tests.support.factories import World


async def test_latest_fifty_clients_of_an_old_secret_are_kept(world: World) -> None:
    person = await world.person()
    tokens = [(await world.token(person, name)).token for name in ("one", "two")]
    other = [(str(tokens[1].tenant_id), str(tokens[1].id), "192.0.2.1", "other")]

    async def write(first: int, last: int, at: float) -> list[tuple[str, int]]:
        token = str(tokens[0].tenant_id), str(tokens[0].id)
        keys = [(*token, "192.0.2.1", f"client {number}") for number in range(first, last)]
        old_uses = {
            key: OldUse(key[2], key[3], 1, at + place / 1000)
            for place, key in enumerate(keys + other)
        }
        await log_rows.write(Unwritten(old_uses=old_uses))
        rows = await models.SecretUse.filter(token_id=tokens[0].id).order_by("last_used_at")
        return [(row.user_agent, row.requests) for row in rows]

    assert await write(0, 60, 1_000_000) == [(f"client {n}", 1) for n in range(10, 60)]
    # No client is new: each is counted once more.
    assert await write(10, 15, 1_000_001) == [
        *((f"client {n}", 1) for n in range(15, 60)),
        *((f"client {n}", 2) for n in range(10, 15)),
    ]
    assert await write(60, 63, 1_000_002) == [
        *((f"client {n}", 1) for n in range(18, 60)),
        *((f"client {n}", 2) for n in range(10, 15)),
        *((f"client {n}", 1) for n in range(60, 63)),
    ]
    [use] = await models.SecretUse.filter(token_id=tokens[1].id)
    assert use.requests == 3
