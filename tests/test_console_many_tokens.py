"""The console of a tenant with 10,001 tokens asks for no more than that of one with 25.

The bench compares the server's time for the pages of large and small tenants.
"""

import json
from pathlib import Path

from playwright.sync_api import Browser, Page, Response, expect

import models
from server.starting import running_service
from tests.conftest import settings_for
from tests.support.factories import PASSWORD, PORTION, World, complete
from tests.support.postgres import run_now
from tests.support.process import ServerProcess

_SHOWN = 25
_FEW, _MANY = _SHOWN, 10_001
# Names, instants and cursors differ by some characters.
_LARGER = 1.2


async def _fill(url: str) -> None:
    async with running_service(settings_for(url)) as service:
        world = World(service)
        for slug, tokens in (("few", _FEW), ("many", _MANY)):
            owner = await world.person(await world.tenant(slug), email="owner@example.com")
            keys = [permission.key for permission in service.catalogue.permissions]
            rows = [
                models.Token(
                    tenant_id=owner.admin.tenant_id,
                    name=f"Token {number}",
                    description="what it is for" + " needle" * (number == 5),
                    hint="tsr_…",
                    created_by_id=owner.admin.id,
                    owner_id=owner.admin.id,
                )
                for number in range(tokens)
            ]
            await models.Token.bulk_create(rows, batch_size=PORTION)
            await complete(rows)
            held = [
                models.TokenPermission(tenant_id=row.tenant_id, token_id=row.id, key=key)
                for row in rows[-_SHOWN:]
                for key in keys[:5]
            ]
            await models.TokenPermission.bulk_create(held, batch_size=PORTION)


def _signed_in(chromium: Browser, url: str, tenant: str) -> Page:
    page = chromium.new_context().new_page()
    page.goto(f"{url}/sign-in")
    page.get_by_label("Organisation’s short name").fill(tenant)
    page.get_by_label("E-mail").fill("owner@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/")
    return page


def _answers_until(page: Page, address: str, token: str) -> dict[str, int]:
    """The operations that a page asks for until its table is filled, with the bytes of answers."""
    responses: list[Response] = []

    def note(response: Response) -> None:
        if response.url.endswith("/graphql"):
            responses.append(response)

    page.on("response", note)
    page.goto(address)
    page.get_by_role("row").nth(1).get_by_text(token, exact=True).wait_for()
    page.wait_for_load_state("networkidle")
    page.remove_listener("response", note)
    asked = [json.loads(one.request.post_data or "") for one in responses]
    return {body["query"]: len(one.body()) for body, one in zip(asked, responses, strict=True)}


def test_many_tokens_need_no_larger_answers_than_few(
    chromium: Browser, tmp_path: Path, database_url: str
) -> None:
    run_now(_fill(database_url))
    with ServerProcess(tmp_path, database_url=database_url) as server:
        pages = {tenant: _signed_in(chromium, server.url, tenant) for tenant in ("few", "many")}
        newest = {"few": f"Token {_FEW - 1}", "many": f"Token {_MANY - 1}"}
        found = {"few": "Token 5", "many": "Token 5"}
        for path, tokens in (("/", newest), ("/?search=needle", found)):
            few, many = (
                _answers_until(page, f"{server.url}{path}", tokens[tenant])
                for tenant, page in pages.items()
            )
            assert few
            assert few.keys() == many.keys()
            for query, size in many.items():
                assert size <= _LARGER * few[query], query
        for tenant, words in (("few", "25 tokens"), ("many", "More than 10,000 tokens")):
            pages[tenant].goto(f"{server.url}/?state=active")
            expect(pages[tenant].get_by_text(words, exact=True)).to_be_visible()
        _select_all_in_vain(pages["many"])
        for page in pages.values():
            page.context.close()


def _select_all_in_vain(page: Page) -> None:
    """More tokens than are revoked at once cannot be selected."""
    page.get_by_label("Select all on this page").check()
    bar = page.get_by_role("region", name="Selected tokens")
    expect(bar).to_contain_text("At most 10,000 tokens are revoked at once: narrow the filters.")
    expect(bar.get_by_role("button", name="Select all")).to_have_count(0)
