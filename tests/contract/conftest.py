"""The adapters that every contract test runs against."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from backends.embedded.case_store import open_case_store
from backends.embedded.event_bus import open_event_bus
from casework.ports import CaseStore, EventBus


@pytest.fixture(params=["embedded"])
async def cases(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CaseStore]:
    async with open_case_store(tmp_path / "cases.db") as store:
        yield store


@pytest.fixture(params=["embedded"])
async def bus(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EventBus]:
    async with open_event_bus(tmp_path / "telemetry.db", timedelta(days=7)) as opened:
        yield opened
