"""The sockets that `tessera serve` listens on."""

import socket

from server.errors import Misconfigured

_BACKLOG = 2048


def bind(host: str, port: int) -> socket.socket:
    """Return a socket with an address. Raises `Misconfigured` if the address is not free.

    It refuses connections until `listen`.
    """
    try:
        return _bind(host, port)
    except OSError as error:
        raise _not_free(host, port, error) from None


def bind_beside(host: str, main: socket.socket) -> socket.socket:
    """Return a socket with the port after that of `main`, or with any that is free."""
    try:
        return _bind(host, main.getsockname()[1] + 1)
    except (OSError, OverflowError):
        return bind(host, 0)


def listen(listener: socket.socket) -> None:
    """From here on, connections queue until a server accepts them.

    Raises `Misconfigured` if another process has come to listen there since `bind`.
    """
    try:
        listener.listen(_BACKLOG)
    except OSError as error:
        host, port = listener.getsockname()[:2]
        raise _not_free(host, port, error) from None


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except BaseException:
        listener.close()
        raise
    return listener


def _not_free(host: str, port: int, error: OSError) -> Misconfigured:
    return Misconfigured(f"Cannot listen on {host}:{port}: {error.strerror}.")


def url_of(listener: socket.socket) -> str:
    """Return the URL at which a client on this machine reaches the listener."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
