"""`tessera tenant` and `tessera admin`."""

import json
import re
import subprocess
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.support.command import OWNER, PASSWORD, create_tenant, misused, refused, run
from tests.support.process import (
    ROOT,
    TESSERA,
    ServerProcess,
    tessera,
    tessera_environment,
)


def sign_in(server: ServerProcess, slug: str = "acme", password: str = PASSWORD) -> dict[str, str]:
    body = {
        "tenant": slug,
        "email": "ada@acme.example",
        "password": password,
        "transport": "bearer",
    }
    request = Request(
        f"{server.url}/session", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urlopen(request) as answer:
        content: dict[str, str] = json.load(answer)
        return content


def test_created_tenant_has_an_owner_who_can_sign_in(
    server: ServerProcess, served_url: str
) -> None:
    said = create_tenant(served_url, "signs-in", "--region", "eu")
    assert said == "Created tenant signs-in.\n"
    assert sign_in(server, "signs-in").keys() == {"session", "expiresAt"}


def test_password_is_prompted_for_at_a_terminal(fresh_url: str) -> None:
    """It is no argument: other users of the machine can read those. The command makes the database
    itself."""
    assert "--password-stdin" in run(fresh_url, "tenant", "create", "--help")
    done = subprocess.run(
        [*TESSERA, "tenant", "create", "acme", *OWNER],
        input=f"{PASSWORD}\n",
        env=tessera_environment(fresh_url),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,  # without a terminal, the prompt goes to standard error
    )
    assert done.returncode == 0, done.stderr
    assert "password" in done.stderr
    assert PASSWORD not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("slug", "owner", "password", "says"),
    [
        ("Acme Inc", OWNER, PASSWORD, "slug"),
        ("acme", ["--name", "A", "--owner-email", "ada", "--owner-name", "A"], PASSWORD, "mail"),
        ("acme", ["--name", " ", *OWNER[2:]], PASSWORD, "name"),
        ("acme", [*OWNER, "--region", "over there"], PASSWORD, ""),
        ("acme", OWNER, "short", "15 characters"),
        ("acme", OWNER, "passwordpassword", "guessed"),
        ("acme", OWNER, "", "15 characters"),
    ],
)  # fmt: skip
def test_invalid_tenant_is_reported(
    url: str, slug: str, owner: list[str], password: str, says: str
) -> None:
    told = refused(url, "tenant", "create", slug, *owner, "--password-stdin", stdin=f"{password}\n")
    assert says in told
    assert not password or password not in told


def test_slug_is_unique(url: str) -> None:
    create_tenant(url)
    arguments = ["tenant", "create", "acme", *OWNER, "--password-stdin"]
    assert "exists already" in refused(url, *arguments, stdin=f"{PASSWORD}\n")


def test_tenants_limit_is_set_and_removed(url: str) -> None:
    create_tenant(url)
    said = run(url, "tenant", "limit", "acme", "500")
    assert said == "Tenant acme may make 500 requests an hour.\n"
    said = run(url, "tenant", "limit", "acme", "default")
    assert said == "Tenant acme may make 10000 requests an hour.\n"
    assert refused(url, "tenant", "limit", "nobody", "5")
    assert refused(url, "tenant", "limit", "acme", "0")
    for number in ("-1", "1.5", "many", "٣", "1" * 30):
        assert misused("tenant", "limit", "acme", number)


def test_tenants_are_listed_with_their_counts(url: str) -> None:
    heading = r"SLUG +NAME +REGION +ADMINS +TOKENS +CREATED +STATE\n"
    assert re.fullmatch(heading, run(url, "tenant", "list"))
    create_tenant(url, "acme", "--region", "eu")
    create_tenant(url, "b")
    listed = run(url, "tenant", "list")
    day = r"\d{4}-\d\d-\d\d"
    rows = rf"acme +Acme +eu +1 +0 +{day} +active\nb +Acme +us +1 +0 +{day} +active\n"
    assert re.fullmatch(heading + rows, listed)
    said = run(url, "tenant", "suspend", "acme")
    assert re.fullmatch(rf"Tenant acme is suspended since {day} \d\d:\d\d UTC\.\n", said)
    assert run(url, "tenant", "rename", "acme", "--name", "Ajax") == "Renamed tenant acme.\n"
    assert re.search(rf"^acme +Ajax +eu +1 +0 +{day} +suspended$", run(url, "tenant", "list"), re.M)
    assert run(url, "tenant", "resume", "acme") == "Tenant acme is active.\n"
    assert refused(url, "tenant", "suspend", "nobody") == "tessera: Not found.\n"
    assert len({line.index("  0  ") for line in listed.splitlines()[1:]}) == 1


def invite(url: str, email: str = "ada@acme.example") -> str:
    said = run(url, "admin", "invite", "acme", email)
    invitation = re.search(r"^Invitation +(\S+) +\(shown this once\)$", said, re.MULTILINE)
    assert invitation
    assert re.search(r"^Expires + \d{4}-\d\d-\d\d \d\d:\d\d UTC", said, re.MULTILINE)
    return invitation[1]


def accept(server: ServerProcess, invitation: str, password: str) -> int:
    body = {"invitation": invitation, "password": password}
    request = Request(
        f"{server.url}/invitation", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urlopen(request) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_admin_with_a_forgotten_password_is_invited_again(
    server: ServerProcess, served_url: str
) -> None:
    create_tenant(served_url)
    new = "nine copper lanterns flicker"
    first, second = invite(served_url, "Ada@ACME.example"), invite(served_url)
    assert sign_in(server), "nothing has changed so far"
    assert [accept(server, one, new) for one in (first, second, second)] == [422, 204, 422]
    assert sign_in(server, password=new)
    with pytest.raises(HTTPError):
        sign_in(server)
    assert second not in server.log()


def test_only_an_admin_can_be_invited_again(url: str) -> None:
    create_tenant(url)
    for slug, email in (("acme", "bob@acme.example"), ("nobody", "ada@acme.example"), ("a", "b")):
        assert refused(url, "admin", "invite", slug, email)


def test_invitation_names_the_page_that_takes_it(url: str) -> None:
    create_tenant(url)
    assert "open /invitation#INVITATION of the console" in run(
        url, "admin", "invite", "acme", "ada@acme.example"
    )
    public = {"TESSERA_PUBLIC_URL": "https://intranet.example.com/tessera/"}
    said = tessera("admin", "invite", "acme", "ada@acme.example", database_url=url, settings=public)
    page = "https://intranet.example.com/tessera/invitation#INVITATION"
    assert (said.returncode, f"open {page}, or POST it there" in said.stdout) == (0, True)
