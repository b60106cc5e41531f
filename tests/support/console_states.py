"""The console's main states, each reached as a person would reach it.

`test_console_accessibility` checks them, `screenshots` takes their pictures.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from playwright.sync_api import Page

from tests.support.visitor import EMAIL, Script, Site, Visitor
from tests.support.waiting import wait_until

COLLEAGUE, AUDITOR = "grace@example.com", "alan@example.com"
_ADDRESS = "203.0.113.9"
_TOKENS = [
    ("Inventory sync", "Nightly export of devices to the CMDB", "GET /api/v1/devices"),
    ("SIEM export", "Audit events for the security team", "GET /api/v1/audit/events"),
    ("Onboarding bot", "Assigns blueprints to new Macs", "GET /api/v1/blueprints"),
    ("Compliance report", "", "GET /api/v1/users"),
    ("Helpdesk", "Looks devices up from tickets", "GET /api/v1/devices/{device_id}"),
]


_TRIED = "Asset audit"


@dataclass
class Scene:
    """A tenant with objects of every kind."""

    script: Script
    token_id: str
    secret: str
    ids: dict[str, str]
    """The ids of all tokens by name."""

    @classmethod
    def make(cls, site: Site) -> "Scene":
        script = Script(site)
        script.add_admin(COLLEAGUE, "Grace Hopper")
        script.add_admin(AUDITOR, "Alan Turing", "AUDITOR")
        printer = Script(site, COLLEAGUE).create_token("Label printer", "GET /api/v1/tags")
        for _ in range(3):
            agent = "printer/2.1"
            script.call_api(printer["secret"], "/api/v1/tags", address=_ADDRESS, user_agent=agent)
        script.run(
            'mutation { addAdmin(input: {email: "new@example.com", name: "Katherine Johnson",'
            " role: ADMIN}) { __typename } }"
        )
        made = {
            name: script.create_token(name, key, "GET /api/v1/tags", description=description)
            for name, description, key in reversed(_TOKENS)
        }
        token, secret = made["Inventory sync"]["token"], made["Inventory sync"]["secret"]
        _live(script, token["id"])
        ids = {name: one["token"]["id"] for name, one in made.items()}
        # Before the token's networks are set, which exclude this address.
        _ask_for_access(script, secret)
        _set_conditions(script, ids)
        _rotate(script, made)
        _listen(script)
        ids[_TRIED] = _try(script)
        ids |= _make_from_recipe(script)
        for target, times in (("/api/v1/devices", 7), ("/api/v1/users", 2), ("/api/v1/nowhere", 1)):
            for _ in range(times):
                script.call_api(secret, target)
        scene = cls(script, token["id"], secret, ids)
        scene.wait()
        return scene

    def wait(self) -> None:
        """Wait until the decision log is written, and one token has expired."""
        query = """query ($used: ID!, $expired: ID!, $drained: ID!, $tried: ID!) {
            tried: token(id: $tried) { trial { wouldHaveDenied } }
            used: token(id: $used) { lastUsedAt }
            expired: token(id: $expired) { state }
            drained: token(id: $drained) { rotation { oldSecretUses { count } } } }"""
        ids = {
            "used": self.token_id,
            "expired": self.ids["Helpdesk"],
            "drained": self.ids["SIEM export"],
            "tried": self.ids[_TRIED],
        }

        def is_written() -> bool:
            found = self.script.run(query, **ids)
            return bool(
                found["used"]["lastUsedAt"]
                and found["expired"]["state"] == "EXPIRED"
                and found["drained"]["rotation"]["oldSecretUses"]
                and found["tried"]["trial"]["wouldHaveDenied"] == 6
            )

        wait_until(is_written)


def _live(script: Script, token_id: str) -> None:
    script.run(
        """mutation ($id: ID!) { setPermissions(input: { tokenId: $id, permissions: [
            "GET /api/v1/devices", "GET /api/v1/devices/{device_id}", "PATCH /api/v1/tags/{tag_id}"
        ] }) { __typename } }""",
        id=token_id,
    )
    for name in ("Inventory sync (EU)", "Inventory sync"):
        script.run(
            """mutation ($id: ID!, $name: String!) {
                renameToken(input: { tokenId: $id, name: $name }) { __typename } }""",
            id=token_id,
            name=name,
        )


def _set_conditions(script: Script, ids: dict[str, str]) -> None:
    """A token of each state, one that ends soon, and one of the organisation."""
    script.change_token("setTokenExpiry", ids["SIEM export"], expiresAt=_in(timedelta(days=3)))
    script.change_token("transferToken", ids["Onboarding bot"], toAdminId=None)
    script.change_token("pauseToken", ids["Compliance report"])
    script.change_token("setTokenExpiry", ids["Helpdesk"], expiresAt=_in(timedelta(seconds=3)))
    script.change_token(
        "setTokenNetworks",
        ids["Inventory sync"],
        networks=["203.0.113.0/24", "198.51.100.7", "2001:db8::/32", "192.0.2.0/28"],
    )


def use_retired_secrets(script: Script, *names: str) -> dict[str, str]:
    """Tokens whose retired secrets are still used; their ids by name, once that is written."""
    ids = {}
    for name in names:
        made = script.create_token(name, "GET /api/v1/devices")
        ids[name] = made["token"]["id"]
        script.rotate_token(ids[name], compromised=True)
        script.call_api(made["secret"], "/api/v1/devices")
    query = "{ tokenReminders { retiredSecretsUsed { id } } }"

    def is_told() -> bool:
        told = script.run(query)["tokenReminders"]["retiredSecretsUsed"]
        return set(ids.values()) <= {one["id"] for one in told}

    wait_until(is_told)
    return ids


def _rotate(script: Script, made: dict[str, Any]) -> None:
    """One rotation whose new secret is unused, and one whose old secret is still in use."""
    script.rotate_token(made["Onboarding bot"]["token"]["id"])
    token, target = made["SIEM export"], "/api/v1/audit/events"
    new = script.rotate_token(token["token"]["id"], drainSeconds=86_400)
    script.call_api(new, target)
    query = "query ($id: ID!) { token(id: $id) { rotation { state } } }"
    token_id = token["token"]["id"]
    wait_until(lambda: script.run(query, id=token_id)["token"]["rotation"]["state"] != "PENDING")
    for address, agent in (("203.0.113.7", "siem/3.0"), ("198.51.100.20", "curl/8.11.0")):
        script.call_api(token["secret"], target, address=address, user_agent=agent)


def _try(script: Script) -> str:
    """A token whose trial would have denied requests of several callers."""
    users, blueprints = "GET /api/v1/users", "GET /api/v1/blueprints"
    made = script.create_token(_TRIED, "GET /api/v1/devices", users, blueprints, "GET /api/v1/tags")
    token_id = str(made["token"]["id"])
    script.change_token("startTrial", token_id, permissions=["GET /api/v1/devices"])
    for last in range(4):
        address = f"203.0.113.{last}"
        script.call_api(made["secret"], "/api/v1/users", address=address, user_agent="audit/1.4")
    for _ in range(2):
        script.call_api(made["secret"], "/api/v1/blueprints", user_agent="")
    return token_id


def _listen(script: Script) -> None:
    """A webhook that nothing answers, and a paused one."""
    for url in (_HOOK, _PAUSED_HOOK):
        create = """mutation ($url: String!) { createWebhook(input: { url: $url, events: [
            "admin.*", "tenant.*", "token.created", "token.revoked"] }) {
            ... on CreateWebhookPayload { webhook { id } } } }"""
        made = script.run(create, url=url)["createWebhook"]["webhook"]["id"]
        change = "testWebhook(input: {webhookId: $id})"
        if url == _PAUSED_HOOK:
            change = "setWebhook(input: {webhookId: $id, state: PAUSED})"
        script.run(f"mutation ($id: ID!) {{ {change} {{ __typename }} }}", id=made)


def _ask_for_access(script: Script, secret: str) -> None:
    """A request that is declined, and an open one."""
    script.ask_access(secret, "GET /api/v1/audit/events", "For the monthly report.")
    query = "{ accessRequests { edges { node { id } } } }"
    asked = script.run(query)["accessRequests"]["edges"][0]["node"]["id"]
    script.run(
        """mutation ($id: ID!) { declineAccessRequest(input: { requestId: $id,
            reason: "Use the SIEM export, which has them." }) { __typename } }""",
        id=asked,
    )
    reason = "The nightly sync lists the owner of each device beside it."
    script.ask_access(secret, "GET /api/v1/users", reason)


def _make_from_recipe(script: Script) -> dict[str, str]:
    """A token that holds less than its recipe, more, and follows a category."""
    made = script.create_token(
        "Snipe-IT",
        "GET /api/v1/devices",
        "GET /api/v1/users",
        recipe="snipe-it",
        followCategories=["Tags"],
    )
    return {"Snipe-IT": made["token"]["id"]}


def _in(time_from_now: timedelta) -> str:
    return (datetime.now(UTC) + time_from_now).isoformat()


State = Callable[[Visitor, Scene], None]


def _at(path: str, heading: str) -> State:
    """A page, once it has its heading and its data."""

    def come(visitor: Visitor, scene: Scene) -> None:
        visitor.open(path.format(token=scene.token_id, **scene.ids))
        visitor.page.get_by_role("heading", name=heading).first.wait_for()
        settle(visitor.page)

    return come


def settle(page: Page) -> None:
    """Wait until no request or animation is pending."""
    page.wait_for_load_state("networkidle")
    page.locator(".skeleton, .loading-page, .loading").first.wait_for(state="detached")


def _then(before: State, *steps: Callable[[Page], None]) -> State:
    def come(visitor: Visitor, scene: Scene) -> None:
        before(visitor, scene)
        for step in steps:
            step(visitor.page)
        settle(visitor.page)

    return come


def _click(
    role: Literal["button", "checkbox", "link"], name: str, *, exact: bool = True
) -> Callable[[Page], None]:
    return lambda page: page.get_by_role(role, name=name, exact=exact).first.click()


def _fill(label: str, text: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_label(label, exact=True).fill(text)


def _choose(label: str, option: str) -> Callable[[Page], None]:
    def choose(page: Page) -> None:
        page.get_by_label(label, exact=True).select_option(option)

    return choose


def _press(key: str) -> Callable[[Page], None]:
    return lambda page: page.keyboard.press(key)


def _sign_in_page(visitor: Visitor, _scene: Scene) -> None:
    visitor.page.goto(f"{visitor.url}/sign-in")


def _invitation_page(visitor: Visitor, scene: Scene) -> None:
    admins = scene.script.run("{ admins { edges { node { id name } } } }")["admins"]["edges"]
    [invited] = [one["node"]["id"] for one in admins if one["node"]["name"] == "Katherine Johnson"]
    renewed = scene.script.run(
        """mutation ($id: ID!) { renewInvitation(input: { adminId: $id }) {
            ... on RenewInvitationPayload { invitation } } }""",
        id=invited,
    )["renewInvitation"]
    visitor.page.goto("about:blank")  # The page reads the part of the address behind "#" once.
    visitor.page.goto(f"{visitor.url}/invitation#{renewed['invitation']}")
    visitor.page.get_by_text("new@example.com").wait_for()


def _used_invitation(visitor: Visitor, _scene: Scene) -> None:
    visitor.page.goto("about:blank")
    visitor.page.goto(f"{visitor.url}/invitation#an-invitation")
    visitor.page.get_by_role("heading", name="This invitation cannot be used").wait_for()


def _reminders(visitor: Visitor, scene: Scene) -> None:
    use_retired_secrets(scene.script, *(f"Old caller {number}" for number in range(1, 6)))
    page = visitor.open().page
    page.get_by_text("and 2 more").click()
    settle(page)


def _nowhere(visitor: Visitor, _scene: Scene) -> None:
    visitor.open("/tokens/nowhere")
    visitor.page.get_by_role("heading", name="Token not found").wait_for()


def _expired(visitor: Visitor, scene: Scene) -> None:
    STATES["tokens"](visitor, scene)
    visitor.end_session()
    visitor.page.get_by_role("link", name="Activity").click()
    visitor.page.get_by_role("heading", name="Your session has ended").wait_for()


def _conflict(visitor: Visitor, scene: Scene) -> None:
    STATES["grid"](visitor, scene)
    keys = ["GET /api/v1/devices", "GET /api/v1/devices/{device_id}", "GET /api/v1/blueprints"]
    script = Script(visitor.site, COLLEAGUE)
    change = """mutation ($id: ID!, $keys: [String!]!) {
        setPermissions(input: { tokenId: $id, permissions: $keys }) { __typename } }"""
    script.run(change, id=scene.token_id, keys=keys)
    visitor.page.get_by_role("checkbox", name="List audit events").click()
    visitor.page.get_by_role("button", name="Save").click()
    visitor.page.get_by_text("Grace Hopper has changed this token").wait_for()
    keys[2] = "PATCH /api/v1/tags/{tag_id}"
    script.run(change, id=scene.token_id, keys=keys)


def _condition_conflict(visitor: Visitor, scene: Scene) -> None:
    STATES["edit-networks"](visitor, scene)
    networks = ["203.0.113.0/24", "198.51.100.7", "2001:db8::/32", "192.0.2.0/28"]
    script = Script(visitor.site, COLLEAGUE)
    for changed in (networks[:1], networks):
        script.change_token("setTokenNetworks", scene.token_id, networks=changed)
    visitor.page.get_by_role("button", name="Save").click()
    visitor.page.get_by_text("The token has changed since you opened this.").wait_for()


def _rotation_conflict(visitor: Visitor, scene: Scene) -> None:
    _ROTATE_AGAIN(visitor, scene)
    script = Script(visitor.site, COLLEAGUE)
    for change in ("pauseToken", "resumeToken"):
        script.change_token(change, scene.ids["Onboarding bot"])
    visitor.page.get_by_role("button", name="Rotate", exact=True).click()
    visitor.page.get_by_text("The token has changed since you opened this.").wait_for()


_TOKENS_PAGE = _at("/", "API tokens")
_TOKEN_PAGE = _at("/tokens/{token}", "Inventory sync")
_GRID = _at("/tokens/{token}/edit-permissions", "Permissions of")
_ADMINS = _at("/admins", "Admins")
_REQUESTS = _at("/requests", "Requests")
_POLICY = _at("/policy", "Token policy")
_TYPED = (
    _fill("Maximum lifetime in days", "60"),
    _fill("Default lifetime in days", "30"),
    _fill("Pause after days without use", "30"),
)
_PREVIEW = _click("button", "Preview")
_SECRET = _then(
    _TOKENS_PAGE,
    _click("button", "Add token"),
    _fill("Name", "A new token"),
    _click("button", "Create"),
    lambda page: page.get_by_role("button", name="Copy Token").wait_for(),
)


_SELECTED = _then(
    _TOKENS_PAGE,
    _click("checkbox", "Select Inventory sync"),
    _click("checkbox", "Select Onboarding bot"),
)
_ROTATE = _then(_TOKEN_PAGE, _click("button", "Rotate secret"))
_PENDING = _at("/tokens/{Onboarding bot}", "Rotation")
_ROTATE_AGAIN = _then(_PENDING, _click("button", "Rotate secret"))
_DRAINING = _at("/tokens/{SIEM export}", "Rotation")


_TRIAL = _at(f"/tokens/{{{_TRIED}}}", "Trial")


_HOOK, _PAUSED_HOOK = "https://hooks.invalid/tessera/events", "https://siem.invalid/in"
_WEBHOOKS = _at("/webhooks", "Webhooks")
_WEBHOOK = _then(_WEBHOOKS, _click("link", _HOOK))


def _of_admin(name: str, choice: str) -> State:
    return _then(_ADMINS, _click("button", f"Actions for {name}"), _click("button", choice))


STATES: dict[str, State] = {
    "sign-in": _sign_in_page,
    "invitation": _invitation_page,
    "invitation-used": _used_invitation,
    "tokens": _TOKENS_PAGE,
    "nothing-found": _at("/?search=no+such+token", "API tokens"),
    "no-match": _at("/?state=expired&unused=180", "API tokens"),
    "tokens-filtered": _then(
        _at("/?expires=30&permission=GET+%2Fapi%2Fv1%2Ftags&order=expires_soonest", "API tokens"),
        _click("button", "Filters (2)"),
        _choose("Owner", "Ada Lovelace"),
    ),
    "tokens-selected": _SELECTED,
    "revoke-tokens": _then(
        _SELECTED,
        _click("button", "Revoke selected"),
        lambda page: page.get_by_text("The most recently used:").wait_for(),
    ),
    "row-menu": _then(_TOKENS_PAGE, _click("button", "Actions for Inventory sync")),
    "account-menu": _then(_TOKENS_PAGE, _click("button", "Account: Ada Lovelace Owner")),
    "change-password": _then(
        _TOKENS_PAGE,
        _click("button", "Account: Ada Lovelace Owner"),
        _click("button", "Change password"),
    ),
    "add-token": _then(_TOKENS_PAGE, _click("button", "Add token")),
    "add-token-refused": _then(
        _TOKENS_PAGE, _click("button", "Add token"), _click("button", "Create")
    ),
    "add-token-more": _then(
        _TOKENS_PAGE,
        _click("button", "Add token"),
        _choose("Expires", "On a date"),
        _fill("Last day", f"{datetime.now(UTC).year + 1}-06-30"),
        lambda page: page.get_by_text("More", exact=True).click(),
        _fill("Networks", "203.0.113.0/24"),
    ),
    "secret": _SECRET,
    "secret-shown": _then(_SECRET, _click("button", "Show token")),
    "secret-closing": _then(_SECRET, _press("Escape")),
    "configure-or-skip": _then(_SECRET, _click("button", "Next")),
    "grid": _GRID,
    "grid-changed": _then(
        _GRID,
        _click("checkbox", "Audit Log", exact=False),
        _click("checkbox", "Get Device", exact=False),
        lambda page: page.locator(".summary summary").first.click(),
    ),
    "grid-filtered": _then(
        _GRID, _fill("Search by name, method, path or category", "delete device")
    ),
    "grid-copy": _then(_GRID, _click("button", "Copy from another token")),
    "grid-follow": _then(_GRID, _click("checkbox", "and what comes", exact=False)),
    "grid-pick-recipe": _then(_GRID, _click("button", "Use a recipe")),
    "grid-recipe": _at("/tokens/{token}/edit-permissions?recipe=torii", "Permissions of"),
    "token-recipe": _then(
        _at("/tokens/{Snipe-IT}", "Snipe-IT"),
        lambda page: page.get_by_text("beyond the recipe").click(),
    ),
    "add-token-recipe": _at("/?recipe=snipe-it", "Add token"),
    "add-token-link": _at(
        "/?add-token=Nightly+export&grant=GET+/api/v1/devices&grant=GET+/api/v1/tags", "Add token"
    ),
    "duplicate-token": _then(
        _TOKEN_PAGE,
        _click("button", "Duplicate"),
        lambda page: page.get_by_role("dialog", name="Add token").wait_for(),
    ),
    "keys": _then(
        _TOKENS_PAGE,
        _press("?"),
        lambda page: page.get_by_role("dialog", name="Keys").wait_for(),
    ),
    "token-use": _then(_TOKEN_PAGE, lambda page: page.get_by_text("By day").click()),
    "grid-folded": _then(_GRID, _click("button", "Fold all")),
    "api-changes": _at("/api-changes", "API changes"),
    "grid-leaving": _then(
        _GRID, _click("checkbox", "Audit Log", exact=False), _click("link", "Admins")
    ),
    "grid-conflict": _conflict,
    "token": _TOKEN_PAGE,
    "token-activity": _then(
        _at("/tokens/{token}/activity", "Inventory sync"),
        lambda page: page.locator(".activity .permission-list").first.wait_for(),
    ),
    "token-usage": _then(
        _at("/tokens/{token}/usage", "Latest refusals"),
        lambda page: page.locator(".tabs").evaluate("(tabs) => tabs.scrollIntoView()"),
    ),
    "token-right-size": _then(
        _at("/tokens/{token}/right-size", "Right-size"),
        lambda page: page.locator(".tabs").evaluate("(tabs) => tabs.scrollIntoView()"),
    ),
    "grid-suggested": _then(
        _at("/tokens/{token}/edit-permissions?right-size=90", "Permissions of"),
        lambda page: page.locator(".summary summary").first.click(),
        _click("button", "Compare with its use"),
    ),
    "check-denied": _then(
        _at("/tokens/{token}/check", "Check a request"),
        _fill("URL or path", "/api/v1/devices/"),
        _fill("IP address of the client", "203.0.113.7"),
        _click("button", "Check"),
        lambda page: page.get_by_role("list", name="Steps of the decision").wait_for(),
        lambda page: page.locator(".tabs").evaluate("(tabs) => tabs.scrollIntoView()"),
    ),
    "check-refused": _then(
        _at("/tokens/{token}/check", "Check a request"),
        _fill("URL or path", "devices"),
        _fill("IP address of the client", "203.0.113.7"),
        _click("button", "Check"),
    ),
    "edit-token": _then(_TOKEN_PAGE, _click("button", "Edit")),
    "token-paused": _at("/tokens/{Compliance report}", "Compliance report"),
    "token-expired": _at("/tokens/{Helpdesk}", "Helpdesk"),
    "pause-token": _then(_TOKEN_PAGE, _click("button", "Pause")),
    "edit-expiry": _then(
        _TOKEN_PAGE, _click("button", "Edit expiry"), _choose("Expires", "In 30 days")
    ),
    "edit-networks": _then(_TOKEN_PAGE, _click("button", "Edit networks")),
    "edit-limit-refused": _then(
        _TOKEN_PAGE,
        _click("button", "Edit rate limit"),
        _fill("Requests an hour", "many"),
        _click("button", "Save"),
    ),
    "transfer-token": _then(_TOKEN_PAGE, _click("button", "Edit owner")),
    "condition-conflict": _condition_conflict,
    "rotate-secret": _ROTATE,
    "rotate-secret-known": _then(
        _ROTATE, _click("checkbox", "The old secret is known to others", exact=False)
    ),
    "rotate-again": _ROTATE_AGAIN,
    "new-secret": _then(
        _ROTATE_AGAIN,
        _click("button", "Rotate"),
        lambda page: page.get_by_role("button", name="Copy secret").wait_for(),
    ),
    "rotation-conflict": _rotation_conflict,
    "rotation-pending": _PENDING,
    "rotation-draining": _DRAINING,
    "cancel-rotation": _then(_PENDING, _click("button", "Cancel rotation")),
    "end-old-secret": _then(_DRAINING, _click("button", "End the old secret now")),
    "trial": _TRIAL,
    "enforce-trial": _then(_TRIAL, _click("button", "Enforce trial")),
    "drop-trial": _then(_TRIAL, _click("button", "Drop trial")),
    "start-trial": _then(
        _GRID,
        _click("checkbox", "Get Device /api/v1/devices/{device_id}", exact=False),
        _click("button", "Try first: only watch"),
    ),
    "grid-trial": _at(f"/tokens/{{{_TRIED}}}/edit-permissions", "Permissions of"),
    "revoke-token": _then(_TOKEN_PAGE, _click("button", "Revoke")),
    "no-such-token": _nowhere,
    "activity": _at("/activity", "Activity"),
    "activity-filtered": _at("/activity?kind=tokens&since=2026-01-01&about={token}", "Activity"),
    "requests": _REQUESTS,
    "grant-request": _then(_REQUESTS, _click("button", "Grant GET /api/v1/users to", exact=False)),
    "decline-request-refused": _then(
        _REQUESTS,
        _click("button", "Decline GET /api/v1/users for", exact=False),
        lambda page: page.get_by_role("button", name="Decline", exact=True).last.click(),
    ),
    "requests-decided": _at("/requests?state=declined", "Requests"),
    "grant-by-link": _at(
        "/requests?token={token}&permission=GET%20%2Fapi%2Fv1%2Fusers", "Grant a refused call"
    ),
    "admins": _ADMINS,
    "policy": _POLICY,
    "policy-refused": _then(_POLICY, *_TYPED, _fill("Networks", "nowhere"), _PREVIEW),
    "policy-preview": _then(
        _POLICY, *_TYPED, _PREVIEW, lambda page: page.get_by_text("without expiry get").wait_for()
    ),
    "invite": _then(_ADMINS, _click("button", "Invite admin")),
    "renew-invitation": _of_admin("Katherine Johnson", "New invitation link"),
    "change-role": _of_admin("Grace Hopper", "Change role"),
    "transfer-ownership": _of_admin("Grace Hopper", "Transfer ownership"),
    "remove-admin": _of_admin("Grace Hopper", "Remove"),
    "sessions": _then(
        _TOKENS_PAGE,
        _click("button", "Account: Ada Lovelace Owner"),
        _click("button", "Your sessions"),
    ),
    "webhooks": _WEBHOOKS,
    "create-webhook": _then(_WEBHOOKS, _click("button", "Create webhook")),
    "create-webhook-refused": _then(
        _WEBHOOKS,
        _click("button", "Create webhook"),
        _fill("Address", "https://example.com"),
        _click("button", "Create"),
    ),
    "webhook-secret": _then(
        _WEBHOOKS,
        _click("button", "Create webhook"),
        _fill("Address", "https://example.com/not-there"),
        _click("checkbox", "All events", exact=False),
        _click("button", "Create"),
        lambda page: page.get_by_role("button", name="Copy secret").wait_for(),
    ),
    "webhook": _WEBHOOK,
    "webhook-paused": _then(
        _WEBHOOKS, _click("link", _PAUSED_HOOK), _click("button", "Send events again")
    ),
    "remove-webhook": _then(_WEBHOOK, _click("button", "Remove")),
    "reminders": _reminders,
    "session-ended": _expired,
}
__all__ = ["AUDITOR", "COLLEAGUE", "EMAIL", "STATES", "Scene", "settle", "use_retired_secrets"]
