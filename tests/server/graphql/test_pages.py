"""`hasPreviousPage` and `hasNextPage` are true exactly where such a page exists.

For every connection, in its directions, with cursors at the ends and of deleted rows.
"""

from typing import Any

import models
from models import Role
from server.operations import admins, tokens
from server.paging import encode_cursor
from tests.support.factories import Client, World

_INFO = "{ edges { cursor } pageInfo { hasPreviousPage hasNextPage } }"


async def _page(client: Client, field: str, **arguments: Any) -> tuple[int, bool, bool]:
    given = ", ".join(
        f'{name}: "{value}"' if isinstance(value, str) else f"{name}: {value}"
        for name, value in arguments.items()
    )
    page = (await client.data(f"{{ page: {field}({given}) {_INFO} }}"))["page"]
    info = page["pageInfo"]
    return len(page["edges"]), info["hasPreviousPage"], info["hasNextPage"]


async def test_pages_of_tokens_in_both_directions(client: Client, world: World) -> None:
    person = await world.person()
    owner = client.of(person)
    made = [(await world.token(person, f"t{n}")).token for n in range(4)]
    newest, *_, oldest = [encode_cursor("tokens", token.id) for token in made[::-1]]

    assert await _page(owner, "tokens", first=4) == (4, False, False)
    assert await _page(owner, "tokens", first=3) == (3, False, True)
    assert await _page(owner, "tokens", last=3) == (3, True, False)
    # The cursor's own row counts as a page before, and after.
    assert await _page(owner, "tokens", first=3, after=newest) == (3, True, False)
    assert await _page(owner, "tokens", first=2, after=newest) == (2, True, True)
    assert await _page(owner, "tokens", last=3, before=oldest) == (3, False, True)
    assert await _page(owner, "tokens", last=2, before=oldest) == (2, True, True)
    # No page lies beyond the ends.
    assert await _page(owner, "tokens", first=1, after=oldest) == (0, True, False)
    assert await _page(owner, "tokens", last=1, before=newest) == (0, False, True)

    await tokens.revoke(person.principal, made[-1].id)
    assert await _page(owner, "tokens", first=3, after=newest) == (3, False, False)
    assert await _page(owner, "tokens", last=1, before=newest) == (0, False, True)
    await tokens.revoke(person.principal, made[0].id)
    assert await _page(owner, "tokens", last=2, before=oldest) == (2, False, False)
    assert await _page(owner, "tokens", first=1, after=oldest) == (0, True, False)
    for token in made[1:3]:
        await tokens.revoke(person.principal, token.id)
    for arguments in ({"first": 1, "after": oldest}, {"last": 1, "before": newest}, {"first": 1}):
        assert await _page(owner, "tokens", **arguments) == (0, False, False)


async def test_pages_of_a_search_cover_its_results(client: Client, world: World) -> None:
    person = await world.person()
    owner = client.of(person)
    names = ["apple", "pear", "apple pie", "pears"]
    made = [(await world.token(person, name)).token for name in names]
    newest = encode_cursor("tokens", made[-1].id)
    assert await _page(owner, "tokens", search="apple", first=1, after=newest) == (1, False, True)
    assert await _page(owner, "tokens", search="pear", first=1, after=newest) == (1, True, False)


async def test_rows_of_other_tenants_are_no_page(client: Client, world: World) -> None:
    person, other = await world.person(), await world.person()
    before = (await world.token(other)).token
    mine = (await world.token(person)).token
    after = (await world.token(other)).token
    owner = client.of(person)
    for token, found in ((after, (1, False, False)), (mine, (0, True, False))):
        cursor = encode_cursor("tokens", token.id)
        assert await _page(owner, "tokens", first=1, after=cursor) == found
    cursor = encode_cursor("tokens", before.id)
    assert await _page(owner, "tokens", last=1, before=cursor) == (1, False, False)


async def test_pages_of_admins_and_of_activity(client: Client, world: World) -> None:
    person = await world.person()
    tenant = await models.Tenant.get(id=person.admin.tenant_id)
    colleague = await world.person(tenant, Role.ADMIN)
    owner = client.of(person)
    first, second = (encode_cursor("admins", one.admin.id) for one in (person, colleague))
    assert await _page(owner, "admins", first=1) == (1, False, True)
    assert await _page(owner, "admins", first=1, after=first) == (1, True, False)
    await admins.transfer_ownership(person.principal, colleague.admin.id)
    await admins.remove(colleague.principal, person.admin.id)
    new_owner = client.of(colleague)
    assert await _page(new_owner, "admins", first=1, after=first) == (1, False, False)
    assert await _page(new_owner, "admins", first=1, after=second) == (0, True, False)

    token = (await world.token(colleague)).token
    await tokens.rename(colleague.principal, token.id, "new")
    latest = encode_cursor("activity", (await models.Activity.all().order_by("-id"))[0].id)
    assert await _page(new_owner, "activity", first=1) == (1, False, True)
    assert await _page(new_owner, "activity", first=1, after=latest) == (1, True, True)
    assert await _page(new_owner, "activity", last=1, before=latest) == (0, False, True)
