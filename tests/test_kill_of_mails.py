"""An invitation is sent although the server is killed between the change and the sending."""

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx2

import models
from server.database import connected
from tests.conftest import settings_for
from tests.support.mail_server import MailServer
from tests.support.process import ServerProcess
from tests.support.visitor import EMAIL, PASSWORD, TENANT, Script, Site, add_tenant
from tests.support.waiting import until

_GUEST = "grace@example.com"


async def _let_time_pass(database_url: str) -> None:
    """The wait after a failed attempt is over, and so is a lease of the killed server."""
    async with connected(settings_for(database_url)):
        [tenant] = await models.Tenant.all()
        past = models.now() - timedelta(minutes=1)
        waiting = models.Mail.filter(tenant_id=tenant.id, due_at__isnull=False)
        assert await waiting.update(due_at=past, leased_until=past) == 1


async def test_invitation_outlives_a_kill_and_its_link_works(
    database_url: str, tmp_path: Path
) -> None:
    await asyncio.to_thread(add_tenant, database_url, TENANT, EMAIL)
    mail = MailServer()
    server = ServerProcess(tmp_path, database_url=database_url, settings=mail.settings)
    with server:
        script = await asyncio.to_thread(lambda: Script(Site(server)))
        made = await asyncio.to_thread(
            script.run,
            f'mutation {{ addAdmin(input: {{email: "{_GUEST}", name: "Grace", role: ADMIN}})'
            " { ... on AddAdminPayload { isSentByEmail } } }",
        )
        assert made["addAdmin"] == {"isSentByEmail": True}
        # There is no mail server: nothing was sent. It may have been tried, or be under way.
        server.kill9()
        await _let_time_pass(database_url)
        with mail.running():
            server.start()

            async def has_arrived() -> bool:
                return bool(mail.letters)

            await until(has_arrived)
        [letter] = mail.letters
        assert letter.recipients == [_GUEST]
        accept = {"invitation": letter.invitation, "password": PASSWORD}
        async with httpx2.AsyncClient(verify=False) as http:
            answer = await http.post(f"{server.url}/invitation", json=accept)
        assert answer.status_code == 204
    assert letter.invitation not in server.log()
    assert _GUEST not in server.log()
