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
from durabletask.client import OrchestrationState, OrchestrationStatus
from durabletask.entities import EntityInstanceId
from durabletask.internal import orchestrator_service_pb2 as pb

from taskhub import wire
from tests.taskhub import workload
from tests.taskhub.conftest import eventually
from tests.taskhub.launcher import HubProcess
from tests.taskhub.settings import KillSettings

COMPLETED, TERMINATED = OrchestrationStatus.COMPLETED, OrchestrationStatus.TERMINATED
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
    cases = {one for one in ended if one.startswith("case-")}
    check_journal(crew.journal, ended)
    check_counters(client, cases)
    check_histories(crew.hub.db)
    check_nothing_is_left(crew.hub.db)
    check_file(crew.hub.db)


def finish_everything(client: DurableTaskSchedulerClient) -> set[str]:
    """Do what clients died before doing; the ids of all instances that were started, all ended well."""
    deadline = time.monotonic() + SETTLE_SECONDS
    nudged: set[str] = set()
    while True:
        states = client.get_all_orchestration_states()
        running = [one for one in states if one.runtime_status not in (COMPLETED, TERMINATED)]
        if not running:
            break
        assert time.monotonic() < deadline, [(one.instance_id, one.runtime_status) for one in running][:10]
        for one in running:
            nudge(client, one, nudged)
        time.sleep(0.2)
    for one in states:
        hopeless = one.name in ("doomed", "endless")
        assert one.runtime_status == (TERMINATED if hopeless else COMPLETED), one
    return {one.instance_id for one in states if one.name in ("case", "doomed")}


def nudge(client: DurableTaskSchedulerClient, one: OrchestrationState, nudged: set[str]) -> None:
    if one.runtime_status == OrchestrationStatus.SUSPENDED:
        client.resume_orchestration(one.instance_id)
        return
    if one.instance_id in nudged:
        return
    if one.name == "case":
        client.raise_orchestration_event(one.instance_id, "Go")
    elif one.name == "doomed":
        client.terminate_orchestration(one.instance_id)
    nudged.add(one.instance_id)


def check_journal(journal: Path, ended: set[str]) -> None:
    started = {
        line.split()[1] for line in journal.read_text("ascii").splitlines() if line.startswith("started ")
    }
    assert started, "the load never started"
    assert started <= ended, f"acknowledged but gone: {sorted(started - ended)[:5]}"


def check_counters(client: DurableTaskSchedulerClient, cases: set[str]) -> None:
    """Each case added exactly one to its counter, moved one unit, ran its laps, sent its two signals."""
    expected: Counter[str] = Counter()
    for number in (int(one.removeprefix("case-")) for one in cases):
        expected[str(workload.counter(number))] += 1
        expected[str(workload.account(number))] -= 1
        expected[str(workload.account(number + 1))] += 1
    for name, count in (("laps", workload.LAPS), ("signals", 1), ("later", 1)):
        expected[f"@tally@{name}"] = count * len(cases)
    deadline = time.monotonic() + SETTLE_SECONDS
    for name, count in expected.items():
        entity_id = EntityInstanceId.parse(name)
        while total(client, entity_id) < count and time.monotonic() < deadline:
            time.sleep(0.1)
        assert total(client, entity_id) == count, name
    for one in client.get_all_entities():
        assert one.get_locked_by() is None, one.id


def total(client: DurableTaskSchedulerClient, entity_id: EntityInstanceId) -> int:
    found = client.get_entity(entity_id)
    return 0 if found is None else int(found.get_state(int) or 0)


def check_histories(db: Path) -> None:
    """Turns are contiguous; whatever was asked was answered exactly once; the end comes once, last."""
    with closing(sqlite3.connect(db)) as connection:
        keys = connection.execute("SELECT key, status FROM instances").fetchall()
        for key, status in keys:
            rows = connection.execute("SELECT turn, events FROM history WHERE key = ? ORDER BY turn", (key,))
            turns = rows.fetchall()
            assert [turn for turn, _ in turns] == list(range(len(turns)))
            events = [event for _, stored in turns for event in wire.decode_past_events(stored)]
            check_frame(events)
            if status == pb.ORCHESTRATION_STATUS_COMPLETED:
                check_answers(events)


def check_frame(events: list[pb.HistoryEvent]) -> None:
    kinds = [str(event.WhichOneof("eventType")) for event in events]
    assert kinds[0] == "orchestratorStarted"
    assert kinds.count("executionStarted") == 1
    assert kinds.count("executionCompleted") == 1
    assert kinds[-1] == "executionCompleted"


def check_answers(events: list[pb.HistoryEvent]) -> None:
    kinds = [str(event.WhichOneof("eventType")) for event in events]
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
    assert kinds.count("entityLockRequested") == kinds.count("entityLockGranted")
    assert kinds.count("executionSuspended") == kinds.count("executionResumed")


def check_nothing_is_left(db: Path) -> None:
    with closing(sqlite3.connect(db)) as connection:
        for table in ("inbox", "activities", "timers", "operations"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0, table


def check_file(db: Path) -> None:
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
