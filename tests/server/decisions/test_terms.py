"""The terms of secrets: written with the change, and renewed page by page with another key."""

import pytest

import models
from models import ClosedBy
from server.catalogue import read_catalogue
from server.decisions import terms
from server.decisions.decide import decide, denial_of_secret
from server.operations import tokens
from server.token_format import DigestKey
from tests.support.factories import World, digest_of, grants_kept

KEY = "GET /api/v1/devices"


@pytest.mark.parametrize("page_size", [1, 2, 5, 7])
async def test_every_secret_is_renewed_once_for_any_page_size(
    world: World, monkeypatch: pytest.MonkeyPatch, page_size: int
) -> None:
    monkeypatch.setattr(terms, "_RENEWED_AT_ONCE", page_size)
    person, other = await world.person(), await world.person()
    made = [(await world.token(person)).token for _ in range(5)]
    spared = (await world.token(other)).token
    # A second secret of one token, as during a rotation.
    await models.TokenSecret.create(
        tenant_id=made[2].tenant_id,
        token_id=made[2].id,
        digest=b"second".ljust(32),
        generation=2,
        grants=b"",
    )
    before = {bytes(row.digest) for row in await models.TokenSecret.all()}
    kept = await digest_of(spared)
    key = DigestKey(b"first key", b"second key", is_changing=True)
    assert await terms.renew(key, person.admin.tenant_id) == 6
    renewed = models.TokenSecret.filter(tenant_id=person.admin.tenant_id)
    after = {bytes(row.digest) for row in await renewed}
    assert after == {key.renewed(digest) for digest in before - {kept}}
    assert await digest_of(spared) == kept
    assert await terms.renew(key, person.admin.tenant_id) == 0


async def test_terms_follow_every_change_in_its_transaction(world: World) -> None:
    person = await world.person()
    token = (await world.token(person, permissions=[KEY])).token
    assert await grants_kept(token) == models.grants_of([KEY])
    await tokens.set_permissions(person.principal, world.service, token.id, [])
    assert await grants_kept(token) == b""
    await tokens.revoke(person.principal, token.id)
    secret = await models.TokenSecret.get(tenant_id=token.tenant_id, token_id=token.id)
    assert secret.closed_by is ClosedBy.REVOKED


def test_secret_closed_for_an_unknown_reason_is_refused() -> None:
    """An instance of an older version meets reasons that a newer one wrote."""
    permission = read_catalogue(None).permissions[0]
    for closed_by in ("REVOKED", "ROTATED", ""):
        terms_of_it = ("tenant", None, "token", closed_by, True)
        assert denial_of_secret(terms_of_it) is models.RefusalReason.REVOKED
        assert decide(terms_of_it, permission) is models.RefusalReason.REVOKED
    assert decide(("tenant", None, "token", None, True), permission) is None
    assert (
        decide(("tenant", None, "token", None, False), permission)
        is models.RefusalReason.NOT_GRANTED
    )
