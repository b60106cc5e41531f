"""A person's browser and scripts, against a real server process.

Not here: assertions, and the start of the browser (`browser`). Tests of other things than the
server's start share one server, each with a tenant of its own (the fixture `site`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2
from playwright.sync_api import Browser, BrowserContext, Page

from server.access.principal import Operator
from server.operations import tenants
from server.settings import read_settings
from server.starting import running_service
from tests.support.browser import PATIENCE_MS, Watch, watch
from tests.support.postgres import run_now
from tests.support.process import ServerProcess

TENANT, EMAIL, PASSWORD = "acme", "ada@example.com", "seven purple otters dance"
_CREATE = """mutation ($input: CreateTokenInput!) { createToken(input: $input) {
    ... on CreateTokenPayload { secret token { id name } } } }"""
_ROTATE = """mutation ($input: RotateTokenInput!) { rotateToken(input: $input) {
    ... on RotateTokenPayload { secret } } }"""
_ADD_ADMIN = """mutation ($input: AddAdminInput!) { addAdmin(input: $input) {
    ... on AddAdminPayload { invitation admin { id } } } }"""


@dataclass(frozen=True)
class Site:
    """A running server and one of its tenants, whose owner is `EMAIL` with `PASSWORD`."""

    server: ServerProcess
    tenant: str = TENANT

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def api_url(self) -> str:
        return f"https://{self.tenant}.api.us.example.com"


@contextmanager
def serving(folder: Path, database_url: str) -> Iterator[Site]:
    """A server with one tenant and its owner."""
    add_tenant(database_url, TENANT, EMAIL)
    with ServerProcess(folder, database_url=database_url) as running:
        yield Site(running)


def add_tenant(database_url: str, slug: str, owner_email: str) -> None:
    """A tenant whose owner, Ada, has `PASSWORD`."""

    async def add() -> None:
        async with running_service(read_settings({"TESSERA_DATABASE_URL": database_url})):
            await tenants.create(
                Operator(),
                slug=slug,
                name=slug.title(),
                owner_email=owner_email,
                owner_name="Ada Lovelace",
                owner_password=PASSWORD,
            )

    run_now(add())


@dataclass
class Visitor:
    """A person with a browser page."""

    page: Page
    context: BrowserContext
    seen: Watch
    site: Site

    @property
    def url(self) -> str:
        return self.site.url

    def open(self, path: str = "/", email: str = EMAIL) -> Self:
        """Open a page, signing in before it if necessary.

        Without the sign-in page: loading it and the page behind it takes most of a short test.
        """
        if not any("session" in cookie["name"] for cookie in self.context.cookies()):
            who = {"tenant": self.site.tenant, "email": email, "password": PASSWORD}
            headers = {"Origin": self.url}
            answer = self.context.request.post(f"{self.url}/session", data=who, headers=headers)
            assert answer.status == 201, answer.text()
        self.page.goto(f"{self.url}{path}")
        return self

    def sign_in(self, password: str = PASSWORD, email: str = EMAIL) -> None:
        """Fill in and send the form of the sign-in page."""
        self.page.get_by_label("Organisation’s short name").fill(self.site.tenant)
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def end_session(self) -> None:
        """End the session without the page's knowledge, as an expiry would."""
        self.page.evaluate("() => fetch('/session', { method: 'DELETE' }).then(r => r.status)")


@contextmanager
def visiting(chromium: Browser, site: Site, **options: Any) -> Iterator[Visitor]:
    """A person with a new browser context; `options` are Playwright's."""
    # A fixed time zone, since tests compare dates as the browser formats them.
    context = chromium.new_context(**{"locale": "en-GB"} | options)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    yield Visitor(page, context, watch(page, site.url), site)
    context.close()


@dataclass
class Script:
    """An admin who uses the API without a browser; the owner by default."""

    site: Site
    email: str = EMAIL
    session: str = field(init=False)

    def __post_init__(self) -> None:
        who = {"tenant": self.site.tenant, "email": self.email, "password": PASSWORD}
        answer = self._ask("POST", "/session", json=who | {"transport": "bearer"})
        assert answer.status_code == 201, answer.text
        self.session = answer.json()["session"]

    def run(self, query: str, **variables: Any) -> Any:
        """The data of one operation that succeeds."""
        body = {"query": query, "variables": variables}
        headers = {"Authorization": f"Bearer {self.session}"}
        answer = self._ask("POST", "/graphql", json=body, headers=headers).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def create_token(
        self, name: str, *permissions: str, description: str = "", **conditions: Any
    ) -> Any:
        """Create a token; returns `secret`, and `token` with `id` and `name`."""
        made = {"name": name, "description": description, "permissions": permissions}
        return self.run(_CREATE, input=made | conditions)["createToken"]

    def change_token(self, mutation: str, token_id: str, **values: Any) -> None:
        """Run a mutation of one token that succeeds, such as `pauseToken`."""
        kind = f"{mutation[0].upper()}{mutation[1:]}"
        query = f"mutation ($input: {kind}Input!) {{ {mutation}(input: $input) {{ __typename }} }}"
        done = self.run(query, input={"tokenId": token_id} | values)[mutation]
        assert done == {"__typename": f"{kind}Payload"}

    def rotate_token(self, token_id: str, **how: Any) -> str:
        """The new secret."""
        rotated = self.run(_ROTATE, input={"tokenId": token_id} | how)["rotateToken"]
        return str(rotated["secret"])

    def add_admin(self, email: str, name: str, role: str = "ADMIN") -> Any:
        """Add an active admin with `PASSWORD`; returns their id."""
        added = self.run(_ADD_ADMIN, input={"email": email, "name": name, "role": role})["addAdmin"]
        accept = {"invitation": added["invitation"], "password": PASSWORD}
        answer = self._ask("POST", "/invitation", json=accept)
        assert answer.status_code == 204, answer.text
        return added["admin"]["id"]

    def ask_access(self, secret: str, permission: str, reason: str) -> None:
        """Ask for a permission as the holder of a secret."""
        asked = {"permission": permission, "reason": reason}
        headers = {"Authorization": f"Bearer {secret}"}
        answer = self._ask("POST", "/token/requests", json=asked, headers=headers)
        assert answer.status_code == 201, answer.text

    def call_api(self, secret: str, target: str, method: str = "GET", **caller: str) -> int:
        """The status of a check of a call of the tenant's API with that secret."""
        return self.check(secret, target, method, **caller).status_code

    def check(
        self,
        secret: str,
        target: str,
        method: str = "GET",
        address: str = "203.0.113.7",
        user_agent: str = "inventory-sync/2.1",
    ) -> httpx2.Response:
        """The answer of such a check, from that caller."""
        return self._ask(
            "GET",
            "/authorize",
            headers={
                "Host": urlsplit(self.site.api_url).netloc,
                "X-Original-Method": method,
                "X-Original-URI": target,
                "Authorization": f"Bearer {secret}",
                "X-Forwarded-For": address,
                "User-Agent": user_agent,
            },
        )

    def _ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        # Plain HTTP: without `verify`, each client would read all certificates, 36 ms of CPU.
        url = f"{self.site.url}{path}"
        return httpx2.request(method, url, timeout=30, verify=False, **more)
