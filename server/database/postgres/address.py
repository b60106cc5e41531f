"""Reads and checks TESSERA_DATABASE_URL for PostgreSQL. Opens no connection.

asyncpg reads the URL and the environment's PG… variables itself. Parameters that it would ignore,
or send to the server as a setting, are refused here. No message quotes the URL: it may hold a
password.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

from server.database.postgres.tls import URL_SETTING, require_readable, resolve_tls
from server.errors import Misconfigured

_HOST = re.compile(r"(\[[0-9A-Fa-f:.%\w]+\]|[A-Za-z0-9._~%-]*)(:(?P<port>[0-9]{1,5}))?")
_WRITABLE = ("read-write", "primary")
# The parameters that asyncpg understands; the last three are session settings, or Tessera's own.
_PARAMETERS = frozenset(
    "host port dbname database user password passfile service sslmode sslnegotiation"  # noqa: SIM905 - a line each is a page
    " sslrootcert sslcert sslkey sslpassword sslcrl ssl_min_protocol_version"
    " ssl_max_protocol_version target_session_attrs krbsrvname gsslib"
    " application_name options statement_cache_size".split()
)
_INSTEAD = {
    "currentSchema": "options=-csearch_path%3DNAME",
    "schema": "options=-csearch_path%3DNAME",
    "search_path": "options=-csearch_path%3DNAME",
    "ssl": "sslmode",
}
# libpq honours these variables and asyncpg does not: ignoring them would weaken the connection that
# the operator asked for. A text is the one value that is refused; None refuses any.
_IGNORED_BY_ASYNCPG = {
    "PGHOSTADDR": None,
    "PGREQUIREAUTH": None,
    "PGSSLCRLDIR": None,
    "PGCHANNELBINDING": "require",
    "PGGSSENCMODE": "require",
    "PGSSLCERTMODE": "require",
}


@dataclass(frozen=True, slots=True)
class Address:
    """How to connect.

    urls: one per host, in the order in which to try them.
    server_settings: the settings of each session; a URL's own settings stay.
    statement_cache_size: the number of prepared statements that a connection keeps; None means
    asyncpg's default, or none behind a pooler that gives each transaction another connection.
    """

    urls: tuple[str, ...] = field(repr=False)
    target: str
    server_settings: dict[str, str]
    statement_cache_size: int | None


def read_address(url: str, environment: Mapping[str, str] | None = None) -> Address:
    """Read the address from a `postgres://` URL and the PG… variables.

    Raises `Misconfigured` with a sentence that names the parameter and not its value.
    """
    environment = os.environ if environment is None else environment
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(
            # As in libpq, `+` is literal and does not mean a space.
            parts.query.replace("+", "%2B"),
            keep_blank_values=True,
            strict_parsing=bool(parts.query),
            errors="strict",
        )
    except ValueError:
        raise Misconfigured(f"{URL_SETTING} is not a URL.") from None
    _check_authority(parts)
    parameters = _checked_parameters(parts, pairs)
    for name, allowed in _IGNORED_BY_ASYNCPG.items():
        if environment.get(name) and allowed in {None, environment[name]}:
            raise Misconfigured(f"{name} is not supported. Remove it from the environment.")
    if not _are_ports(environment.get("PGPORT")):
        raise Misconfigured("PGPORT is not a number up to 65535.")
    cache = _cache_size(parameters.pop("statement_cache_size", None))
    target = parameters.pop("target_session_attrs", None) or environment.get("PGTARGETSESSIONATTRS")
    if target and target not in _WRITABLE:
        raise Misconfigured("target_session_attrs must be read-write or primary: Tessera writes.")
    resolve_tls(parameters, environment)
    _check_password_file(parts, parameters, environment)
    settings = {
        "application_name": parameters.pop("application_name", None)
        or environment.get("PGAPPNAME")
        or "tessera"
    }
    if options := parameters.pop("options", None) or environment.get("PGOPTIONS"):
        settings["options"] = options
    urls = _urls_by_host(parts, parameters, environment)
    return Address(urls, target or _WRITABLE[0], settings, cache)


def _check_authority(parts: SplitResult) -> None:
    user, _, hosts = parts.netloc.rpartition("@")
    if "@" in user or parts.fragment:
        raise Misconfigured(
            f"In {URL_SETTING}, write @ : / ? # of user and password as %40 %3A %2F %3F %23."
        )
    for host in hosts.split(","):
        match = _HOST.fullmatch(host)
        if match is None or int(match["port"] or 0) > 65_535:
            raise Misconfigured(f"A host or port of {URL_SETTING} is not valid.")


def _checked_parameters(parts: SplitResult, pairs: list[tuple[str, str]]) -> dict[str, str]:
    """The parameters by name. Refuses unknown, empty and repeated ones."""
    said = _named_before_the_query(parts)
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name not in _PARAMETERS:
            shown = name if re.fullmatch(r"[A-Za-z_]{1,40}", name) else "…"
            instead = f" Use {_INSTEAD[name]}." if name in _INSTEAD else ""
            raise Misconfigured(f"{URL_SETTING} has an unknown parameter: {shown}.{instead}")
        if name in said:
            raise Misconfigured(f"{URL_SETTING} has {name} twice.")
        if not value:
            raise Misconfigured(f"The {name} of {URL_SETTING} is empty.")
        said |= _same_as(name)
        parameters[name] = value
    if not _are_ports(parameters.get("port")):
        raise Misconfigured(f"The port of {URL_SETTING} is not a number up to 65535.")
    return parameters


def _named_before_the_query(parts: SplitResult) -> set[str]:
    user, _, hosts = parts.netloc.rpartition("@")
    said = {"host", "port"} if hosts else set()
    said |= {"user"} if user.partition(":")[0] else set()
    said |= {"password"} if user.partition(":")[2] else set()
    return said | (_same_as("database") if parts.path.strip("/") else set())


def _same_as(name: str) -> set[str]:
    return {"database", "dbname"} if name in {"database", "dbname"} else {name}


def _are_ports(text: str | None) -> bool:
    """Whether a text, if there is one, has port numbers with commas between."""
    ports = text.split(",") if text else []
    return all(re.fullmatch("[0-9]{1,5}", port) and int(port) <= 65_535 for port in ports)


def _check_password_file(
    parts: SplitResult, parameters: Mapping[str, str], environment: Mapping[str, str]
) -> None:
    """Refuse a password file that asyncpg would ignore: it reads the file at each connection."""
    said = _named_before_the_query(parts) | parameters.keys()
    is_read = "password" not in said and not environment.get("PGPASSWORD")
    file = require_readable("passfile", parameters, environment if is_read else {})
    if file is not None and is_read and Path(file).stat().st_mode & 0o077:
        raise Misconfigured("The password file can be read by others. Set its mode to 0600.")


def _cache_size(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 4):
        raise Misconfigured(f"The statement_cache_size of {URL_SETTING} must be from 0 to 9999.")
    return int(text)


def _urls_by_host(
    parts: SplitResult, parameters: dict[str, str], environment: Mapping[str, str]
) -> tuple[str, ...]:
    """One URL per host: asyncpg applies one time-out to all hosts of a URL, so that a dead host
    would use up the time of the next."""
    user, at, hosts = parts.netloc.rpartition("@")
    named = parameters.get("host") or ("" if hosts else environment.get("PGHOST", ""))
    if "," in named and "service" not in parameters:
        places = _places(named, parameters.get("port") or environment.get("PGPORT"))
        queries = [parameters | place for place in places]
        return tuple(parts._replace(query=_encoded(query)).geturl() for query in queries)
    return tuple(
        parts._replace(netloc=f"{user}{at}{host}", query=_encoded(parameters)).geturl()
        for host in hosts.split(",")
    )


def _places(hosts: str, ports: str | None) -> list[dict[str, str]]:
    """Host and port of each of several hosts: one port for all, or one for each."""
    names, numbers = hosts.split(","), ports.split(",") if ports else []
    if not all(names):
        raise Misconfigured(f"A host of {URL_SETTING} or PGHOST is empty.")
    if len(numbers) not in {0, 1, len(names)}:
        raise Misconfigured(f"{URL_SETTING} or PGPORT must have one port, or one for each host.")
    if not numbers:
        return [{"host": name} for name in names]
    each = numbers if len(numbers) > 1 else numbers * len(names)
    return [{"host": name, "port": port} for name, port in zip(names, each, strict=True)]


def _encoded(parameters: Mapping[str, str]) -> str:
    return urlencode(parameters, quote_via=quote)
