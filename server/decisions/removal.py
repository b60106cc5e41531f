"""The tokens of an admin who is removed: the plan's decision on each, and carrying it out.

The plan's version shows whether the tokens are those that the admin has seen. Reading a plan for
people is up to `server.operations.removal`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from hashlib import blake2b
from typing import Any
from uuid import UUID

from tortoise.expressions import F

import models
from models import ActivityKind, RevocationReason
from server.access.activity import record_all
from server.access.principal import Principal
from server.decisions import revoking
from server.errors import InvalidInput, RemovalPlanConflict

MAX_CHOICES = 1000
_AT_ONCE, _IDS_AT_ONCE = 500, 10_000


class RemovalAction(Enum):
    """The effect on a token whose owner is removed."""

    REVOKE = "REVOKE"
    TRANSFER = "TRANSFER"


@dataclass(frozen=True, slots=True)
class Choice:
    """Revoke, or transfer to an admin; to the organisation where `to_admin_id` is None."""

    action: RemovalAction = RemovalAction.REVOKE
    to_admin_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Choices:
    """A choice for some tokens by id, and one for all others. By default, all are revoked."""

    of_tokens: Mapping[UUID, Choice] = field(default_factory=dict)
    others: Choice = Choice()

    @property
    def recipients(self) -> set[UUID]:
        """The admins who get tokens."""
        made = (*self.of_tokens.values(), self.others)
        return {choice.to_admin_id for choice in made if choice.to_admin_id is not None}

    def check(self, admin_id: UUID) -> None:
        """Raises `InvalidInput` for choices that cannot be carried out when `admin_id` leaves."""
        if len(self.of_tokens) > MAX_CHOICES:
            message = f"Choose for at most {MAX_CHOICES:,} tokens, and for all others at once."
            raise InvalidInput("plan", message)
        for name, made in (("others", [self.others]), ("plan", list(self.of_tokens.values()))):
            if any(one.to_admin_id and one.action is RemovalAction.REVOKE for one in made):
                raise InvalidInput(name, "Give `toAdminId` with TRANSFER alone.")
            if any(one.to_admin_id == admin_id for one in made):
                raise InvalidInput(name, "Transfer to somebody who stays.")


@dataclass(frozen=True, slots=True)
class Disposed:
    """How many tokens were revoked, and how many transferred."""

    revoked: int
    transferred: int


def version_of(admin_id: UUID, token_ids: Sequence[UUID]) -> str:
    """A text that changes with each token that the admin gets or loses. `token_ids` are sorted."""
    written = blake2b(admin_id.bytes, digest_size=16)
    for token_id in token_ids:
        written.update(token_id.bytes)
    return written.hexdigest()


async def owned_ids(tenant_id: UUID, admin_id: UUID) -> list[UUID]:
    """The ids of the live tokens that the admin owns, sorted."""
    live = models.Token.filter(tenant_id=tenant_id, owner_id=admin_id, **models.LIVE)
    found: list[UUID] = []
    portion = live
    while True:
        rows = await portion.order_by("id").limit(_IDS_AT_ONCE).values_list("id")
        found += [token_id for (token_id,) in rows]
        if len(rows) < _IDS_AT_ONCE:
            return found
        portion = live.filter(id__gt=found[-1])


async def dispose(
    principal: Principal, admin: models.Admin, choices: Choices, if_version: str | None
) -> Disposed:
    """Revoke and transfer all live tokens of the locked admin, as chosen.

    The caller has locked the recipients too. Raises `RemovalPlanConflict` where the tokens are not
    those of the version, or `InvalidInput` for a choice of a token that is not the admin's.
    """
    tokens = await _locked_tokens(admin)
    ids = [token.id for token in tokens]
    version = version_of(admin.id, ids)
    if if_version not in (None, version):
        raise RemovalPlanConflict(admin)
    if set(choices.of_tokens) - set(ids):
        raise InvalidInput("plan", "The plan names a token that this admin does not own.")
    by_choice: dict[Choice, list[models.Token]] = {}
    for token in tokens:
        choice = choices.of_tokens.get(token.id, choices.others)
        by_choice.setdefault(choice, []).append(token)
    for choice, chosen in by_choice.items():
        for portion in _portions(chosen):
            await _carry_out(principal, admin, choice, portion)
    revoked = [len(of) for one, of in by_choice.items() if one.action is RemovalAction.REVOKE]
    return Disposed(sum(revoked), len(tokens) - sum(revoked))


async def _locked_tokens(admin: models.Admin) -> list[models.Token]:
    """All live tokens of the locked admin, sorted by id and locked, in portions.

    None is new meanwhile: to create a token, or to transfer one to an admin, locks the admin's row.
    A token that another transaction transfers or revokes at this moment is missing afterwards.
    """
    live = models.Token.filter(tenant_id=admin.tenant_id, owner_id=admin.id, **models.LIVE)
    found: list[models.Token] = []
    portion = live
    while rows := await portion.order_by("id").limit(_AT_ONCE).select_for_update():
        found += rows
        portion = live.filter(id__gt=found[-1].id)
    return found


def _portions(tokens: Sequence[models.Token]) -> Iterator[Sequence[models.Token]]:
    """Each is small enough for the time that a statement has."""
    for start in range(0, len(tokens), _AT_ONCE):
        yield tokens[start : start + _AT_ONCE]


async def _carry_out(
    principal: Principal, admin: models.Admin, choice: Choice, tokens: Sequence[models.Token]
) -> None:
    if choice.action is RemovalAction.REVOKE:
        reason = RevocationReason.CREATOR_REMOVED.value
        await revoking.revoke(admin.tenant_id, tokens)
        await record_all(principal, ActivityKind.REVOKED, tokens, reason=reason)
        return
    rows = models.Token.filter(tenant_id=admin.tenant_id, id__in=[token.id for token in tokens])
    await rows.update(owner_id=choice.to_admin_id, revision=F("revision") + 1)
    owner = None if choice.to_admin_id is None else str(choice.to_admin_id)
    details: dict[str, Any] = {"previousOwner": str(admin.id), "owner": owner}
    await record_all(principal, ActivityKind.TRANSFERRED, tokens, **details)
