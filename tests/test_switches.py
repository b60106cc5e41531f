"""Every switch of a token works at `/authorize`, through a real gateway, and at `/introspect`.

The switches are read from the schema: one without a row in the tables below fails. A row sets the
switch through GraphQL, on a running server, and asks both surfaces in each of its positions.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from graphql import build_schema

from tests.support.blank_databases import BlankDatabases
from tests.support.process import ROOT
from tests.support.switches import (
    ACTIVE,
    ALLOWED,
    HELD,
    INACTIVE,
    OTHER,
    Place,
    place,
    soon,
    switches,
)

# Of the tenant itself: the schema does not tell them from its other fields.
OF_THE_TENANT = {"Tenant.requestsPerHour"}
_READ_BY_PEOPLE = "People read it; no decision does."
_ENDS_IN_DAYS = "Gives tokens an expiry, in days: the row of `Token.expiresAt` lets one pass."
_WRITTEN_BY_CHECKS = "Checks write it; no decision reads it."
# Switches that neither surface shows, with the reason.
WITHOUT_EFFECT = {
    "Token.name": _READ_BY_PEOPLE,
    "Token.description": _READ_BY_PEOPLE,
    "Token.hint": _READ_BY_PEOPLE,
    "Token.createdBy": "The owner's removal ends a token, not its creator's.",
    "Token.revision": "A condition of changes.",
    "Token.permissionCount": "The number of `Token.permissions`.",
    "Token.holderMayRotate": "Decides at `/token/rotate` alone.",
    "Token.activity": "The trail of changes, which each have a row.",
    "Token.lastUsedAt": _WRITTEN_BY_CHECKS,
    "Token.lastUsedFrom": _WRITTEN_BY_CHECKS,
    "Token.lastUsedUserAgent": _WRITTEN_BY_CHECKS,
    "Token.usage": _WRITTEN_BY_CHECKS,
    "Token.usageByDay": _WRITTEN_BY_CHECKS,
    "Token.recentRefusals": _WRITTEN_BY_CHECKS,
    "Token.rightSize": "Compares the permissions with what checks wrote.",
    "Rotation.startedAt": _READ_BY_PEOPLE,
    "Rotation.startedBy": _READ_BY_PEOPLE,
    "Rotation.newHint": _READ_BY_PEOPLE,
    "Rotation.oldHint": _READ_BY_PEOPLE,
    "Rotation.oldSecretUses": _WRITTEN_BY_CHECKS,
    "Trial.startedAt": _READ_BY_PEOPLE,
    "Trial.startedBy": _READ_BY_PEOPLE,
    "Trial.until": "A trial decides nothing, and its end neither.",
    "startTrial.days": "A trial decides nothing, and its end neither.",
    "Trial.wouldHaveDenied": _WRITTEN_BY_CHECKS,
    "Trial.byPermission": _WRITTEN_BY_CHECKS,
    "TokenPolicy.pauseUnusedAfterDays": "A job pauses by it: see `Token.pausedAt`.",
    "TokenPolicy.pausesFrom": "A job pauses by it: see `Token.pausedAt`.",
    "TokenPolicy.effectiveFrom": "A job sets expiries by it: see `Token.expiresAt`.",
    "TokenPolicy.isApplied": "Whether the job has done so.",
    "TokenPolicy.revision": "A condition of changes.",
    "TokenPolicy.setAt": _READ_BY_PEOPLE,
    "TokenPolicy.setBy": _READ_BY_PEOPLE,
    "setTokenPolicy.effectiveFrom": "A job sets expiries by it: see `Token.expiresAt`.",
    "setTokenPolicy.ifVersion": "A condition of the change.",
    "Token.recipe": _READ_BY_PEOPLE,
    "createToken.recipe": _READ_BY_PEOPLE,
    "setPermissions.recipe": _READ_BY_PEOPLE,
    "editPermissions.recipe": _READ_BY_PEOPLE,
    "createToken.name": _READ_BY_PEOPLE,
    "createToken.description": _READ_BY_PEOPLE,
    "createToken.idempotencyKey": "A second request makes no token: there is nothing to ask.",
    "setHolderMayRotate.holderMayRotate": "Decides at `/token/rotate` alone.",
    "createToken.holderMayRotate": "Decides at `/token/rotate` alone.",
    "Token.accessRequests": "What is asked for; a grant is the row of `Token.permissions`.",
    "renameToken.name": _READ_BY_PEOPLE,
    "describeToken.description": _READ_BY_PEOPLE,
    "revokeToken.reason": "Told to people: a token is revoked, for any reason.",
    "revokeTokens.reason": "Told to people: a token is revoked, for any reason.",
    "revokeTokens.expectedCount": "Another number revokes none, and is a problem.",
    "removeAdmin.adminId": "The row of `Token.owner` removes admins.",
    "removeAdmin.ifVersion": "A condition of the change.",
}


class Row(NamedTuple):
    """Switches, and their proofs; the reason why one surface does not tell them apart."""

    proves: tuple[str, ...]
    run: Callable[[Place], None]
    not_at_introspection: str = ""
    not_at_gateway: str = ""


ROWS: list[Row] = []


def row(
    *proves: str, not_at_introspection: str = "", not_at_gateway: str = ""
) -> Callable[[Callable[[Place], None]], None]:
    """Put a function into the table."""
    return lambda run: ROWS.append(Row(proves, run, not_at_introspection, not_at_gateway))


@row("Token.pausedAt", "Token.state", "pauseToken", "resumeToken")
def pause(at: Place) -> None:
    holder = at.holder()
    holder.sees(ALLOWED, ACTIVE)
    holder.change("pauseToken")
    holder.sees("TOKEN_PAUSED", INACTIVE, "PAUSED")
    holder.change("resumeToken")
    holder.sees(ALLOWED, ACTIVE)


@row("Token.expiresAt", "createToken.expiresAt", "setTokenExpiry.expiresAt")
def expiry(at: Place) -> None:
    end = soon()
    holder = at.holder(expiresAt=end)
    told = holder.answer().json()["headers"]["x-tessera-token-expires-at"]
    assert told == end.replace("+00:00", "Z")
    assert holder.description()["exp"] == int(datetime.fromisoformat(end).timestamp())
    holder.sees(ALLOWED, ACTIVE)
    holder.wait_for("TOKEN_EXPIRED")
    holder.sees("TOKEN_EXPIRED", INACTIVE, "EXPIRED")
    holder.change("setTokenExpiry", expiresAt=soon(3600))
    holder.sees(ALLOWED, ACTIVE)
    holder.change("setTokenExpiry", expiresAt=soon(1.5))
    holder.wait_for("TOKEN_EXPIRED")
    holder.change("setTokenExpiry", expiresAt=None)
    holder.sees(ALLOWED, ACTIVE)
    assert "x-tessera-token-expires-at" not in holder.answer().json()["headers"]
    assert "exp" not in holder.description()


@row(
    "Token.followedCategories",
    "createToken.followCategories",
    "setPermissions.followCategories",
    "editPermissions.follow",
    "editPermissions.unfollow",
    not_at_introspection="It is not told the request: it lists the permissions.",
)
def followed_categories(at: Place) -> None:
    """The permissions granted at once; those of later versions: `test_catalogue_versions`."""
    category = ["Device Information"]
    holder = at.holder(permissions=[])
    holder.sees("INSUFFICIENT_SCOPE", ACTIVE)
    holder.change("editPermissions", follow=category)
    holder.sees(ALLOWED, ACTIVE)
    holder.change("editPermissions", unfollow=category)
    assert holder.token("followedCategories") == {"followedCategories": []}
    holder.sees(ALLOWED, ACTIVE)
    holder.change("setPermissions", permissions=[], followCategories=[])
    holder.sees("INSUFFICIENT_SCOPE", ACTIVE)
    holder.change("setPermissions", permissions=[], followCategories=category)
    holder.sees(ALLOWED, ACTIVE)
    at.holder(permissions=[], followCategories=category).sees(ALLOWED, ACTIVE)


@row(
    "Token.networks",
    "createToken.networks",
    "setTokenNetworks.networks",
    not_at_introspection="It is not told the address of the request.",
)
def networks(at: Place) -> None:
    holder = at.holder(networks=["192.0.2.0/24"])
    holder.sees("ADDRESS_NOT_ALLOWED", ACTIVE)
    holder.change("setTokenNetworks", networks=["127.0.0.0/8"])
    holder.sees(ALLOWED, ACTIVE)
    holder.change("setTokenNetworks", networks=["127.0.0.2/32"])
    holder.sees("ADDRESS_NOT_ALLOWED", ACTIVE)


@row(
    "TokenPolicy.networks",
    "setTokenPolicy.policy",
    not_at_introspection="It is not told the address of the request.",
)
def networks_of_the_tenant(at: Place) -> None:
    holder = at.holder("policy", networks=["127.0.0.0/8"])
    for networks, seen in ((["192.0.2.0/24"], "ADDRESS_NOT_ALLOWED"), ([], ALLOWED)):
        holder.mutate("setTokenPolicy", policy={"networks": networks})
        holder.sees(seen, ACTIVE)


@row(
    "TokenPolicy.defaultLifetimeDays",
    "TokenPolicy.maximumLifetimeDays",
    not_at_gateway=_ENDS_IN_DAYS,
    not_at_introspection=_ENDS_IN_DAYS,
)
def lifetimes(at: Place) -> None:
    owner = at.holder("policy")
    for policy, days in (
        ({"maximumLifetimeDays": 9}, 9),
        ({"maximumLifetimeDays": 9, "defaultLifetimeDays": 2}, 2),
        ({}, None),
    ):
        owner.mutate("setTokenPolicy", policy=policy)
        told = at.holder("policy").answer().json()["headers"].get("x-tessera-token-expires-at")
        left = told and datetime.fromisoformat(told) - datetime.now(UTC)
        assert (left and round(left / timedelta(days=1), 2)) == days


@row(
    "Token.requestsPerHour",
    "createToken.requestsPerHour",
    "setTokenRateLimit.requestsPerHour",
    not_at_introspection="It counts no requests.",
)
def limit(at: Place) -> None:
    holder = at.holder(requestsPerHour=1)
    holder.sees(ALLOWED, ACTIVE)
    holder.sees("RATE_LIMITED", ACTIVE)
    holder.change("setTokenRateLimit", requestsPerHour=None)
    holder.sees(ALLOWED, ACTIVE)
    assert (holder.answer().header("ratelimit-policy") or "").startswith('"hour"')
    holder.change("setTokenRateLimit", requestsPerHour=1)
    holder.sees("RATE_LIMITED", ACTIVE)


@row("Tenant.requestsPerHour", not_at_introspection="It counts no requests.")
def limit_of_the_tenant(at: Place) -> None:
    at.holder("requestsPerHour").sees(ALLOWED, ACTIVE)
    at.holder("requestsPerHour").sees("RATE_LIMITED", ACTIVE)


@row(
    "Token.permissions",
    "createToken.permissions",
    "setPermissions.permissions",
    "editPermissions.grant",
    "editPermissions.withdraw",
    not_at_introspection="It is not told the request: it lists the permissions.",
)
def permissions(at: Place) -> None:
    holder = at.holder(permissions=[OTHER])
    holder.sees("INSUFFICIENT_SCOPE", ACTIVE)
    assert holder.description()["permissions"] == [OTHER]
    for name, given, held in (
        ("setPermissions", {"permissions": [HELD]}, [HELD]),
        ("editPermissions", {"withdraw": [HELD]}, []),
        ("editPermissions", {"grant": [HELD]}, [HELD]),
    ):
        holder.change(name, **given)
        holder.sees(ALLOWED if held else "INSUFFICIENT_SCOPE", ACTIVE)
        assert holder.description()["permissions"] == held


@row(
    "Token.trial",
    "Trial.permissions",
    "Trial.withheld",
    "startTrial.permissions",
    "enforceTrial",
    "dropTrial",
    not_at_introspection="It is not told the request: it lists the permissions.",
)
def trial(at: Place) -> None:
    holder = at.holder(permissions=[HELD, OTHER])
    shown = "trial { permissions { key } withheld { key } }"
    for name, wire, held in (
        ("dropTrial", ALLOWED, [OTHER, HELD]),
        ("enforceTrial", "INSUFFICIENT_SCOPE", [OTHER]),
    ):
        holder.change("startTrial", permissions=[OTHER])
        # A trial decides nothing.
        holder.sees(ALLOWED, ACTIVE)
        assert sorted(holder.description()["permissions"]) == [OTHER, HELD]
        assert holder.token(shown)["trial"] == {
            "permissions": [{"key": OTHER}], "withheld": [{"key": HELD}]
        }  # fmt: skip
        holder.change(name)
        holder.sees(wire, ACTIVE)
        assert sorted(holder.description()["permissions"]) == held
        assert holder.token(shown)["trial"] is None


@row("Token.revokedAt", "revokeTokens.filter")
def revocation(at: Place) -> None:
    one, others = at.holder(), [at.holder(name="bulk") for _ in range(2)]
    one.sees(ALLOWED, ACTIVE)
    one.change("revokeToken")
    one.sees("TOKEN_REVOKED", INACTIVE, "REVOKED")
    for other in others:
        other.sees(ALLOWED, ACTIVE)
    one.mutate("revokeTokens", filter={"search": "bulk"}, expectedCount=2)
    for other in others:
        other.sees("TOKEN_REVOKED", INACTIVE, "REVOKED")


@row(
    "Token.owner",
    "Token.isOwnedByOrganisation",
    "createToken.isOwnedByOrganisation",
    "transferToken.toAdminId",
    "removeAdmin.plan",
    "removeAdmin.others",
)
def owner(at: Place) -> None:
    kept, freed, goes, moves, chosen = (
        at.holder(isOwnedByOrganisation=is_ours) for is_ours in (True, False, True, False, False)
    )
    first, second = at.leavers
    freed.change("transferToken", toAdminId=first.id)
    for one in (goes, moves, chosen):
        one.change("transferToken", toAdminId=first.id)
    freed.change("transferToken", toAdminId=None)
    moves.change("transferToken", toAdminId=second.id)
    to_second = {"tokenId": chosen.id, "action": "TRANSFER", "toAdminId": second.id}
    kept.mutate("removeAdmin", adminId=first.id, plan=[to_second], others={"action": "REVOKE"})
    goes.sees("TOKEN_REVOKED", INACTIVE, "REVOKED")
    for one in (kept, freed, moves, chosen):
        one.sees(ALLOWED, ACTIVE)
    of_chosen = {"tokenId": chosen.id, "action": "REVOKE"}
    kept.mutate("removeAdmin", adminId=second.id, plan=[of_chosen], others={"action": "TRANSFER"})
    chosen.sees("TOKEN_REVOKED", INACTIVE, "REVOKED")
    for one in (kept, freed, moves):
        one.sees(ALLOWED, ACTIVE)


@row(
    "Token.rotation",
    "Rotation.state",
    "Rotation.pickedUpAt",
    "Rotation.pickedUpFrom",
    "Rotation.oldSecretEndsAt",
    "rotateToken.drainSeconds",
)
def rotation(at: Place) -> None:
    holder = at.holder()
    new = holder.rotate(drainSeconds=4)
    holder.sees(ALLOWED, ACTIVE)
    # Introspection is no use of the new secret.
    assert holder.introspected(new) == ACTIVE
    shown = "rotation { state pickedUpAt pickedUpFrom oldSecretEndsAt }"
    assert holder.token(shown)["rotation"] == {
        "state": "PENDING", "pickedUpAt": None, "pickedUpFrom": None, "oldSecretEndsAt": None
    }  # fmt: skip
    holder.sees(ALLOWED, ACTIVE, secret=new)
    while (picked_up := holder.token(shown)["rotation"])["state"] == "PENDING":
        time.sleep(0.02)
    assert (picked_up["state"], picked_up["pickedUpFrom"]) == ("DRAINING", "127.0.0.1")
    assert picked_up["oldSecretEndsAt"] > picked_up["pickedUpAt"]
    holder.sees(ALLOWED, ACTIVE)
    holder.wait_for("SECRET_RETIRED")
    holder.sees("SECRET_RETIRED", INACTIVE)
    holder.sees(ALLOWED, ACTIVE, secret=new)
    assert holder.token(shown)["rotation"] is None


@row("Rotation.latestBy", "rotateToken.latestBy")
def latest_by(at: Place) -> None:
    holder = at.holder()
    new = holder.rotate(latestBy=soon())
    holder.sees(ALLOWED, ACTIVE)
    holder.wait_for("SECRET_RETIRED")
    holder.sees("SECRET_RETIRED", INACTIVE)
    holder.sees(ALLOWED, ACTIVE, secret=new)


@row("rotateToken.compromised", "rotateToken.idempotencyKey", "rotateToken.replace")
def rotation_again(at: Place) -> None:
    holder = at.holder()
    lost = holder.rotate(idempotencyKey="k")
    second = holder.rotate(idempotencyKey="k")
    third = holder.rotate(idempotencyKey="another", replace=True)
    holder.sees(ALLOWED, ACTIVE)
    for dead in (lost, second):
        holder.sees("SECRET_RETIRED", INACTIVE, secret=dead)
    newest = holder.rotate(compromised=True)
    for dead in (holder.secret, third):
        holder.sees("SECRET_RETIRED", INACTIVE, secret=dead)
    holder.sees(ALLOWED, ACTIVE, secret=newest)


@row("endRotation.keep")
def end_of_a_rotation(at: Place) -> None:
    holder = at.holder()
    cancelled = holder.rotate()
    holder.change("endRotation", keep="OLD")
    holder.sees("SECRET_RETIRED", INACTIVE, secret=cancelled)
    holder.sees(ALLOWED, ACTIVE)
    kept = holder.rotate()
    holder.change("endRotation", keep="NEW")
    holder.sees("SECRET_RETIRED", INACTIVE)
    holder.sees(ALLOWED, ACTIVE, secret=kept)


@row(
    "Token.id",
    "Token.createdAt",
    not_at_gateway="It tells the API who calls, and decides by neither.",
    not_at_introspection="It tells the API who calls, and decides by neither.",
)
def identity(at: Place) -> None:
    holder = at.holder()
    headers, described = holder.answer().json()["headers"], holder.description()
    assert described["sub"] == holder.id
    assert headers["x-tessera-token"] == holder.id
    created = datetime.fromisoformat(holder.token("createdAt")["createdAt"])
    assert described["iat"] == int(created.timestamp())


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def somewhere(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("switches")
    if request.param == "sqlite":
        file = shutil.copy(request.getfixturevalue("migrated_file"), folder / "tessera.db")
        with place(folder, f"sqlite://{file}") as running:
            yield running
        return
    databases: BlankDatabases = request.getfixturevalue("blank_databases")
    url = databases.take()
    with place(folder, url) as running:
        yield running
    databases.give_back(url)


@pytest.mark.parametrize("one", ROWS, ids=lambda one: one.run.__name__)
def test_switch_works_on_both_surfaces(somewhere: Place, one: Row) -> None:
    somewhere.at_gateway.clear()
    somewhere.at_introspection.clear()
    one.run(somewhere)
    # It was asked about, in two positions at least.
    assert len(somewhere.at_gateway) > 1 or one.not_at_gateway
    assert len(somewhere.at_introspection) > 1 or one.not_at_introspection


def without_a_row(more: str = "") -> set[str]:
    """The switches of the schema, and of `more` of it, that no row names."""
    schema = build_schema((ROOT / "schema.graphql").read_text() + more)
    named = [name for one in ROWS for name in one.proves] + [*WITHOUT_EFFECT]
    assert len(named) == len(set(named))
    assert set(named) - switches(schema) == OF_THE_TENANT
    return switches(schema) - set(named)


def test_every_switch_of_the_schema_has_a_row() -> None:
    assert without_a_row() == set()


def test_new_switch_without_a_row_is_found() -> None:
    new = """
        extend type Token { frozen: Boolean! }
        extend input SetTokenNetworksInput { until: DateTime }
        extend type Mutation { thaw(input: ThawInput!): PauseTokenResult! }
        input ThawInput { tokenId: ID! }
        type ThawPayload { token: Token! }
    """
    found = {"Token.frozen", "setTokenNetworks.until", "thaw"}
    assert without_a_row(new) == found
