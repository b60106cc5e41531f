"""The settings: one frozen object, read once from the environment and passed to its users."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from server.errors import Misconfigured
from server.public_url import path_of, read_public_url
from server.smtp_url import SmtpServer, read_smtp_url
from server.token_format import BRAND
from server.web.client_address import FORWARDED, X_FORWARDED_FOR, Network

_YES, _NO = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_MAX_BRANDS = 16
_HEXADECIMAL_KEY = re.compile(r"([0-9a-fA-F]{2}){32,64}")
GATEWAYS = ("nginx", "caddy", "traefik", "envoy")
LEAK_KEYS_URL = "https://api.github.com/meta/public_keys/secret_scanning"
_MAX_LEAK_ORIGINS = 10
# A week, in which a reminder cannot be due again, to a hundred years.
_KEPT_DAYS = 7, 36_500
# Plain HTTP at this machine alone: who answers it decides whose reports are believed.
_KEYS_URL = re.compile(
    r"(https://[A-Za-z0-9.:\[\]-]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?)"
    r"(/[!-~]{0,500})?"
)
_ORIGIN_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_HEADER_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,50}")
_SENDER = re.compile(
    r"([^\x00-\x1f\x7f<>\"]{1,100} )?<([!-;=?-~]+@[a-z0-9.-]+)>|([!-;=?-~]+@[a-z0-9.-]+)"
)
_DOCS_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(/[!-~]*)?")
_ADDRESS = re.compile(r"([0-9A-Za-z.-]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})")
_RATIO = re.compile(r"0(\.[0-9]{1,9})?|1(\.0{1,9})?")
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1"))


@dataclass(frozen=True, slots=True)
class LeakOrigin:
    """A service that reports leaked secrets at `/leaks/<name>`, in the envelope of GitHub's.

    header_prefix: of its headers `…-Identifier` and `…-Signature`. keys_url: lists its public keys.
    """

    name: str
    header_prefix: str
    keys_url: str


@dataclass(frozen=True, slots=True)
class Settings:
    """The operator's settings. Every field is `TESSERA_` and its name in the environment.

    database_url: `sqlite:///absolute/path.db` or `postgres://user:password@host:port/name`.
    database_pool_size: connections an instance holds to PostgreSQL at most.
    api_spec: the tenant API's OpenAPI document; None is the one that ships.
    recipes: a folder of recipes; None is the one that ships, where the API's document is too.
    api_url: the tenant API's URL, a template with `{tenant}` and `{region}`.
    token_brand: the prefixes of token secrets: the first for new ones, all are accepted.
    digest_key: the key of all digests, then the one that it replaces if that is under way; none
        keeps a random one in the database.
    cors_origins: origins whose pages may call the API with a person's session.
    trusted_proxies: networks of proxies that are believed about a client's address.
    forwarded_header: where they write it: x-forwarded-for, or forwarded (RFC 7239). Gateways write
        the first at `/authorize`, regardless of this setting.
    pass_preflight: whether CORS preflights pass at `/authorize`, which carry no token.
    gateway: the kind of gateway that asks `/authorize`: nginx, caddy, traefik or envoy.
    gateway_peers: networks that `/authorize` is answered to.
    rate_limit_url: the Redis or Valkey that counts for all instances; None counts in memory.
    max_requests_per_tenant: how many requests of a tenant's people an instance works on at once.
    leak_keys_url: the public keys of GitHub's secret scanning; None takes no reports of it.
    leak_origins: further services that report leaked secrets.
    webhook_networks: networks that webhooks may be in, beside public addresses, and by HTTP too.
    keep_activity_days: how long rows are kept, here those of the audit trail; None for good.
    keep_revoked_days: the rows of tokens that were revoked.
    keep_use_days: counts of requests by day.
    keep_refusal_days: the latest denials of tokens.
    keep_secret_use_days: clients that presented the old secret of a rotation.
    keep_webhook_days: events that were sent, and the attempts to send them.
    keep_reminder_days: notes of the reminders that were sent.
    revocations_file: the journal of revocations, which a restored database lacks; None for none.
    public_url: where people open the console, for links; None for no links. It may have a path.
    docs_url: where the tenants' API is documented, for a link in the console; None for no link.
    smtp_url: the mail server; None sends no e-mail.
    smtp_from: the sender of e-mail: its name, which may be "", and its address.
    metrics_address: host and port of health and metrics; metrics are served nowhere else. None
    serves them beside everything else.
    trace_authorize_ratio: the part of the checks that get a span, from 0 to 1.
    introspection: whether signed-in admins may introspect the GraphQL schema.
    log_level: DEBUG, INFO, WARNING or ERROR.
    """

    database_url: str = field(repr=False)
    database_pool_size: int = 10
    api_spec: Path | None = None
    recipes: Path | None = None
    api_url: str = "https://{tenant}.api.{region}.example.com"
    token_brand: tuple[str, ...] = ("tsr",)
    digest_key: tuple[bytes, ...] = field(default=(), repr=False)
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()
    forwarded_header: str = X_FORWARDED_FOR
    pass_preflight: bool = False
    gateway: str = "nginx"
    gateway_peers: tuple[Network, ...] = _LOOPBACK
    rate_limit_url: str | None = field(default=None, repr=False)
    max_requests_per_tenant: int = 16
    leak_keys_url: str | None = LEAK_KEYS_URL
    leak_origins: tuple[LeakOrigin, ...] = ()
    webhook_networks: tuple[Network, ...] = ()
    keep_activity_days: int | None = None
    keep_revoked_days: int = 400
    keep_use_days: int = 400
    keep_refusal_days: int = 400
    keep_secret_use_days: int = 90
    keep_webhook_days: int = 30
    keep_reminder_days: int = 30
    revocations_file: Path | None = None
    public_url: str | None = None
    docs_url: str | None = None
    smtp_url: SmtpServer | None = None
    smtp_from: tuple[str, str] = ("", "")
    metrics_address: tuple[str, int] | None = None
    trace_authorize_ratio: float = 0.001
    introspection: bool = True
    log_level: str = "INFO"

    @property
    def all_leak_origins(self) -> tuple[LeakOrigin, ...]:
        """GitHub, unless it is off, and the further origins."""
        if self.leak_keys_url is None:
            return self.leak_origins
        return LeakOrigin("github", "Github-Public-Key", self.leak_keys_url), *self.leak_origins

    @property
    def public_path(self) -> str:
        """The path below which people open the console, such as `/tessera`; empty for none."""
        return path_of(self.public_url)

    @property
    def embedded(self) -> bool:
        """Whether the database is a file of this process: then `serve` migrates it by itself."""
        return self.database_url.startswith("sqlite:")


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings that `environment` gives.

    Raises `Misconfigured` with a sentence that names the variable, never its value.
    """
    smtp_url = _smtp_url(environment)
    return Settings(
        database_url=_database_url(environment),
        database_pool_size=_whole_number(environment, "TESSERA_DATABASE_POOL_SIZE", 10, 4, 500),
        api_spec=_path(environment, "TESSERA_API_SPEC"),
        recipes=_path(environment, "TESSERA_RECIPES"),
        api_url=_api_url(environment),
        token_brand=_brands(environment),
        digest_key=_digest_key(environment),
        cors_origins=_origins(environment),
        trusted_proxies=_networks(environment, "TESSERA_TRUSTED_PROXIES"),
        forwarded_header=_forwarded_header(environment),
        pass_preflight=_yes_or_no(environment, "TESSERA_PASS_PREFLIGHT", default=False),
        gateway=_gateway(environment),
        gateway_peers=_networks(environment, "TESSERA_GATEWAY_PEERS") or _LOOPBACK,
        rate_limit_url=_rate_limit_url(environment),
        max_requests_per_tenant=_whole_number(
            environment, "TESSERA_MAX_REQUESTS_PER_TENANT", 16, 1, 1_000
        ),
        leak_keys_url=_leak_keys_url(environment),
        leak_origins=_leak_origins(environment),
        webhook_networks=_networks(environment, "TESSERA_WEBHOOK_NETWORKS"),
        keep_activity_days=_kept_for_good_or_days(environment, "TESSERA_KEEP_ACTIVITY_DAYS"),
        keep_revoked_days=_kept_days(environment, "TESSERA_KEEP_REVOKED_DAYS", 400),
        keep_use_days=_kept_days(environment, "TESSERA_KEEP_USE_DAYS", 400),
        keep_refusal_days=_kept_days(environment, "TESSERA_KEEP_REFUSAL_DAYS", 400),
        keep_secret_use_days=_kept_days(environment, "TESSERA_KEEP_SECRET_USE_DAYS", 90),
        keep_webhook_days=_kept_days(environment, "TESSERA_KEEP_WEBHOOK_DAYS", 30),
        keep_reminder_days=_kept_days(environment, "TESSERA_KEEP_REMINDER_DAYS", 30),
        revocations_file=_path(environment, "TESSERA_REVOCATIONS_FILE"),
        public_url=_public_url(environment, is_required=smtp_url is not None),
        docs_url=_docs_url(environment),
        smtp_url=smtp_url,
        smtp_from=_smtp_from(environment, is_required=smtp_url is not None),
        metrics_address=_metrics_address(environment),
        trace_authorize_ratio=_ratio(environment, "TESSERA_TRACE_AUTHORIZE_RATIO", 0.001),
        introspection=_yes_or_no(environment, "TESSERA_INTROSPECTION", default=True),
        log_level=_log_level(environment),
    )


def _text(environment: Mapping[str, str], name: str, default: str = "") -> str:
    return environment.get(name, "").strip() or default


def _list(environment: Mapping[str, str], name: str) -> list[str]:
    return [part.strip() for part in _text(environment, name).split(",") if part.strip()]


def _database_url(environment: Mapping[str, str]) -> str:
    default = f"sqlite://{Path.cwd() / 'tessera.db'}"
    url = _text(environment, "TESSERA_DATABASE_URL", default)
    if not url.startswith(("sqlite:///", "postgres://", "postgresql://")):
        raise Misconfigured(
            "TESSERA_DATABASE_URL must be sqlite:///absolute/path.db or postgres://host/name."
        )
    return url


def _whole_number(
    environment: Mapping[str, str], name: str, default: int, least: int, most: int
) -> int:
    text = _text(environment, name, str(default))
    if not text.isdecimal() or not least <= int(text[:10]) <= most:
        raise Misconfigured(f"{name} must be a whole number from {least} to {most}.")
    return int(text)


def _ratio(environment: Mapping[str, str], name: str, default: float) -> float:
    text = _text(environment, name, str(default))
    if not _RATIO.fullmatch(text):
        raise Misconfigured(f"{name} must be a number from 0 to 1, such as 0.01.")
    return float(text)


def _kept_days(environment: Mapping[str, str], name: str, default: int) -> int:
    return _whole_number(environment, name, default, *_KEPT_DAYS)


def _kept_for_good_or_days(environment: Mapping[str, str], name: str) -> int | None:
    return _whole_number(environment, name, 0, *_KEPT_DAYS) if _text(environment, name) else None


def _path(environment: Mapping[str, str], name: str) -> Path | None:
    text = _text(environment, name)
    return Path(text) if text else None


def _api_url(environment: Mapping[str, str]) -> str:
    template = _text(environment, "TESSERA_API_URL", "https://{tenant}.api.{region}.example.com")
    # Each at most once and as a whole label: the host alone tells `/authorize` whose API it is.
    label = r"(\{tenant\}|\{region\}|[A-Za-z0-9-]+)"
    if not (
        re.fullmatch(rf"https?://{label}(\.{label})*(:[0-9]{{1,5}})?(/[^{{}}\s]*)?", template)
        and template.count("{tenant}") == 1
        and template.count("{region}") <= 1
    ):
        raise Misconfigured(
            "TESSERA_API_URL must be a URL with {tenant}, and {region} if wanted, as labels of"
            " its host, such as https://{tenant}.api.{region}.example.com."
        )
    return template


def _brands(environment: Mapping[str, str]) -> tuple[str, ...]:
    brands = tuple(_list(environment, "TESSERA_TOKEN_BRAND")) or ("tsr",)
    if len(brands) > _MAX_BRANDS or not all(map(BRAND.fullmatch, brands)):
        raise Misconfigured(
            f"TESSERA_TOKEN_BRAND must be at most {_MAX_BRANDS} brands, separated by commas,"
            " each of 2 to 16 lower-case letters and digits, a letter first."
        )
    return brands


def _digest_key(environment: Mapping[str, str]) -> tuple[bytes, ...]:
    keys = _list(environment, "TESSERA_DIGEST_KEY")
    if len(keys) > 2 or not all(map(_HEXADECIMAL_KEY.fullmatch, keys)):
        raise Misconfigured(
            "TESSERA_DIGEST_KEY must be 32 to 64 random bytes in hexadecimal:"
            " `openssl rand -hex 32` makes one. While it is replaced, the old one may follow after"
            " a comma."
        )
    return tuple(map(bytes.fromhex, keys))


def _origins(environment: Mapping[str, str]) -> tuple[str, ...]:
    origins = _list(environment, "TESSERA_CORS_ORIGINS")
    if not all(re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]+)?", origin) for origin in origins):
        raise Misconfigured(
            "TESSERA_CORS_ORIGINS must be a comma-separated list of origins,"
            " such as https://app.example.com."
        )
    return tuple(origins)


def _networks(environment: Mapping[str, str], name: str) -> tuple[Network, ...]:
    try:
        return tuple(map(ip_network, _list(environment, name)))
    except ValueError:
        raise Misconfigured(
            f"{name} must be a comma-separated list of addresses or networks, such as 10.0.0.0/8."
        ) from None


def _forwarded_header(environment: Mapping[str, str]) -> str:
    name = _text(environment, "TESSERA_FORWARDED_HEADER", X_FORWARDED_FOR).lower()
    if name not in {X_FORWARDED_FOR, FORWARDED}:
        raise Misconfigured("TESSERA_FORWARDED_HEADER must be x-forwarded-for or forwarded.")
    return name


def _gateway(environment: Mapping[str, str]) -> str:
    kind = _text(environment, "TESSERA_GATEWAY", GATEWAYS[0]).lower()
    if kind not in GATEWAYS:
        raise Misconfigured(f"TESSERA_GATEWAY must be one of {', '.join(GATEWAYS)}.")
    return kind


def _rate_limit_url(environment: Mapping[str, str]) -> str | None:
    url = _text(environment, "TESSERA_RATE_LIMIT_URL")
    if url and not re.fullmatch(r"rediss?://[^/\s]+(/[0-9]{0,5})?", url):
        raise Misconfigured(
            "TESSERA_RATE_LIMIT_URL must be redis://… or rediss://…, of a Redis or Valkey."
        )
    return url or None


def _leak_keys_url(environment: Mapping[str, str]) -> str | None:
    url = _text(environment, "TESSERA_LEAK_KEYS_URL", LEAK_KEYS_URL)
    if url.lower() in _NO:
        return None
    if not _KEYS_URL.fullmatch(url):
        raise Misconfigured("TESSERA_LEAK_KEYS_URL must be an https:// URL, or off.")
    return url


def _leak_origins(environment: Mapping[str, str]) -> tuple[LeakOrigin, ...]:
    entries = [entry.split() for entry in _list(environment, "TESSERA_LEAK_ORIGINS")]
    shapes = (_ORIGIN_NAME, _HEADER_PREFIX, _KEYS_URL)
    is_valid = all(
        len(words) == 3 and all(s.fullmatch(w) for s, w in zip(shapes, words, strict=True))
        for words in entries
    )
    names = {"github", *(words[0] for words in entries)}
    if not is_valid or len(names) != len(entries) + 1 or len(entries) > _MAX_LEAK_ORIGINS:
        raise Misconfigured(
            f"TESSERA_LEAK_ORIGINS must be at most {_MAX_LEAK_ORIGINS} origins, separated by"
            " commas, each of a name of its own, the prefix of its headers and the https:// URL of"
            " its keys, separated by spaces."
        )
    return tuple(LeakOrigin(*words) for words in entries)


def _public_url(environment: Mapping[str, str], *, is_required: bool) -> str | None:
    url = _text(environment, "TESSERA_PUBLIC_URL")
    if not url and not is_required:
        return None
    try:
        return read_public_url(url)
    except ValueError as error:
        raise Misconfigured(f"TESSERA_PUBLIC_URL {error}. TESSERA_SMTP_URL needs it.") from None


def _docs_url(environment: Mapping[str, str]) -> str | None:
    url = _text(environment, "TESSERA_DOCS_URL")
    # Without spaces and quotes: it is shown as a link, and never fetched.
    if url and not _DOCS_URL.fullmatch(url):
        raise Misconfigured(
            "TESSERA_DOCS_URL must be the http:// or https:// URL of the API's documentation, such"
            " as https://docs.example.com/api."
        )
    return url or None


def _smtp_url(environment: Mapping[str, str]) -> SmtpServer | None:
    url = _text(environment, "TESSERA_SMTP_URL")
    if not url:
        return None
    try:
        return read_smtp_url(url)
    except ValueError:
        raise Misconfigured(
            "TESSERA_SMTP_URL must be smtps://USER:PASSWORD@HOST:PORT, or smtp:// for STARTTLS,"
            " with user and password percent-encoded or neither. ?starttls=offered and"
            " ?starttls=off allow a connection without TLS, and no password."
        ) from None


def _smtp_from(environment: Mapping[str, str], *, is_required: bool) -> tuple[str, str]:
    sender = _text(environment, "TESSERA_SMTP_FROM")
    if not sender and not is_required:
        return "", ""
    found = _SENDER.fullmatch(sender)
    if not found:
        raise Misconfigured(
            "TESSERA_SMTP_FROM must be the sender of e-mail: an address, or"
            " Name <tessera@example.com>; TESSERA_SMTP_URL needs it."
        )
    return (found[1] or "").strip(), found[2] or found[3]


def _yes_or_no(environment: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = _text(environment, name, "yes" if default else "no").lower()
    if text not in _YES | _NO:
        raise Misconfigured(f"{name} must be yes or no.")
    return text in _YES


def _metrics_address(environment: Mapping[str, str]) -> tuple[str, int] | None:
    text = _text(environment, "TESSERA_METRICS_ADDRESS")
    if not text:
        return None
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found[2]) > 65_535:
        raise Misconfigured(
            "TESSERA_METRICS_ADDRESS must be an address and a port, such as 127.0.0.1:9464 or"
            " [::1]:9464."
        )
    return found[1].strip("[]"), int(found[2])


def _log_level(environment: Mapping[str, str]) -> str:
    level = _text(environment, "TESSERA_LOG_LEVEL", "INFO").upper()
    if level not in _LOG_LEVELS:
        raise Misconfigured(f"TESSERA_LOG_LEVEL must be one of {', '.join(_LOG_LEVELS)}.")
    return level
