"""Checks the TLS parameters of an address before connecting."""

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

from server.errors import Misconfigured

URL_SETTING = "TESSERA_DATABASE_URL"
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_SYSTEM = "system"
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


def resolve_tls(parameters: dict[str, str], environment: Mapping[str, str]) -> None:
    """Refuse unusable TLS parameters, and replace `sslrootcert=system` by the system's file.

    Raises `Misconfigured`.
    """
    mode = parameters.get("sslmode") or environment.get("PGSSLMODE") or "prefer"
    if mode not in _MODES:
        raise Misconfigured(f"sslmode must be one of {', '.join(_MODES)}.")
    root = parameters.get("sslrootcert") or environment.get("PGSSLROOTCERT")
    if root is None and not Path("~/.postgresql/root.crt").expanduser().is_file():
        if mode == "verify-ca":
            raise Misconfigured("sslmode=verify-ca needs sslrootcert, the authority's file.")
        root = _SYSTEM if mode == "verify-full" else None
    if root == _SYSTEM:
        if mode != "verify-full":
            # A public authority certifies any domain owner: without a check of the host's name, an
            # attacker's certificate for another domain would be trusted.
            raise Misconfigured("sslrootcert=system needs sslmode=verify-full.")
        parameters["sslrootcert"] = _system_bundle()
    for name in _FILES:
        require_readable(name, parameters, {} if mode == "disable" else environment)
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if "sslrootcert" in parameters:
            context.load_verify_locations(parameters["sslrootcert"])
    except OSError:
        raise Misconfigured(f"The sslrootcert of {URL_SETTING} holds no certificate.") from None
    try:
        if "sslcert" in parameters:
            secret = parameters.get("sslpassword", "")
            context.load_cert_chain(
                parameters["sslcert"], parameters.get("sslkey"), password=lambda: secret
            )
    except OSError:
        raise Misconfigured(f"The sslcert and sslkey of {URL_SETTING} do not match.") from None


def require_readable(
    name: str, parameters: Mapping[str, str], environment: Mapping[str, str]
) -> str | None:
    """The file of a parameter or its PG… variable, if one is named. Raises `Misconfigured`."""
    variable = f"PG{name.upper()}"
    file = parameters.get(name) or environment.get(variable)
    if not file or file == _SYSTEM:
        return None
    if not os.access(file, os.R_OK):
        place = f"The {name} of {URL_SETTING}" if name in parameters else f"The file of {variable}"
        raise Misconfigured(f"{place} cannot be read.")
    return file


def _system_bundle() -> str:
    found = (ssl.get_default_verify_paths().cafile, *_BUNDLES)
    bundle = next((path for path in found if path and Path(path).is_file()), None)
    if bundle is None:
        raise Misconfigured("sslmode=verify-full needs sslrootcert, the authority's file.")
    return bundle
