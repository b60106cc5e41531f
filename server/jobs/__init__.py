"""Background jobs of the installation: each runs in one instance at a time."""

from server.jobs import (
    catalogue_changes,
    deleted_tenants,
    reminders,
    retention,
    revoked_tokens,
    token_life,
)
from server.jobs.deliveries import Deliveries
from server.jobs.lag import outbox_lag
from server.jobs.lease import Lease, LeaseLost
from server.jobs.mails import Mails
from server.jobs.runner import Job, Jobs
from server.settings import Settings


def jobs_of(settings: Settings) -> tuple[Job, ...]:
    """All jobs, as these settings have them done."""
    return (
        *retention.jobs(settings),
        revoked_tokens.job(settings),
        reminders.job(by_mail=settings.smtp_url is not None),
        *token_life.JOBS,
        *catalogue_changes.JOBS,
        *deleted_tenants.JOBS,
    )


__all__ = ["Deliveries", "Job", "Jobs", "Lease", "LeaseLost", "Mails", "jobs_of", "outbox_lag"]
