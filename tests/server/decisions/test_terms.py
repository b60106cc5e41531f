"""The terms of secrets: written with the change, and renewed page by page with another key."""

import pytest

import models
from models import ClosedBy, RefusalReason
from server.catalogue import read_catalogue
from server.decisions import terms
from server.decisions.decide import decide, denial_of_secret
from server.decisions.terms import Terms
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


_ADDRESS = "203.0.113.7"


def test_secret_refused_for_an_unknown_reason_is_refused() -> None:
    """An instance of an older version meets reasons that a newer one wrote."""
    permission = read_catalogue(None).permissions[0]
    for state in ("REVOKED", "HELD", ""):
        refused = Terms("tenant", None, "token", state, holds=True)
        assert denial_of_secret(refused) is RefusalReason.REVOKED
        assert decide(refused, permission, _ADDRESS) is RefusalReason.REVOKED
    holding = Terms("tenant", None, "token", None, holds=True)
    assert decide(holding, permission, _ADDRESS) is None
    lacking = holding._replace(holds=False)
    assert decide(lacking, permission, _ADDRESS) is RefusalReason.NOT_GRANTED


@pytest.mark.parametrize(
    ("tenant_networks", "token_networks", "address", "is_allowed"),
    [
        (None, "203.0.113.0/24", _ADDRESS, True),
        (None, "203.0.112.0/24,203.0.113.7/32", _ADDRESS, True),
        (None, "203.0.113.8/29", _ADDRESS, False),
        (None, "2001:db8::/32", "2001:db8:ffff::1", True),
        (None, "2001:db8::/32", "2001:db9::1", False),
        (None, "0.0.0.0/0", "2001:db8::1", False),
        (None, "0.0.0.0/0", "unknown", False),
        ("203.0.113.0/24", None, _ADDRESS, True),
        ("203.0.113.0/24", "203.0.113.7/32", _ADDRESS, True),
        ("198.51.100.0/24", "203.0.113.7/32", _ADDRESS, False),
        ("203.0.113.0/24", "198.51.100.0/24", _ADDRESS, False),
    ],
)
def test_networks_of_tenant_and_token_both_bind(
    tenant_networks: str | None, token_networks: str | None, address: str, is_allowed: bool
) -> None:
    permission = read_catalogue(None).permissions[0]
    for holds in (True, False):
        terms_of_it = Terms(
            "tenant", None, "token", None, holds,
            tenant_networks=tenant_networks, token_networks=token_networks,
        )  # fmt: skip
        decided = decide(terms_of_it, permission, address)
        within = None if holds else RefusalReason.NOT_GRANTED
        # Outside the networks, an answer does not tell which permissions the token holds.
        assert decided is (within if is_allowed else RefusalReason.ADDRESS_NOT_ALLOWED)
