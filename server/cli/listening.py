"""The sockets that `tessera serve` listens on."""

import socket

_BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on that address. Raises `OSError` where that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    # From here on callers wait in line instead of being refused.
    listener.listen(_BACKLOG)
    return listener


def url_of(listener: socket.socket) -> str:
    """The URL at which a client on this machine reaches the listener."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
