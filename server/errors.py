"""Every refusal, on one page: its reason and its message.

The surfaces map a refusal to HTTP or GraphQL. `message` is for the caller; `detail` is for the log
alone.
"""

from typing import ClassVar

from models import Admin, Token


class Refusal(Exception):
    """An operation is not performed. The base class of all refusals."""

    code: ClassVar[str]

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class Unauthenticated(Refusal):
    """The request has no session, or one that has ended."""

    code = "UNAUTHENTICATED"

    def __init__(self, *, detail: str = "") -> None:
        super().__init__("Sign in to continue.", detail=detail)


class Forbidden(Refusal):
    """The caller's role does not allow it."""

    code = "FORBIDDEN"

    def __init__(self, *, detail: str = "") -> None:
        super().__init__("Your role does not allow this.", detail=detail)


class CrossSite(Refusal):
    """A browser sent the request on behalf of another site (OWASP: CSRF)."""

    code = "CROSS_SITE"

    def __init__(self) -> None:
        super().__init__("Requests from other sites are refused.")


class WrongPassword(Refusal):
    """Tenant, e-mail or password is wrong. The answer never tells which."""

    code = "WRONG_PASSWORD"

    def __init__(self, message: str = "Tenant, e-mail address or password is wrong.") -> None:
        super().__init__(message)


class TenantSuspended(Refusal):
    """The operator has suspended the tenant. Only people who have proved who they are learn it."""

    code = "TENANT_SUSPENDED"

    def __init__(self) -> None:
        super().__init__("Your organisation is suspended. Ask the operator of this service.")


class DeletionUnderWay(Refusal):
    """The tenant is being deleted: some of its rows may be gone."""

    code = "DELETION_UNDER_WAY"

    def __init__(self) -> None:
        super().__init__("The tenant is being deleted, and cannot be resumed.")


class NotSuspended(Refusal):
    """The tenant is not suspended, or was resumed meanwhile."""

    code = "NOT_SUSPENDED"

    def __init__(self) -> None:
        super().__init__("The tenant was resumed meanwhile. Nothing was deleted.")


class TooManyAttempts(Refusal):
    """Too many recent failed attempts. `retry_after_seconds` is at least 1."""

    code = "TOO_MANY_ATTEMPTS"

    def __init__(self, retry_after_seconds: int) -> None:
        seconds = "1 second" if retry_after_seconds == 1 else f"{retry_after_seconds} seconds"
        super().__init__(f"Too many failed attempts. Try again in {seconds}.")
        self.retry_after_seconds = retry_after_seconds


class Busy(Refusal):
    """Too much slow work is queued. `retry_after_seconds` is at least 1."""

    code = "BUSY"

    def __init__(self) -> None:
        self.retry_after_seconds = 1
        super().__init__("The server is busy. Try again in a second.")


class TooManyRequests(Refusal):
    """The person, or their tenant, has too many requests under way."""

    code = "TOO_MANY_REQUESTS"
    retry_after_seconds: ClassVar[int] = 1

    def __init__(self) -> None:
        super().__init__("Too many requests at once. Wait until earlier ones are answered.")


class RateLimited(Refusal):
    """An address has sent as many requests as are taken from it. `retry_after_seconds` >= 1."""

    code = "RATE_LIMITED"

    def __init__(self, limit: int, retry_after_seconds: int) -> None:
        super().__init__(f"At most {limit} requests an hour are taken from one address.")
        self.retry_after_seconds = retry_after_seconds


class BadCursor(Refusal):
    """A cursor that this connection did not give out."""

    code = "BAD_CURSOR"

    def __init__(self, argument: str) -> None:
        super().__init__(f"`{argument}` is not a cursor of this connection.")


class BadPage(Refusal):
    """`first` or `last` out of range, or both directions at once."""

    code = "BAD_PAGE"


class BadSearch(Refusal):
    """A search text that is too long, or that no token can hold."""

    code = "BAD_SEARCH"


class SearchTooBroad(Refusal):
    """A search, or a filter, that would examine more tokens than one request may."""

    code = "SEARCH_TOO_BROAD"

    def __init__(
        self, message: str = "Too many tokens are similar to this search text. Enter a longer one."
    ) -> None:
        super().__init__(message)


class QueryTooComplex(Refusal):
    """A query that would fetch more than one request may."""

    code = "QUERY_TOO_COMPLEX"


class InvalidInput(Refusal):
    """A value that a person at a form can correct. `field` is its name in the input."""

    code = "INVALID_INPUT"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class NotFound(Refusal):
    """Not found in this tenant. Another tenant's row and a missing one get the same answer."""

    code = "NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("Not found.")


class RevisionConflict(Refusal):
    """The token was changed after the caller last read it. `token` is its new state."""

    code = "REVISION_CONFLICT"

    def __init__(self, token: Token) -> None:
        super().__init__("This token was changed after you loaded it.")
        self.token = token


class CountChanged(Refusal):
    """Another number of tokens than expected meets the filter. `count` is their number by now."""

    code = "COUNT_CHANGED"

    def __init__(self, count: int) -> None:
        super().__init__("Another number of tokens meets this filter by now.")
        self.count = count


class TokenPolicyConflict(Refusal):
    """The token policy, or a token that it concerns, was changed after the preview."""

    code = "TOKEN_POLICY_CONFLICT"

    def __init__(self) -> None:
        super().__init__(
            "The token policy or a token that it concerns has changed since the preview. Look at"
            " the preview again."
        )


class RemovalPlanConflict(Refusal):
    """`admin` owns other tokens than when the plan of their removal was read."""

    code = "REMOVAL_PLAN_CONFLICT"

    def __init__(self, admin: Admin) -> None:
        super().__init__(
            "This admin owns other tokens by now. Look at the plan again, and choose for each."
        )
        self.admin = admin


class SecretAlreadyShown(Refusal):
    """The idempotency key has created or rotated `token` before; its secret was shown then."""

    code = "SECRET_ALREADY_SHOWN"

    def __init__(self, token: Token) -> None:
        super().__init__("This request was carried out before. Its secret cannot be shown again.")
        self.token = token


class TrialUnderWay(Refusal):
    """A trial of `token` is under way."""

    code = "TRIAL_UNDER_WAY"

    def __init__(self, token: Token) -> None:
        super().__init__("A trial of this token is under way. Enforce or drop it first.")
        self.token = token


class RotationUnderWay(Refusal):
    """Another rotation of `token` has not ended yet."""

    code = "ROTATION_UNDER_WAY"

    def __init__(self, token: Token) -> None:
        super().__init__("A rotation of this token is under way. End it, or wait for its end.")
        self.token = token


class RotationNotAllowed(Refusal):
    """The holder of a token rotates it, and no admin has allowed that."""

    code = "ROTATION_NOT_ALLOWED"

    def __init__(self) -> None:
        super().__init__("The holder of this token may not rotate it. Ask an admin to allow it.")


class TooManyAccessRequests(Refusal):
    """A token's holder has asked for as many permissions as it may within a day."""

    code = "TOO_MANY_ACCESS_REQUESTS"

    def __init__(self, limit: int, retry_after_seconds: int) -> None:
        super().__init__(f"The holder of a token may ask for {limit} permissions a day.")
        self.retry_after_seconds = retry_after_seconds


class LastOwner(Refusal):
    """The change would leave the tenant without an owner."""

    code = "LAST_OWNER"

    def __init__(self) -> None:
        super().__init__("A tenant needs an owner. Transfer the ownership first.")


class OwnAccount(Refusal):
    """Admins cannot remove themselves."""

    code = "OWN_ACCOUNT"

    def __init__(self) -> None:
        super().__init__("You cannot remove yourself.")


class Misconfigured(Exception):
    """The settings or the database cannot be used; the message names the setting to change."""
