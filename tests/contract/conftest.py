"""The adapters that every contract test runs against."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

import pytest

from backends.azure.case_store import open_case_store as open_cosmos_cases
from backends.azure.event_bus import open_event_hubs
from backends.embedded.case_store import open_case_store
from backends.embedded.event_bus import open_event_bus
from casework.ports import CaseStore, EventBus
from tests.peers.cosmos.desk import Desk
from tests.peers.event_hubs_fixture import hub_stand


@pytest.fixture(params=["embedded", "cosmos"])
async def cases(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CaseStore]:
    opening: AbstractAsyncContextManager[CaseStore] = open_case_store(tmp_path / "cases.db")
    if request.param == "cosmos":
        desk: Desk = request.getfixturevalue("cosmos")
        desk.empty()
        opening = open_cosmos_cases(desk.settings, desk.credential)
    async with opening as store:
        yield store


@pytest.fixture(params=["embedded", "event hubs"])
async def bus(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EventBus]:
    if request.param == "embedded":
        async with open_event_bus(tmp_path / "telemetry.db", timedelta(days=7)) as opened:
            yield opened
        return
    azurite = request.getfixturevalue("azurite")
    async with hub_stand(azurite) as stand, open_event_hubs(stand.settings) as hub:
        yield hub
