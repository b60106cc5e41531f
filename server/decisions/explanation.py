"""Explains a decision step by step. Pure: it asks `decide`, and counts and logs nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from models import RefusalReason
from server.catalogue import Near, Permission
from server.decisions.codes import CODES, DecisionCode, status_of
from server.decisions.decide import Wanted, decide, denial_of_secret
from server.decisions.limits import Left, Peeked
from server.decisions.lookup_token import SecretsOf
from server.decisions.terms import Terms


class StepKind(Enum):
    """The subject of a step of a decision, in the order of the decision."""

    HOST = "HOST"
    SECRET = "SECRET"
    OLD_SECRET = "OLD_SECRET"
    TENANT_NETWORKS = "TENANT_NETWORKS"
    TOKEN_NETWORKS = "TOKEN_NETWORKS"
    TARGET = "TARGET"
    OPERATION = "OPERATION"
    PERMISSION = "PERMISSION"
    TENANT_LIMIT = "TENANT_LIMIT"
    TOKEN_LIMIT = "TOKEN_LIMIT"


class StepOutcome(Enum):
    """Whether a step lets the request go on."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    NOT_REACHED = "NOT_REACHED"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a decision, with its sentence."""

    kind: StepKind
    outcome: StepOutcome
    sentence: str
    code: DecisionCode | None = None
    permission: Permission | None = None
    near: tuple[Near, ...] = ()
    networks: tuple[str, ...] = ()
    limit: Left | None = None
    reset_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision on a request: its code, None where it is allowed, and its steps."""

    code: DecisionCode | None
    steps: tuple[Step, ...]

    @property
    def status(self) -> int:
        """The HTTP status that the client gets."""
        return status_of(self.code)


@dataclass(frozen=True, slots=True)
class Asked:
    """The data that a decision reads, and further data that the steps show.

    api_host: of the tenant's API. has_host, is_own_host: whether the request names a host, and
    whether it is that one. are_counted_here: whether the counts of the limits can be read here.
    """

    api_host: str
    has_host: bool
    is_own_host: bool
    secrets: SecretsOf
    wanted: Wanted
    address: str
    near: tuple[Near, ...] = ()
    are_counted_here: bool = True

    @property
    def denial(self) -> RefusalReason | None:
        """Why the request is denied before the limits; None if not. The host is another matter."""
        return decide(self.secrets.current, self.wanted, self.address)


_NOT_REACHED = "Not checked, as an earlier step denies the request."
_SECRETS = {
    RefusalReason.REVOKED: "The token was revoked.",
    RefusalReason.EXPIRED: "The token has expired. A later expiry revives it.",
    RefusalReason.PAUSED: "The token is paused. Resume it to accept it again.",
    RefusalReason.SECRET_RETIRED: "Another secret of the token has taken the place of this one.",
    RefusalReason.TENANT_SUSPENDED: "The operator has suspended the organisation.",
}


def explained(asked: Asked, left: Peeked | None) -> Explanation:
    """The decision on a request and its steps.

    left: the limits as they are now; None if they cannot be read, and then they let it pass.
    """
    steps: list[Step] = []
    is_denied = False
    for step in _steps(asked, left):
        if is_denied:
            step = Step(step.kind, StepOutcome.NOT_REACHED, _NOT_REACHED)
        elif step.outcome is StepOutcome.FAILED and step.kind is not StepKind.OLD_SECRET:
            is_denied = True
        steps.append(step)
    return Explanation(_code(asked, left), tuple(steps))


def _code(asked: Asked, left: Peeked | None) -> DecisionCode | None:
    """The decision itself; the steps only show it."""
    if not asked.is_own_host:
        return DecisionCode.INVALID_TOKEN
    if asked.denial is not None:
        return CODES[asked.denial]
    limits = (left.tenant, left.token) if left else ()
    is_reached = any(one is not None and not one.remaining for one in limits)
    return DecisionCode.RATE_LIMITED if is_reached else None


def _steps(asked: Asked, left: Peeked | None) -> Iterator[Step]:
    """Every step, as if none before it had failed."""
    yield _host(asked)
    terms = asked.secrets.current
    yield _secret(asked)
    if asked.secrets.old is not None:
        yield _old_secret(asked.secrets.old)
    yield _tenant_networks(terms, asked)
    yield _token_networks(terms, asked)
    yield _target(asked)
    yield _operation(asked)
    yield _permission(terms, asked)
    yield from _limits(asked, left)


def _step(kind: StepKind, denial: RefusalReason | None, passed: str, failed: str) -> Step:
    if denial is None:
        return Step(kind, StepOutcome.PASSED, passed)
    return Step(kind, StepOutcome.FAILED, failed, CODES[denial])


def _host(asked: Asked) -> Step:
    own = f"the host of the organisation's API, {asked.api_host}"
    if not asked.is_own_host:
        told = f"The URL does not name {own}. The token is not valid at any other host."
        return Step(StepKind.HOST, StepOutcome.FAILED, told, DecisionCode.INVALID_TOKEN)
    told = f"The URL names {own}."
    if not asked.has_host:
        told = f"The URL names no host. It is assumed to be {own}."
    return Step(StepKind.HOST, StepOutcome.PASSED, told)


def _secret(asked: Asked) -> Step:
    terms = asked.secrets.current
    denial = denial_of_secret(terms)
    which = "new secret" if asked.secrets.old is not None else "token"
    passed = f"The {which} is live: not revoked, expired or paused."
    if terms.expires_at is not None:
        passed += f" It expires at {terms.expires_at}."
    return _step(StepKind.SECRET, denial, passed, _SECRETS[denial] if denial else "")


def _old_secret(terms: Terms) -> Step:
    denial = denial_of_secret(terms)
    passed = "The token is being rotated: its old secret is live too, with the same conditions."
    failed = "The old secret is refused."
    if denial is RefusalReason.SECRET_RETIRED:
        failed = "The old secret has ended: who still sends it must change to the new one."
    return _step(StepKind.OLD_SECRET, denial, passed, failed)


def _tenant_networks(terms: Terms, asked: Asked) -> Step:
    denial = _by_networks(terms._replace(token_networks=None), asked.address)
    networks = _split(terms.tenant_networks)
    passed = "The address is within the networks of the organisation's token policy."
    step = _step(
        StepKind.TENANT_NETWORKS,
        denial,
        passed if networks else "The organisation's token policy allows every address.",
        "The address is outside the networks of the organisation's token policy.",
    )
    return replace(step, networks=networks)


def _token_networks(terms: Terms, asked: Asked) -> Step:
    denial = _by_networks(terms._replace(tenant_networks=None), asked.address)
    networks = _split(terms.token_networks)
    passed = "The address is within the networks of the token."
    step = _step(
        StepKind.TOKEN_NETWORKS,
        denial,
        passed if networks else "The token allows every address.",
        "The address is outside the networks of the token.",
    )
    return replace(step, networks=networks)


def _by_networks(terms: Terms, address: str) -> RefusalReason | None:
    """ADDRESS_NOT_ALLOWED where these networks exclude the address, whatever the secret's state."""
    denial = decide(terms._replace(state=None), RefusalReason.NO_SUCH_OPERATION, address)
    return denial if denial is RefusalReason.ADDRESS_NOT_ALLOWED else None


def _split(joined: str | None) -> tuple[str, ...]:
    return tuple(joined.split(",")) if joined else ()


def _target(asked: Asked) -> Step:
    reason = RefusalReason.TARGET_NOT_CANONICAL
    return _step(
        StepKind.TARGET,
        reason if asked.wanted is reason else None,
        "The path is in canonical form.",
        "The path is not in canonical form: backends could read it in several ways. Send it without"
        " `..`, `//`, `;`, `#`, spaces and escapes of these.",
    )


def _operation(asked: Asked) -> Step:
    reason, wanted = RefusalReason.NO_SUCH_OPERATION, asked.wanted
    found = wanted if isinstance(wanted, Permission) else None
    step = _step(
        StepKind.OPERATION,
        reason if wanted is reason else None,
        f"The request is for the operation {found.key}." if found else "",
        "The API has no operation with this method and path."
        + (" There are operations near it." if asked.near else ""),
    )
    return replace(step, permission=found, near=asked.near)


def _permission(terms: Terms, asked: Asked) -> Step:
    found = asked.wanted if isinstance(asked.wanted, Permission) else None
    key = found.key if found else ""
    step = _step(
        StepKind.PERMISSION,
        None if terms.holds else RefusalReason.NOT_GRANTED,
        f"The token holds the permission {key}.",
        f"The token does not hold the permission {key}. Grant it to allow the request.",
    )
    return replace(step, permission=found)


def _limits(asked: Asked, left: Peeked | None) -> Iterator[Step]:
    kinds = (StepKind.TENANT_LIMIT, StepKind.TOKEN_LIMIT)
    if left is None:
        told = (
            "The store of the counts does not answer: requests pass meanwhile."
            if asked.are_counted_here
            else "Each instance counts in its own memory, which cannot be read here."
        )
        yield from (Step(kind, StepOutcome.PASSED, told) for kind in kinds)
        return
    whose = ("of the organisation", "of the token")
    for kind, who, one in zip(kinds, whose, (left.tenant, left.token), strict=True):
        if one is None:
            yield Step(kind, StepOutcome.PASSED, "The token has no limit of its own.")
            continue
        limit = f"{one.limit:,} requests an hour {who}"
        step = _step(
            kind,
            None if one.remaining else RefusalReason.RATE_LIMITED,
            f"{one.remaining:,} of {limit} are left.",
            f"The limit of {limit} is reached. The next hour begins in {left.reset_seconds} s.",
        )
        yield replace(step, limit=one, reset_seconds=left.reset_seconds)
