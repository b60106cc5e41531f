"""An origin of leak reports with keys of its own, and a token whose secret leaked."""

import asyncio
import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurve,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import models
from server.app import App
from server.operations import activity
from server.paging import PageRequest
from server.service import Service
from tests.support.factories import Person
from tests.support.process import LOOPBACK

KEY_ID = "90a421169f0a406205f1563a953312f0be898d3c7b6c06b681aa86a874555f4a"
HERE = "203.0.113.7"


@dataclass
class Origin:
    """Serves a document of public keys over HTTP, and signs reports with their private keys."""

    port: int = 0
    signer: EllipticCurvePrivateKey = field(
        default_factory=lambda: generate_private_key(SECP256R1())
    )
    document: bytes = b""
    status: int = 200
    etag: str = '"1"'
    delay_seconds: float = 0
    more_headers: str = ""
    # The value of `If-None-Match` of each request.
    asked: list[str] = field(default_factory=list)
    # The value of `traceparent` of each request.
    trace_parents: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/keys"

    def sign(self, body: bytes) -> str:
        return b64encode(self.signer_signature(body)).decode()

    def signer_signature(self, body: bytes) -> bytes:
        return self.signer.sign(body, ECDSA(SHA256()))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        lines = dict(line.partition(": ")[::2] for line in head.splitlines())
        self.asked.append(lines.get("if-none-match", ""))
        self.trace_parents.append(lines.get("traceparent", ""))
        await asyncio.sleep(self.delay_seconds)
        is_same = self.status == 200 and lines.get("if-none-match") == self.etag
        body = b"" if is_same else self.document
        writer.write(
            f"HTTP/1.1 {304 if is_same else self.status} X\r\nETag: {self.etag}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n{self.more_headers}\r\n".encode()
        )
        writer.write(body)
        writer.close()


def listed(key_id: str, signer: EllipticCurvePrivateKey) -> dict[str, Any]:
    """A key as the document lists it."""
    pem = signer.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {"key_identifier": key_id, "key": pem.decode(), "is_current": True}


def document(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"public_keys": keys}).encode()


def other_key(curve: EllipticCurve) -> EllipticCurvePrivateKey:
    return generate_private_key(curve)


@contextmanager
def serving_origin() -> Iterator[Origin]:
    """An origin with one key, served from a thread: for a server in another process."""
    origin = Origin()
    origin.document = document(listed(KEY_ID, origin.signer))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(origin.document)))
            self.end_headers()
            self.wfile.write(origin.document)

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        origin.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield origin
        server.shutdown()


@dataclass
class Case:
    """A token whose secret leaked, its owner, and a reporter at `HERE`."""

    app: App
    http: httpx2.AsyncClient
    origin: Origin
    service: Service
    person: Person
    token: models.Token
    secret: str

    async def is_live(self, token: models.Token | None = None) -> bool:
        one = token or self.token
        return (await models.Token.get(tenant_id=one.tenant_id, id=one.id)).is_live

    async def has_ended(self) -> bool:
        return not await self.is_live()

    async def trail(self) -> list[models.Activity]:
        """The token's activity after its creation."""
        page = await activity.of_token(self.person.principal, self.token.id, PageRequest(9))
        return list(page.rows)[:-1]

    async def revoke(self, body: Any, **headers: str) -> httpx2.Response:
        return await self.http.post("/revoke", json=body, headers=headers)

    async def report(
        self, body: bytes, signature: str | None = None, path: str = "/leaks/github", **more: Any
    ) -> httpx2.Response:
        """A report, signed by the origin unless another signature is given."""
        headers = {
            "Github-Public-Key-Identifier": more.pop("key_id", KEY_ID),
            "Github-Public-Key-Signature": signature or self.origin.sign(body),
            "Content-Type": "application/json",
        }
        return await self.http.post(path, content=body, headers=headers, **more)


def at(app: App, address: str) -> httpx2.AsyncClient:
    """A client of `app` at an address."""
    transport: Any = httpx2.ASGITransport(app=app, client=(address, 40000))
    return httpx2.AsyncClient(transport=transport, base_url="http://tessera.test")
