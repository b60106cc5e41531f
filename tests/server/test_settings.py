"""Settings: their environment variables, and the sentences about mistakes in them."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from server.errors import Misconfigured
from server.settings import LeakOrigin, Settings, read_settings
from server.smtp_url import SmtpServer, Tls, read_smtp_url


def test_default_is_sqlite_in_the_working_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read_settings({})
    assert settings == Settings(database_url=f"sqlite://{tmp_path}/tessera.db")
    assert settings.embedded


def test_every_variable_is_read() -> None:
    settings = read_settings(
        {
            "TESSERA_DATABASE_URL": "postgres://u:p@db.example.com/tessera",
            "TESSERA_DATABASE_POOL_SIZE": "7",
            "TESSERA_API_SPEC": "/etc/api.yaml",
            "TESSERA_RECIPES": "/etc/recipes",
            "TESSERA_API_URL": "https://{tenant}.api.example.com/v1",
            "TESSERA_TOKEN_BRAND": "acme, tsr",
            "TESSERA_DIGEST_KEY": f"{'00' * 32}, {'00' * 40}",
            "TESSERA_CORS_ORIGINS": "https://a.example.com, http://localhost:3000",
            "TESSERA_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "TESSERA_FORWARDED_HEADER": "Forwarded",
            "TESSERA_PASS_PREFLIGHT": "yes",
            "TESSERA_GATEWAY": "Envoy",
            "TESSERA_GATEWAY_PEERS": "10.1.0.0/16",
            "TESSERA_RATE_LIMIT_URL": "redis://:pass@cache.example.com:6379/1",
            "TESSERA_MAX_REQUESTS_PER_TENANT": "8",
            "TESSERA_LEAK_KEYS_URL": "off",
            "TESSERA_LEAK_ORIGINS": "depsdev GOSST-PUBLIC-KEY https://deps.example/keys",
            "TESSERA_WEBHOOK_NETWORKS": "10.2.0.0/16, fd00::/8",
            "TESSERA_KEEP_ACTIVITY_DAYS": "3650",
            "TESSERA_KEEP_REVOKED_DAYS": "11",
            "TESSERA_KEEP_USE_DAYS": "7",
            "TESSERA_KEEP_REFUSAL_DAYS": "8",
            "TESSERA_KEEP_SECRET_USE_DAYS": "9",
            "TESSERA_KEEP_WEBHOOK_DAYS": "10",
            "TESSERA_KEEP_REMINDER_DAYS": "36500",
            "TESSERA_REVOCATIONS_FILE": "/mnt/other/revocations.ndjson",
            "TESSERA_PUBLIC_URL": "https://tessera.example.com/",
            "TESSERA_DOCS_URL": "https://docs.example.com/api?v=2",
            "TESSERA_SMTP_URL": "smtp://ada%40example.com:p%2Fw%C3%A9@mail.example.com",
            "TESSERA_SMTP_FROM": "Zoë's Tessera <tessera@example.com>",
            "TESSERA_INTROSPECTION": "no",
            "TESSERA_METRICS_ADDRESS": "[::1]:9464",
            "TESSERA_TRACE_AUTHORIZE_RATIO": "0.25",
            "TESSERA_LOG_LEVEL": "warning",
        }
    )
    assert settings == Settings(
        database_url="postgres://u:p@db.example.com/tessera",
        database_pool_size=7,
        api_spec=Path("/etc/api.yaml"),
        recipes=Path("/etc/recipes"),
        api_url="https://{tenant}.api.example.com/v1",
        token_brand=("acme", "tsr"),
        digest_key=(bytes(32), bytes(40)),
        cors_origins=("https://a.example.com", "http://localhost:3000"),
        trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("::1")),
        forwarded_header="forwarded",
        pass_preflight=True,
        gateway="envoy",
        gateway_peers=(ip_network("10.1.0.0/16"),),
        rate_limit_url="redis://:pass@cache.example.com:6379/1",
        max_requests_per_tenant=8,
        leak_keys_url=None,
        leak_origins=(LeakOrigin("depsdev", "GOSST-PUBLIC-KEY", "https://deps.example/keys"),),
        webhook_networks=(ip_network("10.2.0.0/16"), ip_network("fd00::/8")),
        keep_activity_days=3650,
        keep_revoked_days=11,
        keep_use_days=7,
        keep_refusal_days=8,
        keep_secret_use_days=9,
        keep_webhook_days=10,
        keep_reminder_days=36_500,
        revocations_file=Path("/mnt/other/revocations.ndjson"),
        public_url="https://tessera.example.com",
        docs_url="https://docs.example.com/api?v=2",
        smtp_url=SmtpServer(
            "mail.example.com", 587, Tls.REQUIRED, user="ada@example.com", password="p/wé"
        ),
        smtp_from=("Zoë's Tessera", "tessera@example.com"),
        metrics_address=("::1", 9464),
        trace_authorize_ratio=0.25,
        introspection=False,
        log_level="WARNING",
    )
    assert not settings.embedded


def test_there_are_at_most_twenty_seven_settings_beside_how_long_rows_are_kept() -> None:
    others = {name for name in Settings.__dataclass_fields__ if not name.startswith("keep_")}
    assert 0 < len(others) <= 27


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtps://mail.example.com", SmtpServer("mail.example.com", 465, Tls.AT_ONCE)),
        ("smtp://u:p@[::1]:2525/", SmtpServer("::1", 2525, Tls.REQUIRED, "u", "p")),
        ("smtp://relay?starttls=offered", SmtpServer("relay", 25, Tls.OFFERED)),
        ("smtp://relay:2525?starttls=off", SmtpServer("relay", 2525, Tls.OFF)),
    ],
)
def test_mail_server_is_read_from_its_url(url: str, server: SmtpServer) -> None:
    assert read_smtp_url(url) == server


@pytest.mark.parametrize(
    ("url", "kept", "path"),
    [
        ("https://tessera.example.com", "https://tessera.example.com", ""),
        ("https://tessera.example.com/", "https://tessera.example.com", ""),
        ("https://x.example/tessera", "https://x.example/tessera", "/tessera"),
        (
            "http://[::1]:8443/it/Tessera-2.0/",
            "http://[::1]:8443/it/Tessera-2.0",
            "/it/Tessera-2.0",
        ),
        ("https://x.example/tokens-app", "https://x.example/tokens-app", "/tokens-app"),
    ],
)
def test_public_url_may_have_a_path(url: str, kept: str, path: str) -> None:
    settings = read_settings({"TESSERA_PUBLIC_URL": url})
    assert (settings.public_url, settings.public_path) == (kept, path)
    assert read_settings({}).public_path == ""


_MAIL = {
    "TESSERA_SMTP_URL": "smtps://ada:canary@mail.example.com",
    "TESSERA_SMTP_FROM": "tessera@example.com",
    "TESSERA_PUBLIC_URL": "https://tessera.example.com",
}


@pytest.mark.parametrize("name", ["TESSERA_SMTP_FROM", "TESSERA_PUBLIC_URL"])
def test_mail_server_needs_a_sender_and_a_place_for_its_links(name: str) -> None:
    assert read_settings(_MAIL).smtp_from == ("", "tessera@example.com")
    with pytest.raises(Misconfigured, match=name):
        read_settings(_MAIL | {name: ""})


_MISTAKES = [
    ("TESSERA_DATABASE_URL", "mysql://canary@host/db"),
    ("TESSERA_DATABASE_URL", "canary.db"),
    ("TESSERA_DATABASE_URL", "sqlite://canary.db"),
    ("TESSERA_DATABASE_POOL_SIZE", "3"),
    ("TESSERA_DATABASE_POOL_SIZE", "canary"),
    ("TESSERA_DATABASE_POOL_SIZE", "9" * 5000),
    ("TESSERA_MAX_REQUESTS_PER_TENANT", "0"),
    ("TESSERA_MAX_REQUESTS_PER_TENANT", "1001"),
    ("TESSERA_API_URL", "https://canary.example.com"),
    ("TESSERA_API_URL", "https://{tenant}.{canary}.example.com"),
    ("TESSERA_API_URL", "{tenant}"),
    ("TESSERA_API_URL", "https://canary.example.com/{tenant}"),
    ("TESSERA_API_URL", "https://canary-{tenant}.example.com"),
    ("TESSERA_API_URL", "https://{tenant}.{tenant}.example.com"),
    ("TESSERA_GATEWAY", "canary"),
    ("TESSERA_GATEWAY_PEERS", "canary"),
    ("TESSERA_RATE_LIMIT_URL", "memcached://canary"),
    ("TESSERA_RATE_LIMIT_URL", "redis://canary/x"),
    ("TESSERA_TOKEN_BRAND", "Canary!"),
    ("TESSERA_TOKEN_BRAND", "x" * 17),
    ("TESSERA_TOKEN_BRAND", "tsr,Canary"),
    ("TESSERA_TOKEN_BRAND", ",".join(f"canary{n}" for n in range(17))),
    ("TESSERA_DIGEST_KEY", "canary"),
    ("TESSERA_DIGEST_KEY", "00" * 31),
    ("TESSERA_DIGEST_KEY", "0" * 65),
    ("TESSERA_DIGEST_KEY", f"{'00' * 32},canary"),
    ("TESSERA_DIGEST_KEY", ",".join(["ca" * 32] * 3)),
    ("TESSERA_CORS_ORIGINS", "*"),
    ("TESSERA_CORS_ORIGINS", "https://canary.example.com/"),
    ("TESSERA_CORS_ORIGINS", "null"),
    ("TESSERA_TRUSTED_PROXIES", "canary"),
    ("TESSERA_FORWARDED_HEADER", "canary"),
    ("TESSERA_PASS_PREFLIGHT", "canary"),
    ("TESSERA_LEAK_KEYS_URL", "canary"),
    ("TESSERA_LEAK_KEYS_URL", "http://canary.example.com/keys"),
    ("TESSERA_LEAK_KEYS_URL", "http://localhost.canary.example/keys"),
    ("TESSERA_LEAK_KEYS_URL", "https://canary:canary@example.com/keys"),
    ("TESSERA_LEAK_KEYS_URL", "https://example.com/canary keys"),
    ("TESSERA_LEAK_ORIGINS", "canary"),
    ("TESSERA_LEAK_ORIGINS", "canary CANARY-KEY http://canary.example.com/keys"),
    ("TESSERA_LEAK_ORIGINS", "ca/nary CANARY-KEY https://canary.example.com/keys"),
    ("TESSERA_LEAK_ORIGINS", "github CANARY-KEY https://canary.example.com/keys"),
    ("TESSERA_LEAK_ORIGINS", ",".join(["canary CANARY-KEY https://canary.example.com/keys"] * 2)),
    (
        "TESSERA_LEAK_ORIGINS",
        ",".join(f"canary{n} CANARY-KEY https://canary.example.com/keys" for n in range(11)),
    ),
    ("TESSERA_KEEP_ACTIVITY_DAYS", "canary"),
    ("TESSERA_KEEP_ACTIVITY_DAYS", "0"),
    ("TESSERA_KEEP_REMINDER_DAYS", "6"),
    ("TESSERA_KEEP_USE_DAYS", "36501"),
    ("TESSERA_DOCS_URL", "javascript:canary"),
    ("TESSERA_DOCS_URL", "https://user:canary@example.com"),
    ("TESSERA_PUBLIC_URL", "canary.example.com"),
    ("TESSERA_PUBLIC_URL", "https://canary.example.com/a//b"),
    ("TESSERA_PUBLIC_URL", "https://canary.example.com//"),
    ("TESSERA_PUBLIC_URL", "https://canary.example.com/a/../b"),
    ("TESSERA_PUBLIC_URL", "https://canary.example.com/a%20b"),
    ("TESSERA_PUBLIC_URL", "https://canary.example.com/a?b=c"),
    ("TESSERA_PUBLIC_URL", "https://canary.example.com/a#b"),
    ("TESSERA_PUBLIC_URL", 'https://canary.example.com/"'),
    ("TESSERA_PUBLIC_URL", f"https://canary.example.com/{'a' * 100}"),
    ("TESSERA_PUBLIC_URL", "https://canary.example.com/tokens"),
    ("TESSERA_PUBLIC_URL", "https://canary.example.com/session/tessera/"),
    ("TESSERA_PUBLIC_URL", "https://user:canary@example.com"),
    ("TESSERA_SMTP_URL", "http://canary.example.com"),
    ("TESSERA_SMTP_URL", "smtp://canary@mail.example.com"),
    ("TESSERA_SMTP_URL", "smtp://:canary@mail.example.com"),
    ("TESSERA_SMTP_URL", "smtp://canary:%FF@mail.example.com"),
    ("TESSERA_SMTP_URL", "smtp://canary:%0A@mail.example.com"),
    ("TESSERA_SMTP_URL", "smtp://canary:0"),
    ("TESSERA_SMTP_URL", "smtp://canary:port"),
    ("TESSERA_SMTP_URL", "smtp://canary:99999"),
    ("TESSERA_SMTP_URL", "smtp://canary/path"),
    ("TESSERA_SMTP_URL", "smtp://canary?starttls=maybe"),
    ("TESSERA_SMTP_URL", "smtps://canary?starttls=off"),
    # A password that could be read on the way.
    ("TESSERA_SMTP_URL", "smtp://user:canary@example.com?starttls=off"),
    ("TESSERA_SMTP_URL", "smtp://user:canary@example.com?starttls=offered"),
    ("TESSERA_SMTP_FROM", "canary"),
    ("TESSERA_SMTP_FROM", "Canary canary@example.com"),
    ("TESSERA_SMTP_FROM", "canary@example.com, other@example.com"),
    ("TESSERA_SMTP_FROM", "Canary\nBcc: x@y.z <canary@example.com>"),
    ("TESSERA_INTROSPECTION", "canary"),
    ("TESSERA_METRICS_ADDRESS", "9464"),
    ("TESSERA_METRICS_ADDRESS", "canary:65536"),
    ("TESSERA_TRACE_AUTHORIZE_RATIO", "1.5"),
    ("TESSERA_TRACE_AUTHORIZE_RATIO", "canary"),
    ("TESSERA_LOG_LEVEL", "canary"),
]


@pytest.mark.parametrize(("name", "value"), _MISTAKES)
def test_mistake_is_reported_with_the_variable_and_without_its_value(name: str, value: str) -> None:
    places = {key: value for key, value in _MAIL.items() if key != "TESSERA_SMTP_URL"}
    with pytest.raises(Misconfigured) as refusal:
        read_settings({**places, name: value})
    assert name in str(refusal.value)
    assert "canary" not in str(refusal.value).lower()


def test_repr_hides_the_digest_key_and_the_password_of_the_mail_server() -> None:
    settings = read_settings({"TESSERA_DIGEST_KEY": "ab" * 32, **_MAIL})
    assert "canary" not in repr(settings)
    assert "ab" * 4 not in repr(settings)
    assert "\\xab" not in repr(settings)
