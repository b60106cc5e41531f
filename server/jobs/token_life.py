"""The jobs that change tokens by time, tenant by tenant. They write the dates of token policies,
pause unused tokens, and end rotations and trials.
"""

from collections.abc import AsyncGenerator
from datetime import timedelta

from server.access.tenancy import tenants_in_portions
from server.decisions import ended_rotations, ended_trials, policy_dates, unused
from server.jobs.runner import Job

# Whose policies, rotations and trials are looked for in one portion.
_TENANTS = 500


async def _write_dates() -> AsyncGenerator[None, None]:
    async for tenant_ids in tenants_in_portions(_TENANTS):
        for tenant_id in await policy_dates.pending(tenant_ids):
            while await policy_dates.write_portion(tenant_id):
                yield
            yield
        yield


async def _pause_unused() -> AsyncGenerator[None, None]:
    async for tenant_ids in tenants_in_portions(_TENANTS):
        for policy in await unused.policies(tenant_ids):
            async for _ in unused.pause_portions(policy):
                yield
        yield


async def _end_rotations() -> AsyncGenerator[None, None]:
    async for tenant_ids in tenants_in_portions(_TENANTS):
        for tenant_id in await ended_rotations.tenants_with_open(tenant_ids):
            async for _ in ended_rotations.settle_portions(tenant_id):
                yield
        yield


async def _drop_trials() -> AsyncGenerator[None, None]:
    async for tenant_ids in tenants_in_portions(_TENANTS):
        for tenant_id in await ended_trials.tenants_with_ended(tenant_ids):
            async for _ in ended_trials.settle_portions(tenant_id):
                yield
        yield


JOBS = (
    Job("token policy", timedelta(minutes=1), _write_dates),
    Job("unused tokens", timedelta(hours=1), _pause_unused),
    Job("rotations", timedelta(minutes=1), _end_rotations),
    Job("trials", timedelta(minutes=1), _drop_trials),
)
