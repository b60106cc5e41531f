"""How long rows are kept: of every table with an instant, here and nowhere else.

Deleting the old ones is up to `retention`. `docs/operating.md` has the same list for operators.
"""

from dataclasses import dataclass
from datetime import timedelta

from server.access.attempts import FORGOTTEN_AFTER, UNDER_WAY_FOR
from server.access.visitors import KNOWN_ADDRESS
from server.settings import Settings

DAILY, HOURLY = timedelta(days=1), timedelta(hours=1)
# Events that wait are kept: there are 10,000 of a webhook at most. $4 is the tenant.
_WAITS = (
    "EXISTS (SELECT 1 FROM webhook w WHERE w.tenant_id = $4"
    " AND w.id = r.webhook_id AND w.sent_number < r.number)"
)


@dataclass(frozen=True, slots=True)
class Kind:
    """The rows of one table, which are deleted some time after the instant in a column.

    column: of a date or an instant. index: the column by which an index of the tenant has the rows
    in their order: that one, or `id`, which begins with the instant when the row was made. keep:
    the time, unless `setting`, a field of `Settings`, has the days, or None for good. every: how
    often old ones are deleted. unless: a condition in SQL of rows `r` of the tenant $4, which are
    kept.
    """

    table: str
    column: str
    index: str
    keep: timedelta = timedelta()
    setting: str = ""
    every: timedelta = DAILY
    unless: str = ""
    is_of_tenants: bool = True

    def kept_for(self, settings: Settings) -> timedelta | None:
        """How long its rows are kept; None for good."""
        if not self.setting:
            return self.keep
        # exempt names_made_at_run_time: the names are those of KINDS
        days: int | None = getattr(settings, self.setting)
        return None if days is None else timedelta(days=days)


KINDS = (
    Kind("activity", "created_at", "id", setting="keep_activity_days"),
    Kind("token_use", "day", "day", setting="keep_use_days"),
    Kind("token_refusal", "created_at", "id", setting="keep_refusal_days"),
    Kind("secret_use", "last_used_at", "id", setting="keep_secret_use_days"),
    Kind("webhook_delivery", "created_at", "created_at", setting="keep_webhook_days"),
    Kind("webhook_event", "created_at", "created_at", setting="keep_webhook_days", unless=_WAITS),
    # Long after its subject, so that none is sent twice.
    Kind("reminder", "about", "about", setting="keep_reminder_days"),
    # Waiting ones have no such instant.
    Kind("access_request", "decided_at", "decided_at", keep=timedelta(days=400)),
    # A renewed invitation tells who had made the one before.
    Kind("invitation", "expires_at", "id", keep=timedelta(days=90)),
    Kind("session", "expires_at", "expires_at", every=HOURLY),
    Kind("known_address", "signed_in_at", "signed_in_at", keep=KNOWN_ADDRESS, every=HOURLY),
    Kind(
        "attempt_counter",
        "started_at",
        "started_at",
        keep=FORGOTTEN_AFTER + UNDER_WAY_FOR,
        every=HOURLY,
    ),
    # Nothing is tried after that instant.
    Kind("mail", "expires_at", "id", keep=timedelta(days=1)),
    # Live ones have no such instant.
    Kind("gateway", "revoked_at", "id", keep=timedelta(days=400), is_of_tenants=False),
    # Longer than a batch waits to be tried again once the database answers, by far.
    Kind(
        "decision_batch",
        "written_at",
        "written_at",
        keep=timedelta(days=1),
        every=HOURLY,
        is_of_tenants=False,
    ),
)
# The other tables with instants, and until when their rows are kept. `revoked_tokens` deletes what
# was revoked 400 days ago, or as `keep_revoked_days` says.
UNTIL = {
    "activity_counter": "for good",
    "admin": "for good",
    "installation_state": "for good",
    "job_lease": "for good",
    "tenant": "for good",
    "catalogue_notice": "for good",
    "catalogue_version": "for good",
    "followed_category": "until it is unfollowed, or the token is revoked",
    "token": "until it was revoked 400 days ago and no activity of it is left",
    "token_last_use": "until the token was revoked 400 days ago",
    "token_permission": "until it is withdrawn, or the token was revoked 400 days ago",
    "token_policy": "for good",
    "token_rotation": "until the next rotation, or the token was revoked 400 days ago",
    "token_search": "until the token is revoked",
    "token_trial": "until the trial ends",
    "trial_denial": "until the trial ends",
    "token_secret": "the latest 100 of a token, until it was revoked 400 days ago",
    "webhook": "until it is removed",
}
