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


@pytest.fixture
def sdk_leaves_sockets() -> Iterator[None]:
    """The Event Hubs SDK forgets connections that broke without closing them; here they are swept up."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session")
def cosmos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A Cosmos DB account with a desk's containers; started when the first test asks for it."""
    with cosmos_desk(tmp_path_factory.mktemp("cosmos")) as desk:
        yield desk
