"""A path of the public URL is none of the server's own, and requests below it are answered."""

from dataclasses import replace
from typing import Any

import httpx2
import pytest

from server.app import create_app
from server.public_url import OWN_PATHS
from server.service import Service

HTML = {"Accept": "text/html"}


async def test_paths_that_are_refused_are_those_of_all_routes(service: Service) -> None:
    app = create_app(service)
    routes: list[Any] = list(app.routes)
    routed = {route.path.split("/")[1] for route in routes if route.path != "/"}
    assert routed | {"authorize"} == OWN_PATHS
    await app.close()


@pytest.mark.parametrize("path", ["", "/healthz", "/sign-in", "/nowhere", "/assets/hashed/x.js"])
async def test_request_is_answered_alike_with_and_without_the_path(
    service: Service, path: str
) -> None:
    url = "https://intranet.example.com/it/tessera"
    settings = replace(service.settings, public_url=url)
    app = create_app(replace(service, settings=settings))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://tessera.test") as http:
        whole = await http.get(f"/it/tessera{path}", headers=HTML)
        cut = await http.get(path or "/", headers=HTML)
        assert (whole.status_code, whole.text) == (cut.status_code, cut.text)
        assert whole.headers.get("location") == cut.headers.get("location")
        for other in (f"/IT/tessera{path}", f"/it/tesseract{path}", f"/it/tessera-2{path}"):
            assert (await http.get(other)).status_code == 404
        # The routes of gateways are at the root alone.
        assert (await http.get("/it/tessera/authorize")).status_code == 404
        assert (await http.get("/authorize")).status_code != 404
    await app.close()
