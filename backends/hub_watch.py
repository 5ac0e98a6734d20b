"""Reads the embedded task hub's dashboard; Azure's scheduler has a dashboard of its own to look at."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from pydantic import ValidationError

from backends.settings import BackendSettings
from casework.errors import UnavailableError
from casework.hub_picture import HubPicture
from casework.ports import HubWatch

LOOK_SECONDS = 3.0
MOST_BYTES = 1024 * 1024
AZURE = "the scheduler's dashboard in the Azure portal"


class DashboardWatch:
    """The embedded hub, through the JSON page of its dashboard."""

    def __init__(self, http: httpx.AsyncClient, address: str, look_seconds: float = LOOK_SECONDS) -> None:
        self._http = http
        self._address = address
        self._look_seconds = look_seconds

    @property
    def source(self) -> str:
        return self._address

    async def look(self) -> HubPicture:
        try:
            async with asyncio.timeout(self._look_seconds):
                return HubPicture.model_validate_json(await self._read())
        except TimeoutError as error:
            raise self._unknown(f"no answer within {self._look_seconds:g} s") from error
        except httpx.ConnectError as error:
            raise self._unknown("nobody listens there; the dashboard is off, or elsewhere") from error
        except httpx.HTTPError as error:
            raise self._unknown(f"{type(error).__name__}: {error}") from error
        except ValidationError as error:
            raise self._unknown("what answers is not the embedded task hub's dashboard") from error

    async def _read(self) -> bytes:
        body = bytearray()
        async with self._http.stream("GET", f"{self._address}/snapshot.json") as answer:
            if answer.status_code != httpx.codes.OK:
                raise self._unknown(f"it answered {answer.status_code}")
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    raise self._unknown(f"it answered with more than {MOST_BYTES:,} bytes")
        return bytes(body)

    def _unknown(self, why: str) -> UnavailableError:
        return UnavailableError(f"{self._address}: {why}")


class SchedulerWatch:
    """Azure Durable Task Scheduler, which shows these things itself."""

    @property
    def source(self) -> str:
        return AZURE

    async def look(self) -> HubPicture:
        raise UnavailableError(f"Azure Durable Task Scheduler keeps these figures; look at {AZURE}")


@asynccontextmanager
async def open_hub_watch(settings: BackendSettings) -> AsyncIterator[HubWatch]:
    """The watch that belongs to the task hub the settings name; connects when it looks."""
    if settings.dts_secure:
        yield SchedulerWatch()
        return
    async with httpx.AsyncClient(timeout=LOOK_SECONDS, follow_redirects=False, trust_env=False) as http:
        yield DashboardWatch(http, settings.dts_dashboard)
