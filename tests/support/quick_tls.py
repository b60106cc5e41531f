"""TLS contexts in the tests' own process read the machine's authorities for a handshake alone.

Each HTTP client and each sender of deliveries has a context, and reading the certificates of all
authorities takes 18 ms of CPU. Most of them speak plain HTTP, or without a network. Processes of
`tessera` read them as ever.
"""

import os
import ssl
from collections.abc import Callable
from functools import partial, wraps
from typing import Any
from weakref import WeakKeyDictionary

_PATHS = ssl.get_default_verify_paths()
# Other files are read at once: a test may change them, or expect that they cannot be read.
_OF_THE_MACHINE = {_PATHS.cafile, _PATHS.openssl_cafile, os.environ.get("SSL_CERT_FILE")}
_NEEDING = ("wrap_socket", "wrap_bio", "get_ca_certs", "cert_store_stats")
_load = ssl.SSLContext.load_verify_locations
_load_defaults = ssl.SSLContext.load_default_certs
# Without the contexts themselves, which would never be freed.
_later: WeakKeyDictionary[ssl.SSLContext, list[Callable[[ssl.SSLContext], None]]]
_later = WeakKeyDictionary()


def install() -> None:
    """From now on, read the machine's authorities when a context is first used."""
    ssl.SSLContext.load_verify_locations = _load_later  # type: ignore[assignment, method-assign]  # the tests' process alone
    ssl.SSLContext.load_default_certs = _load_defaults_later  # type: ignore[assignment, method-assign]  # the tests' process alone
    for name in _NEEDING:
        setattr(ssl.SSLContext, name, _after_loading(getattr(ssl.SSLContext, name)))


def _load_later(
    context: ssl.SSLContext, cafile: Any = None, capath: Any = None, cadata: Any = None
) -> None:
    if cadata is None and cafile is not None and cafile in _OF_THE_MACHINE:
        load = partial(_load, cafile=cafile, capath=capath)
        _later.setdefault(context, []).append(load)
    else:
        _load(context, cafile, capath, cadata)


def _load_defaults_later(
    context: ssl.SSLContext, purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH
) -> None:
    _later.setdefault(context, []).append(partial(_load_defaults, purpose=purpose))


def _after_loading(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def called(context: ssl.SSLContext, *arguments: Any, **more: Any) -> Any:
        for load in _later.pop(context, ()):
            load(context)
        return method(context, *arguments, **more)

    return called
