"""Kills hub, workers and clients at random under load and checks that nothing is lost or doubled.

``TASKHUB_KILL_ROUNDS`` and ``TASKHUB_KILL_SEED`` lengthen and replay a run.
"""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from durabletask.azuremanaged.client import DurableTaskSchedulerClient
from durabletask.client import OrchestrationStatus
from durabletask.entities import EntityInstanceId
from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub import wire
from tests.taskhub import workload
from tests.taskhub.conftest import eventually
from tests.taskhub.launcher import HubProcess
from tests.taskhub.settings import KillSettings

ROUNDS = KillSettings().rounds
SEED = KillSettings().seed
SETTLE_SECONDS = 90.0 + ROUNDS


class Crew:
    """The hub, two workers and a client, each a process that may be killed."""

    def __init__(self, directory: Path) -> None:
        self.hub = HubProcess(directory, {"TASKHUB_MAX_DELIVERIES": "1000", "TASKHUB_LOG_LEVEL": "WARNING"})
        self.journal = directory / "journal.txt"
        self._log = directory / "crew.log"
        self._next_case = 0
        self.workers: list[subprocess.Popen[bytes]] = []
        self.client: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Everybody up."""
        self.hub.start()
        self.workers = [self._spawn("worker", str(self.hub.port)) for _ in range(2)]
        self.start_client()
        eventually(lambda: self.journal.exists() and self.journal.stat().st_size > 0, "the load")

    def start_client(self) -> None:
        """A client with case numbers of its own."""
        first, self._next_case = self._next_case, self._next_case + 100_000
        self.client = self._spawn("client", str(self.hub.port), str(first), str(self.journal))

    def _spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.taskhub.workload", *arguments], stdout=log, stderr=log
            )

    def strike(self, dice: random.Random) -> str:
        """kill -9 somebody and replace them."""
        assert self.hub.running, "the hub died by itself"
        victim = dice.choice(["hub", "hub", "worker", "worker", "client", "everybody"])
        if victim in ("worker", "everybody"):
            index = dice.randrange(len(self.workers))
            self._kill(self.workers[index])
            self.workers[index] = self._spawn("worker", str(self.hub.port))
        if victim in ("client", "everybody"):
            self.stop_client()
            self.start_client()
        if victim in ("hub", "everybody"):
            self.hub.kill()
            time.sleep(dice.uniform(0, 0.3))
            self.hub.spawn()
        return victim

    def stop_client(self) -> None:
        """No new instances."""
        if self.client is not None:
            self._kill(self.client)
            self.client = None

    def end(self) -> None:
        """Everybody gone."""
        self.stop_client()
        for process in self.workers:
            self._kill(process)
        self.hub.kill()

    @staticmethod
    def _kill(process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait(10)


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    """A running crew."""
    members = Crew(tmp_path)
    members.start()
    try:
        yield members
    finally:
        members.end()


@pytest.mark.timeout(120 + 15 * ROUNDS)
def test_nothing_is_lost_or_doubled_when_processes_die_at_random(crew: Crew) -> None:
    dice = random.Random(SEED)
    for _ in range(ROUNDS):
        time.sleep(dice.uniform(0.2, 1.5))
        crew.strike(dice)
    crew.stop_client()
    crew.hub.wait_until_up()
    client = DurableTaskSchedulerClient(**crew.hub.connection, logger=workload.QUIET)
    ended = finish_everything(client)
    check_journal(crew.journal, ended)
    check_counters(client, ended)
    check_histories(crew.hub.db)
    check_nothing_is_left(crew.hub.db)


def finish_everything(client: DurableTaskSchedulerClient) -> set[str]:
    """Raise the event for cases whose client died before it did; the ids of all cases, all completed."""
    deadline = time.monotonic() + SETTLE_SECONDS
    nudged: set[str] = set()
    while True:
        states = client.get_all_orchestration_states()
        running = [one for one in states if one.runtime_status != OrchestrationStatus.COMPLETED]
        if not running:
            break
        assert time.monotonic() < deadline, [(one.instance_id, one.runtime_status) for one in running][:10]
        for one in running:
            if one.name == "case" and one.instance_id not in nudged:
                client.raise_orchestration_event(one.instance_id, "Go")
                nudged.add(one.instance_id)
        time.sleep(0.2)
    return {one.instance_id for one in states if one.name == "case"}


def check_journal(journal: Path, ended: set[str]) -> None:
    started = {
        line.split()[1] for line in journal.read_text("ascii").splitlines() if line.startswith("started ")
    }
    assert started, "the load never started"
    assert started <= ended, f"acknowledged but gone: {sorted(started - ended)[:5]}"


def check_counters(client: DurableTaskSchedulerClient, ended: set[str]) -> None:
    """Each case added exactly one to its counter, and sent exactly one signal."""
    expected = Counter(str(workload.counter(int(one.removeprefix("case-")))) for one in ended)
    for entity_id, count in expected.items():
        assert total(client, EntityInstanceId.parse(entity_id)) == count, entity_id
    signals = EntityInstanceId("tally", "signals")
    deadline = time.monotonic() + SETTLE_SECONDS
    while total(client, signals) < len(ended) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert total(client, signals) == len(ended)


def total(client: DurableTaskSchedulerClient, entity_id: EntityInstanceId) -> int:
    found = client.get_entity(entity_id)
    return 0 if found is None else int(found.get_state(int) or 0)


def check_histories(db: Path) -> None:
    """Turns are contiguous; whatever was asked was answered exactly once; the end comes once, last."""
    with closing(sqlite3.connect(db)) as connection:
        keys = [row[0] for row in connection.execute("SELECT key FROM instances")]
        for key in keys:
            rows = connection.execute("SELECT turn, events FROM history WHERE key = ? ORDER BY turn", (key,))
            turns = rows.fetchall()
            assert [turn for turn, _ in turns] == list(range(len(turns)))
            check_history([event for _, stored in turns for event in wire.decode_past_events(stored)])


def check_history(events: list[pb.HistoryEvent]) -> None:
    kinds = [str(event.WhichOneof("eventType")) for event in events]
    assert kinds[0] == "orchestratorStarted"
    assert kinds.count("executionStarted") == 1
    assert kinds.count("executionCompleted") == 1
    assert kinds[-1] == "executionCompleted"
    asked = Counter(
        event.eventId
        for event in events
        if event.WhichOneof("eventType")
        in ("taskScheduled", "timerCreated", "subOrchestrationInstanceCreated")
    )
    answered = Counter(
        answer
        for event in events
        for answer in ([event.taskCompleted.taskScheduledId] if event.HasField("taskCompleted") else [])
        + ([event.timerFired.timerId] if event.HasField("timerFired") else [])
        + (
            [event.subOrchestrationInstanceCompleted.taskScheduledId]
            if event.HasField("subOrchestrationInstanceCompleted")
            else []
        )
    )
    assert asked == answered
    assert kinds.count("entityOperationCalled") == kinds.count("entityOperationCompleted")


def check_nothing_is_left(db: Path) -> None:
    with closing(sqlite3.connect(db)) as connection:
        for table in ("inbox", "activities", "timers", "operations"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0, table
