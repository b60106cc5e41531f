"""Reading a PostgreSQL URL: its settings, and its faults, refused before connecting."""

import os
from inspect import signature
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from asyncpg.connect_utils import _parse_connect_dsn_and_args

from server.database.postgres.address import Address, read_address
from server.errors import Misconfigured

_NOTHING = dict.fromkeys(
    set(signature(_parse_connect_dsn_and_args).parameters) - {"dsn"},
)


def asyncpg_reads(address: Address) -> list[Any]:
    """asyncpg's addresses and parameters for each URL."""
    return [_parse_connect_dsn_and_args(dsn=url, **_NOTHING) for url in address.urls]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No `PG…` variables and an empty home directory."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("url", "places", "user", "password", "name"),
    [
        ("postgres://u@db.example/name", [("db.example", 5432)], "u", None, "name"),
        ("postgresql://u:p@db.example:6543/n", [("db.example", 6543)], "u", "p", "n"),
        ("postgres://u@[::1]:6543/n", [("::1", 6543)], "u", None, "n"),
        ("postgres://u:p%40%3A%2F%23%3F@h/n", [("h", 5432)], "u", "p@:/#?", "n"),
        ("postgres://a%40b:p%25@h/na%20me", [("h", 5432)], "a@b", "p%", "na me"),
        ("postgres:///n?host=/run/pg&port=6543&user=u", ["/run/pg/.s.PGSQL.6543"], "u", None, "n"),
        ("postgres://u@%2Frun%2Fpg/n", ["/run/pg/.s.PGSQL.5432"], "u", None, "n"),
        ("postgres://h?dbname=n&user=u&password=a+b%20c", [("h", 5432)], "u", "a+b c", "n"),
        ("postgres://u@a:1,b:2,[::1]/n", [("a", 1), ("b", 2), ("::1", 5432)], "u", None, "n"),
    ],
)
def test_url_gives_host_port_user_password_and_database(
    url: str, places: list[Any], user: str, password: str | None, name: str
) -> None:
    read = asyncpg_reads(read_address(url))
    assert [place for addresses, _ in read for place in addresses] == places
    for _, parameters in read:
        assert (parameters.user, parameters.password, parameters.database) == (user, password, name)


@pytest.mark.parametrize(
    ("query", "environment", "mode"),
    [
        ("", {}, "prefer"),
        ("?sslmode=require", {}, "require"),
        ("?sslmode=verify-full", {}, "verify_full"),
        ("", {"PGSSLMODE": "verify-full"}, "verify_full"),
        ("?sslmode=disable", {"PGSSLMODE": "verify-full"}, "disable"),
        ("?sslmode=require", {"PGSSLMODE": "disable"}, "require"),
    ],
)
def test_tls_mode_comes_from_the_url_else_the_environment(
    query: str, environment: dict[str, str], mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    [(_, parameters)] = asyncpg_reads(read_address(f"postgres://u@h/n{query}"))
    assert parameters.sslmode.name == mode
    assert not parameters.ssl or parameters.ssl.check_hostname == (mode == "verify_full")


def test_session_settings_come_from_the_url_else_the_environment() -> None:
    inherited = {"PGAPPNAME": "theirs", "PGOPTIONS": "-cstatement_timeout=1s"}
    assert read_address("postgres://h/n", {}).server_settings == {"application_name": "tessera"}
    assert read_address("postgres://h/n", inherited).server_settings == {
        "application_name": "theirs",
        "options": "-cstatement_timeout=1s",
    }
    own = "postgres://h/n?application_name=a&options=-csearch_path%3Dx"
    assert read_address(own, inherited).server_settings == {
        "application_name": "a",
        "options": "-csearch_path=x",
    }
    assert read_address("postgres://h/n?statement_cache_size=0").statement_cache_size == 0
    assert read_address("postgres://h/n", {"PGTARGETSESSIONATTRS": "primary"}).target == "primary"


def test_address_is_shown_without_credentials() -> None:
    assert "hunter2" not in repr(read_address("postgres://u:hunter2@h/n"))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgres://u:hunter2@h:port/n", "host or port"),
        ("postgres://u:hunter2@h:99999/n", "host or port"),
        ("postgres://u:hunter2@a:1,b:99999/n", "host or port"),
        ("postgres://u:hunter2@[::1/n", "not a URL"),
        ("postgres://u:hunter2@h h/n", "host or port"),
        ("postgres://u:hunter2@x@h/n", "%40"),
        ("postgres://u:hunter2/x@h/n", "host or port"),
        ("postgres://u:@h/n#hunter2", "%23"),
        ("postgres://u:hunter2@h/n?port=1", "port twice"),
        ("postgres:///n?host=h&password=hunter2&port=many", "port"),
        ("postgres://u:hunter2@h/n?dbname=m", "dbname twice"),
        ("postgres://u:hunter2@h/n?user=v", "user twice"),
        ("postgres://u:hunter2@h/n?password=v", "password twice"),
        ("postgres://u:hunter2@h/n?sslmode=require&sslmode=disable", "sslmode twice"),
        ("postgres://u:hunter2@h/n?sslmod=verify-full", "unknown parameter: sslmod"),
        ("postgres://u:hunter2@h/n?SSLMODE=verify-full", "unknown parameter: SSLMODE"),
        ("postgres://u:hunter2@h/n?channel_binding=require", "unknown parameter: channel_binding"),
        ("postgres://u:hunter2@h/n?connect_timeout=5", "unknown parameter: connect_timeout"),
        ("postgres://u:hunter2@h/n?currentSchema=x", "search_path"),
        ("postgres://u:hunter2@h/n?ssl=true", "Use sslmode"),
        ("postgres://u@h/n?hunter2%20=x", "unknown parameter: …"),
        ("postgres://u:hunter2@h/n?sslmode", "not a URL"),
        ("postgres://u:hunter2@h/n?sslmode=", "sslmode of TESSERA_DATABASE_URL is empty"),
        ("postgres://u:hunter2@h/n?sslmode=maybe", "sslmode must be one of"),
        ("postgres://u:hunter2@h/n?sslmode=verify-ca", "needs sslrootcert"),
        ("postgres://u:hunter2@h/n?sslmode=require&sslrootcert=system", "verify-full"),
        ("postgres://u:hunter2@h/n?sslmode=verify-full&sslrootcert=/no/such.pem", "sslrootcert"),
        (f"postgres://u:hunter2@h/n?sslrootcert={__file__}", "holds no certificate"),
        (f"postgres://u:hunter2@h/n?sslcert={__file__}", "sslcert"),
        ("postgres://u:hunter2@h/n?sslkey=/no/such.pem", "sslkey"),
        ("postgres://u:hunter2@h/n?passfile=/no/such", "passfile"),
        ("postgres://u:hunter2@h/n?target_session_attrs=any", "read-write or primary"),
        ("postgres://u:hunter2@h/n?target_session_attrs=standby", "read-write or primary"),
        ("postgres://u:hunter2@h/n?statement_cache_size=-1", "statement_cache_size"),
        ("postgres://u:hunter2@h/n?statement_cache_size=many", "statement_cache_size"),
    ],
)
def test_unusable_url_is_refused_in_one_sentence(url: str, says: str) -> None:
    with pytest.raises(Misconfigured, match=says) as refused:
        read_address(url)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PGCHANNELBINDING", "require"),
        ("PGREQUIREAUTH", "scram-sha-256"),
        ("PGGSSENCMODE", "require"),
        ("PGHOSTADDR", "192.0.2.1"),
        ("PGSSLCRLDIR", "/etc/crl"),
        ("PGSSLMODE", "verify_full"),
        ("PGTARGETSESSIONATTRS", "standby"),
    ],
)
def test_unsupported_environment_variable_is_refused(name: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=f"{name}|sslmode|target_session_attrs"):
        read_address("postgres://h/n", {name: value})
    assert read_address("postgres://h/n", {name: ""})
    assert read_address("postgres://h/n", {"PGCHANNELBINDING": "prefer"})


def test_each_host_gets_its_own_url() -> None:
    urls = read_address("postgres://u:p@a,b:2/n?sslmode=require").urls
    assert [urlsplit(url).netloc for url in urls] == ["u:p@a", "u:p@b:2"]
    assert {urlsplit(url).query for url in urls} == {"sslmode=require"}


@pytest.mark.parametrize(
    ("url", "environment", "places"),
    [
        ("postgres:///n?host=a,b&port=1,2", {}, [("a", 1), ("b", 2)]),
        ("postgres:///n?host=a,b", {"PGPORT": "7"}, [("a", 7), ("b", 7)]),
        ("postgres:///n?host=/run/a,/run/b&port=6", {}, ["/run/a/.s.PGSQL.6", "/run/b/.s.PGSQL.6"]),
        ("postgres:///n", {"PGHOST": "a,b", "PGPORT": "1,2"}, [("a", 1), ("b", 2)]),
        ("postgres://h/n", {"PGHOST": "a,b"}, [("h", 5432)]),
    ],
)
def test_each_host_of_a_list_gets_its_own_url(
    url: str, environment: dict[str, str], places: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead host must not use up the time of the next."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    read = asyncpg_reads(read_address(url))
    assert [addresses for addresses, _ in read] == [[place] for place in places]


@pytest.mark.parametrize(
    ("url", "environment", "says"),
    [
        ("postgres:///n?host=a,", {}, "empty"),
        ("postgres:///n?host=a,b,c&port=1,2", {}, "one for each host"),
        ("postgres:///n", {"PGHOST": "a,b", "PGPORT": "1,2,3"}, "one for each host"),
        ("postgres://h/n", {"PGPORT": "many"}, "PGPORT"),
        ("postgres://h/n", {"PGPASSFILE": "/no/such"}, "PGPASSFILE cannot be read"),
        ("postgres://h/n", {"PGSSLKEY": "/no/such"}, "PGSSLKEY cannot be read"),
    ],
)
def test_unusable_lists_and_files_are_refused(
    url: str, environment: dict[str, str], says: str
) -> None:
    with pytest.raises(Misconfigured, match=says):
        read_address(url, environment)


def test_password_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """asyncpg would ignore it, and the server refuse the connection."""
    file = tmp_path / "passwords"
    file.touch(mode=0o640)
    with pytest.raises(Misconfigured, match="0600"):
        read_address(f"postgres://u@h/n?passfile={file}")
    assert read_address(f"postgres://u:p@h/n?passfile={file}")
    file.chmod(0o600)
    assert read_address("postgres://u@h/n", {"PGPASSFILE": str(file)})
