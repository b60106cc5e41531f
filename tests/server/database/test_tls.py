"""libpq's ways in against a real server: TLS modes, certificates, password files and sockets."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from server import database
from server.errors import Misconfigured
from tests.conftest import settings_for
from tests.support.postgres import PostgresCluster
from tests.support.waiting import until

_HBA = """
local all all scram-sha-256
hostssl all certified all cert
hostssl all all all scram-sha-256
"""

# A test's event loop ends with the test; a connection that is open then is reported later.
_END_OF_TLS_SECONDS = 0.3


@dataclass(frozen=True)
class Authority:
    """Signs certificates. `file` is its own, which clients name as `sslrootcert`."""

    folder: Path
    name: str

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.crt"

    def found(self) -> None:
        self._openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-nodes", "-days", "2", "-subj", f"/CN={self.name}"),
            *("-keyout", f"{self.name}.key", "-out", f"{self.name}.crt"),
        )

    def sign(self, subject: str, extension: str = "") -> tuple[Path, Path]:
        """A certificate and its key."""
        self._openssl(
            *("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-nodes", "-subj", f"/CN={subject}"),
            *("-keyout", f"{subject}.key", "-out", f"{subject}.csr"),
        )
        (self.folder / "extension").write_text(extension)
        self._openssl(
            *("x509", "-req", "-in", f"{subject}.csr", "-days", "2", "-extfile", "extension"),
            *("-CA", f"{self.name}.crt", "-CAkey", f"{self.name}.key", "-CAcreateserial"),
            *("-out", f"{subject}.crt"),
        )
        return self.folder / f"{subject}.crt", self.folder / f"{subject}.key"

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(
            ["openssl", *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        )


@dataclass(frozen=True)
class TlsServer:
    cluster: PostgresCluster
    url: str
    trusted: Authority
    other: Authority
    certificate: Path
    key: Path


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    """A server that requires TLS, with a certificate for `localhost` and not for its address."""
    folder = tmp_path_factory.mktemp("tls")
    trusted, other = Authority(folder, "trusted"), Authority(folder, "other")
    trusted.found()
    other.found()
    server_files = trusted.sign("server", "subjectAltName = DNS:localhost")
    certificate, key = trusted.sign("certified")
    (folder / "hba").write_text(_HBA)
    cluster = PostgresCluster()
    cluster.create_folder()
    settings = {"ssl": "on", "ssl_ca_file": trusted.file, "hba_file": folder / "hba"}
    settings["unix_socket_directories"] = str(cluster.folder)
    settings |= dict(zip(("ssl_cert_file", "ssl_key_file"), server_files, strict=True))
    for name, file in settings.items():
        cluster.settings[name] = cluster.keep(file) if isinstance(file, Path) else str(file)
    with cluster:
        url = cluster.create_database_now()
        yield TlsServer(cluster, url, trusted, other, certificate, key)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


async def is_encrypted(url: str) -> bool:
    """Connects as Tessera does; raises `Misconfigured` as an operator would see it."""
    try:
        async with database.connected(settings_for(url)), database.told_to_the_operator():
            query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            _, rows = await database.connection().execute_query(query)
            return bool(rows[0]["ssl"])
    except Misconfigured:
        # asyncpg does not wait until TLS has ended on a connection that was refused.
        await asyncio.sleep(_END_OF_TLS_SECONDS)
        raise


def at(tls_server: TlsServer, host: str, query: str) -> str:
    return tls_server.url.replace("127.0.0.1", host) + "?" + query


@pytest.mark.parametrize(
    ("host", "query"),
    [
        ("localhost", "sslmode=verify-full&sslrootcert={trusted}"),
        ("localhost", "sslmode=verify-ca&sslrootcert={trusted}"),
        ("127.0.0.1", "sslmode=verify-ca&sslrootcert={trusted}"),
        ("127.0.0.1", "sslmode=require&sslrootcert={trusted}"),
        ("127.0.0.1", "sslmode=require"),
        ("127.0.0.1", "sslmode=prefer"),
        ("127.0.0.1", "sslmode=allow"),
    ],
)
async def test_trusted_server_is_connected_with_tls(
    tls_server: TlsServer, host: str, query: str
) -> None:
    assert await is_encrypted(at(tls_server, host, query.format(trusted=tls_server.trusted.file)))


@pytest.mark.parametrize(
    ("host", "query", "says"),
    [
        ("127.0.0.1", "sslmode=verify-full&sslrootcert={trusted}", "IP address mismatch"),
        ("localhost", "sslmode=verify-full&sslrootcert={other}", "not trusted"),
        ("localhost", "sslmode=verify-full", "not trusted"),
        ("localhost", "sslmode=verify-ca&sslrootcert={other}", "not trusted"),
        ("localhost", "sslmode=require&sslrootcert={other}", "not trusted"),
        ("localhost", "sslmode=disable", "no pg_hba.conf entry"),
    ],
)
async def test_untrusted_server_is_refused(
    tls_server: TlsServer, host: str, query: str, says: str
) -> None:
    filled = query.format(trusted=tls_server.trusted.file, other=tls_server.other.file)
    with pytest.raises(Misconfigured, match=says) as refused:
        await is_encrypted(at(tls_server, host, filled))
    assert tls_server.cluster.password not in str(refused.value)


async def test_tls_settings_of_the_environment_are_used(
    tls_server: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_name = tls_server.url.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    monkeypatch.setenv("PGSSLROOTCERT", str(tls_server.trusted.file))
    assert await is_encrypted(by_name)
    with pytest.raises(Misconfigured, match="not trusted"):
        await is_encrypted(tls_server.url)
    monkeypatch.setenv("PGSSLROOTCERT", str(tls_server.other.file))
    for query in ("", "?sslmode=require"):
        with pytest.raises(Misconfigured, match="not trusted"):
            await is_encrypted(by_name + query)


async def test_client_authenticates_by_certificate(tls_server: TlsServer) -> None:
    connection = await tls_server.cluster.connect()
    await connection.execute("CREATE ROLE certified LOGIN")
    await connection.close()
    place = (
        f"{tls_server.cluster.host}:{tls_server.cluster.port}/{tls_server.url.rpartition('/')[2]}"
    )
    url = f"postgres://certified@{place}?sslmode=require"
    pair = f"&sslcert={quote(str(tls_server.certificate))}&sslkey={quote(str(tls_server.key))}"
    assert await is_encrypted(url + pair)
    with pytest.raises(Misconfigured, match="refuses"):
        await is_encrypted(url)
    with pytest.raises(Misconfigured, match="do not match"):
        await is_encrypted(url + pair.replace("certified.key", "server.key"))


async def test_password_is_read_from_a_file(tls_server: TlsServer, tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    file.write_text(f"127.0.0.1:*:*:{tls_server.cluster.user}:{tls_server.cluster.password}\n")
    file.chmod(0o600)
    bare = tls_server.url.replace(f":{quote(tls_server.cluster.password, safe='')}@", "@")
    assert await is_encrypted(f"{bare}?passfile={file}")


async def test_password_is_changed_while_connections_are_open(
    tls_server: TlsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is read at each connection, so that no instance needs a restart."""
    file = tmp_path / "passwords"
    file.write_text("*:*:*:rotated:first\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    superuser = await tls_server.cluster.connect()
    await superuser.execute("CREATE ROLE rotated LOGIN PASSWORD 'first'")
    place = tls_server.url.rpartition("@")[2]
    async with database.connected(settings_for(f"postgres://rotated@{place}")):
        await database.ping()
        await superuser.execute("ALTER ROLE rotated PASSWORD 'sec:ond'")
        await database.ping()
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'rotated'"
        await superuser.execute(ended)

        async def are_gone() -> bool:
            open_ones = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'rotated'"
            return not await superuser.fetchval(open_ones)

        # The driver cannot tell a connection that is about to end from one that is busy.
        await until(are_gone)
        await asyncio.sleep(0.1)
        with pytest.raises(Misconfigured, match="refuses the user or the password"):
            async with database.told_to_the_operator():
                await until(pings_unless_cut)
        file.write_text("*:*:*:rotated:sec:ond\n")
        await database.ping()
    await superuser.close()


async def pings_unless_cut() -> None:
    """Meets the connections that the server has ended, and asks anew."""
    cut = (asyncpg.AdminShutdownError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)
    with suppress(*cut, asyncpg.InternalClientError, OSError):
        await database.ping()


async def test_unix_socket_is_connected(tls_server: TlsServer) -> None:
    cluster = tls_server.cluster
    name = tls_server.url.rpartition("/")[2]
    for place in (
        f"@{quote(str(cluster.folder), safe='')}:{cluster.port}/{name}",
        f"@/{name}?host={cluster.folder}&port={cluster.port}",
        f"@/{name}?host=/no/such,{cluster.folder}&port={cluster.port}",
    ):
        url = f"postgres://{cluster.user}:{quote(cluster.password, safe='')}{place}"
        assert not await is_encrypted(url)
