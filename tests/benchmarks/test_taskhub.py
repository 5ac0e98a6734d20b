"""What the task hub's benchmark says about its own numbers and tools."""

from pathlib import Path

import pytest

from benchmarks.taskhub import tables
from benchmarks.taskhub.load import Measured
from benchmarks.taskhub.peers import environment
from benchmarks.taskhub.processes import ROOT


def measured(*, seconds: float, cpu: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Measured:
    """Ten cases in so many seconds."""
    return Measured(10, seconds, [0.01], cpu, server_mb=1.0, decisions=[0.02])


def test_our_fastest_line_is_held_against_every_line_of_the_others() -> None:
    results = {
        ("ours", "default", 50): measured(seconds=10.0),
        ("ours", "tuned", 50): measured(seconds=1.0, cpu=(2.0, 4.0, 0.0)),
        ("peer", "default", 50): measured(seconds=5.0),
        ("peer", "tuned", 50): measured(seconds=2.0),
        ("peer", "default", 1): measured(seconds=1.0),
    }
    assert tables.ratios("ours", results) == [
        (50, "peer, default", 5.0, 1.0, 2.0, 1.0),
        (50, "peer, tuned", 2.0, 1.0, 2.0, 1.0),
    ]


def test_a_system_without_latencies_has_no_ratio_instead_of_an_error() -> None:
    results = {
        ("ours", "default", 1): measured(seconds=1.0),
        ("peer", "default", 1): Measured(10, 2.0, [], (0.0, 0.0, 0.0), server_mb=1.0),
    }
    assert tables.ratios("ours", results) == [(1, "peer, default", 2.0, 0.0, 0.0, 0.0)]


def test_an_item_that_never_came_back_is_counted_and_not_timed() -> None:
    assert tables.redelivery_row("hub", [0.01, None, 0.03]) == ("hub", "2 of 3", "10", "30")
    assert tables.redelivery_row("hub", [None]) == ("hub", "0 of 1", "-", "-")


def test_peers_that_are_not_installed_are_found_missing(tmp_path: Path) -> None:
    tools = environment.find(tmp_path)
    assert tools.python is None
    assert tools.restate_server is None
    assert not tools.has_package("dbos")


def test_peers_are_never_installed_inside_the_repository() -> None:
    with pytest.raises(SystemExit, match="outside"):
        environment.install(ROOT / "peers")
