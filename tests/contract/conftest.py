"""The adapters that every contract test runs against."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from backends.azure.event_bus import open_event_hubs
from backends.embedded.case_store import open_case_store
from backends.embedded.event_bus import open_event_bus
from casework.ports import CaseStore, EventBus
from tests.peers.event_hubs_fixture import hub_stand


@pytest.fixture(params=["embedded"])
async def cases(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CaseStore]:
    async with open_case_store(tmp_path / "cases.db") as store:
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
