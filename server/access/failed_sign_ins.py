"""Records failed sign-ins in the activity, in few rows however many there are.

The first, second, fourth, eighth and so on of an account's failures within an hour are recorded,
with their number. A tenant's activity records at most `MAX_AN_HOUR`. Failures at accounts that do
not exist are recorded in the installation's activity, by the same statements and within the same
limit, so that the time of an answer does not reveal whether an account exists. They name no
account, because a person may type a password in place of their address.
"""

from dataclasses import replace

import models
from models import ActivityKind
from server.access.activity import record
from server.access.attempts import (
    Note,
    number_of_this_hour,
    of_failed_sign_ins,
    of_told_failures,
)
from server.access.principal import SYSTEM
from server.access.visitors import Account
from server.database import reaching
from server.token_format import DigestKey

MAX_AN_HOUR = 60


def noting_failure(key: DigestKey, account: Account, address: str) -> Note:
    """The function that notes a failed sign-in to `account` from `address`."""

    async def note() -> None:
        tenant_id = account.admin.tenant_id if account.admin else models.INSTALLATION
        counted = of_failed_sign_ins(key, tenant_id, f"{account.slug}\0{account.email}")
        failures = await number_of_this_hour(counted)
        if failures & (failures - 1):
            return
        if await number_of_this_hour(of_told_failures(tenant_id)) > MAX_AN_HOUR:
            return
        # The subject of unknown accounts has no row.
        subject = account.admin or models.Tenant(id=models.INSTALLATION)
        actor = replace(SYSTEM, address=address)
        with reaching(tenant_id):
            await record(actor, ActivityKind.SIGN_IN_FAILED, subject, failures=failures)

    return note
