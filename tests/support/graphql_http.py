"""Requests to `/graphql`, and the errors in their answers."""

from typing import Any

import httpx2

from server.app import create_app
from server.service import Service
from tests.support.factories import Client

JSON = "application/json"
TYPENAME = {"query": "{ __typename }"}
MAKE = 'createToken(input: {name: "x"}) { __typename }'


class client_of:  # noqa: N801  # reads as a function
    """An unauthenticated client of a service's application."""

    def __init__(self, service: Service) -> None:
        transport = httpx2.ASGITransport(app=create_app(service))
        self._http = httpx2.AsyncClient(
            transport=transport, base_url="http://tessera.test", timeout=60
        )

    async def __aenter__(self) -> Client:
        return Client(await self._http.__aenter__())

    async def __aexit__(self, *error: Any) -> None:
        await self._http.__aexit__(*error)


async def post(client: Client, content: Any, **headers: str | None) -> httpx2.Response:
    """Posts raw content as JSON unless `headers` replace the content type; None omits a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    wanted = {"content-type": JSON} | client.headers | named
    request = client.http.build_request("POST", "/graphql", content=content)
    for name, value in wanted.items():
        if value is not None:
            request.headers[name] = value
    return await client.http.send(request)


def codes(response: httpx2.Response) -> list[str]:
    return [error["extensions"]["code"] for error in response.json().get("errors", [])]


def first_message(response: httpx2.Response) -> str:
    return str(response.json()["errors"][0]["message"])
