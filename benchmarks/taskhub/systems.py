"""Every line of the main table: which system, with which worker, at how many cases in flight."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.taskhub.hubs import MEMORY, OURS, DurableFlow, hub, worker
from benchmarks.taskhub.load import Measured, apply_load, with_decisions
from benchmarks.taskhub.peers import dbos, restate
from benchmarks.taskhub.peers.environment import PeerTools, say
from benchmarks.taskhub.tables import Line
from benchmarks.taskhub.workers import DEFAULT, FEW, MANY, WorkerKind

IN_FLIGHT = (1, 50, 500)
DBOS, RESTATE = "DBOS, SQLite", "Restate"


@dataclass(frozen=True)
class Sizes:
    """How much work each line is."""

    cases: int
    decisions: int
    folder: Path

    def at(self, in_flight: int) -> int:
        """Cases of a line: few one by one, and at least two rounds of what is in flight."""
        return self.cases // 4 if in_flight == 1 else max(self.cases, 2 * in_flight)


Measurement = tuple[Line, Callable[[], Measured]]


def durable(kind: str, setting: WorkerKind, in_flight: int, sizes: Sizes) -> Measured:
    """A hub that speaks the Durable Task protocol."""
    with (
        hub(kind, sizes.folder / f"{uuid.uuid4().hex}.db") as server,
        worker(server.port, setting) as busy,
    ):
        flow = DurableFlow(server.port)
        cases = sizes.at(in_flight)
        return with_decisions(
            lambda: apply_load(flow, in_flight, cases, server.process, busy),
            flow,
            sizes.decisions,
            server.process,
        )


def measurements(tools: PeerTools, sizes: Sizes) -> Iterator[Measurement]:
    """Neighbours in the table are neighbours in time, so that they meet the same machine."""
    peers = [*_dbos(tools, sizes), *_restate(tools, sizes)]
    for in_flight in IN_FLIGHT:
        for setting in (DEFAULT, FEW, MANY):
            for kind in (OURS, MEMORY):
                yield (kind, setting.name, in_flight), _durable(kind, setting, in_flight, sizes)
        yield from (peer for peer in peers if peer[0][2] == in_flight)


def _durable(kind: str, setting: WorkerKind, in_flight: int, sizes: Sizes) -> Callable[[], Measured]:
    return lambda: durable(kind, setting, in_flight, sizes)


def _dbos(tools: PeerTools, sizes: Sizes) -> Iterator[Measurement]:
    python = tools.python
    if python is None or not tools.has_package("dbos"):
        say("DBOS is not there; its lines are left out")
        return
    for in_flight in IN_FLIGHT:
        for name, polling in (("default", 0.0), ("polls 5 ms", dbos.TUNED_POLLING_SECONDS)):
            yield (DBOS, name, in_flight), _dbos_run(python, in_flight, sizes, polling)


def _dbos_run(python: Path, in_flight: int, sizes: Sizes, polling: float) -> Callable[[], Measured]:
    cases, decisions = sizes.at(in_flight), sizes.decisions if polling else max(2, sizes.decisions // 5)
    return lambda: dbos.measure(
        python, sizes.folder, in_flight=in_flight, cases=cases, decisions=decisions, polling=polling
    )


def _restate(tools: PeerTools, sizes: Sizes) -> Iterator[Measurement]:
    server, python = tools.restate_server, tools.python
    if server is None or python is None or not tools.has_package("restate"):
        say("Restate is not there; its lines are left out")
        return
    for in_flight in IN_FLIGHT:
        yield (RESTATE, "hypercorn", in_flight), _restate_run(server, python, in_flight, sizes)


def _restate_run(server: Path, python: Path, in_flight: int, sizes: Sizes) -> Callable[[], Measured]:
    cases = sizes.at(in_flight)
    folder = sizes.folder / uuid.uuid4().hex
    return lambda: restate.measure(
        server, python, folder, in_flight=in_flight, cases=cases, decisions=sizes.decisions
    )
