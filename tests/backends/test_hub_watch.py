"""Looking at the task hub: the picture, or why there is none, always within a bound."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from backends.hub_watch import DashboardWatch, open_hub_watch
from backends.settings import BackendSettings
from casework.errors import UnavailableError
from tests.builders import make_hub_picture
from tests.taskhub.launcher import free_port, running_hub

Answer = Callable[[httpx.Request], httpx.Response]


@asynccontextmanager
async def _watching(answer: Answer) -> AsyncIterator[DashboardWatch]:
    """A watch of a dashboard that answers as told."""
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        yield DashboardWatch(http, "http://127.0.0.1:8082")


def _settings(**changes: object) -> BackendSettings:
    return BackendSettings.model_validate(changes)


async def test_the_embedded_hub_tells_its_hubs_workers_and_storage(tmp_path: Path) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with running_hub(tmp_path, {"TASKHUB_DASHBOARD_PORT": str(port)}):
        async with open_hub_watch(_settings(dts_dashboard_url=address)) as watch:
            seen = await watch.look()
            assert watch.source == address
    assert (seen.storage_healthy, seen.leases, seen.parked_total) == (True, 0, 0)
    assert seen.database_bytes > 0


async def test_what_a_newer_hub_tells_beside_is_no_obstacle() -> None:
    told = make_hub_picture().model_dump(mode="json")
    async with _watching(lambda _: httpx.Response(200, json={**told, "news": 1})) as watch:
        assert await watch.look() == make_hub_picture()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda _: httpx.Response(404), "it answered 404"),
        (lambda _: httpx.Response(503, text="the file did not answer"), "it answered 503"),
        (lambda _: httpx.Response(200, text="<html>"), "is not the embedded task hub's dashboard"),
        (lambda _: httpx.Response(200, json={"hubs": []}), "is not the embedded task hub's dashboard"),
        (lambda _: httpx.Response(200, text=" " * 1_100_000), "more than 1,048,576 bytes"),
    ],
)
async def test_an_answer_that_is_no_picture_is_named(answer: Answer, why: str) -> None:
    async with _watching(answer) as watch:
        with pytest.raises(UnavailableError, match=why):
            await watch.look()


async def test_a_dashboard_that_is_off_is_said_to_be_off() -> None:
    async with open_hub_watch(_settings(dts_dashboard_url=f"http://127.0.0.1:{free_port()}")) as watch:
        with pytest.raises(UnavailableError, match="nobody listens there"):
            await watch.look()


async def test_a_dashboard_that_hangs_costs_no_more_than_the_deadline() -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with httpx.AsyncClient(transport=httpx.MockTransport(never)) as http:
        with pytest.raises(UnavailableError, match="no answer within"):
            await DashboardWatch(http, "http://127.0.0.1:8082", look_seconds=0.05).look()


async def test_with_azure_the_portal_is_the_place_to_look() -> None:
    async with open_hub_watch(_settings(dts_endpoint="https://hub.example.azure.com")) as watch:
        with pytest.raises(UnavailableError, match="Azure portal"):
            await watch.look()


@pytest.mark.parametrize("url", ["http://example.com:8082", "https://127.0.0.1:8082", "ftp://localhost"])
def test_only_a_loopback_dashboard_is_looked_at(url: str) -> None:
    with pytest.raises(ValidationError, match="dts_dashboard_url"):
        _settings(dts_dashboard_url=url)
