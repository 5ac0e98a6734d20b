"""What every test shares: nothing leaves this machine."""

import gc
import socket
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from tests.peers.azurite import Azurite, missing_tool, running_azurite
from tests.peers.cosmos.desk import Desk, cosmos_desk

_connect = socket.socket.connect


def _loopback_only(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in (
        "127.0.0.1",
        "::1",
        "localhost",
    ):
        raise RuntimeError(f"a test tried to reach {address[0]}")
    _connect(self, address)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that tries to reach another machine fails instead of hanging."""
    monkeypatch.setattr(socket.socket, "connect", _loopback_only)


@pytest.fixture(autouse=True)
def no_settings_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the person who runs the tests prefers in their own console changes no test."""
    monkeypatch.setenv("FRAUD_CONSOLE_CONFIG", "")


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """The vendor's blob emulator; started when the first test asks for it."""
    reason = missing_tool()
    if reason is not None:
        pytest.skip(reason)
    with running_azurite() as running:
        yield running


DRIVE_SDKS = frozenset({"backends", "checks", "contract", "mcp_tools", "observability", "peers"})
"""Folders whose tests drive the vendor's SDKs, which forget connections that broke without closing them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if DRIVE_SDKS & set(item.path.parts):
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))


@pytest.fixture(autouse=True, scope="module")
def sdk_leaves_sockets(request: pytest.FixtureRequest) -> Iterator[None]:
    """What an SDK forgot is swept up where that is known to happen, and blamed on no later test."""
    yield
    if DRIVE_SDKS & set(request.path.parts) or hasattr(request.module, "EVENT_HUBS"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


@pytest.fixture(scope="session")
def cosmos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A Cosmos DB account with a desk's containers; started when the first test asks for it."""
    with cosmos_desk(tmp_path_factory.mktemp("cosmos")) as desk:
        yield desk
