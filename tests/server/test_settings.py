"""Settings: their environment variables, and the sentences about mistakes in them."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from server.errors import Misconfigured
from server.settings import LeakOrigin, Settings, read_settings


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
            "TESSERA_INTROSPECTION": "no",
            "TESSERA_LOG_LEVEL": "warning",
        }
    )
    assert settings == Settings(
        database_url="postgres://u:p@db.example.com/tessera",
        database_pool_size=7,
        api_spec=Path("/etc/api.yaml"),
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
        introspection=False,
        log_level="WARNING",
    )
    assert not settings.embedded


def test_there_are_at_most_eighteen_settings() -> None:
    assert 0 < len(Settings.__dataclass_fields__) <= 18


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
    ("TESSERA_INTROSPECTION", "canary"),
    ("TESSERA_LOG_LEVEL", "canary"),
]


@pytest.mark.parametrize(("name", "value"), _MISTAKES)
def test_mistake_is_reported_with_the_variable_and_without_its_value(name: str, value: str) -> None:
    with pytest.raises(Misconfigured) as refusal:
        read_settings({name: value})
    assert name in str(refusal.value)
    assert "canary" not in str(refusal.value).lower()


def test_repr_hides_the_digest_key() -> None:
    settings = read_settings({"TESSERA_DIGEST_KEY": "ab" * 32})
    assert "ab" * 4 not in repr(settings)
    assert "\\xab" not in repr(settings)
