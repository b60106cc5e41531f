"""Recognises the errors of an unavailable database, and words them for the operator."""

import sqlite3
import ssl

import asyncpg
from tortoise.exceptions import BaseORMException, DBConnectionError


class ReadOnlyDatabase(Exception):
    """The database does not take writes: a standby, or a server that was set read-only.

    An outage for reads too: a standby may not have received a revocation yet.
    """

    def __init__(self) -> None:
        super().__init__("The database does not take writes.")


class FormerPrimary(Exception):
    """The server was primary until another one was promoted: it may lack a revocation."""


class ConnectionRefused(Exception):
    """The server refuses a setting of the session. The cause holds the server's words."""


class StatementTooLong(Exception):
    """The database answers, but not within the time that a statement was given."""


_OUTAGES = (
    ReadOnlyDatabase,
    FormerPrimary,
    ConnectionRefused,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # Errors of the driver on a connection whose server was killed.
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TargetServerAttributeNotMatched,
    # Serialization failures and deadlocks that retries did not solve.
    asyncpg.TransactionRollbackError,
    DBConnectionError,
    TimeoutError,
    OSError,
)
_SQLITE_OUTAGE_CODES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
_PRIMARY_CODE = 0xFF
_DOES_NOT_ANSWER = "The database does not answer."
_SENTENCES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (asyncpg.InvalidPasswordError, "The database refuses the user or the password."),
    (
        asyncpg.InvalidCatalogNameError,
        "The database that TESSERA_DATABASE_URL names does not exist.",
    ),
    (
        (
            ReadOnlyDatabase,
            asyncpg.ReadOnlySQLTransactionError,
            asyncpg.TargetServerAttributeNotMatched,
        ),
        "The database does not take writes: it is a standby, or set read-only.",
    ),
    (
        FormerPrimary,
        "The database is a former primary: another server was promoted since.",
    ),
    (asyncpg.TooManyConnectionsError, "The database has no connection left for another client."),
    (
        asyncpg.ClientConfigurationError,
        "TESSERA_DATABASE_URL or a PG… variable of the environment is not valid.",
    ),
)


def is_unavailable(error: BaseException) -> bool:
    """Whether `error` says that the database cannot answer any query now."""
    if isinstance(error.__cause__, asyncpg.InsufficientPrivilegeError):
        return True
    cause = _driver_error(error)
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", None)
        return code is not None and code & _PRIMARY_CODE in _SQLITE_OUTAGE_CODES
    return isinstance(cause, _OUTAGES)


def sentence_of(error: BaseException) -> str:
    """Say to the operator why the database is unusable: one sentence, without any secret."""
    if isinstance(error.__cause__, asyncpg.PostgresError):
        error = error.__cause__
    cause = _driver_error(error)
    if isinstance(cause, sqlite3.Error):
        return f"The database file cannot be used: {cause}."
    if (sentence := _known_sentence(error)) is not None:
        return sentence
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of the database is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS with the database fails: {error.reason}."
    if isinstance(error, ConnectionError) and "SSL" in str(error):
        return "The database does not offer TLS, which sslmode asks for."
    if isinstance(error, asyncpg.PostgresError):
        # The server's own words name roles and databases, but no password.
        return f"The database refuses: {str(error).partition(chr(10))[0]}"
    return _DOES_NOT_ANSWER


def public_sentence_of(error: BaseException) -> str:
    """As `sentence_of`, without names of roles, hosts or tables, because anyone may read it."""
    if isinstance(error.__cause__, asyncpg.PostgresError):
        error = error.__cause__
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return "The database's role lacks rights."
    return _known_sentence(error) or _DOES_NOT_ANSWER


def _known_sentence(error: BaseException) -> str | None:
    return next((sentence for kinds, sentence in _SENTENCES if isinstance(error, kinds)), None)


def _driver_error(error: BaseException) -> BaseException:
    """The error of SQLite's driver that Tortoise has wrapped, or else `error` itself."""
    if isinstance(error, BaseORMException) and error.args and isinstance(error.args[0], Exception):
        wrapped = error.args[0]
        return wrapped if isinstance(wrapped, sqlite3.Error) else error
    return error
