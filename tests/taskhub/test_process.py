"""The process: start-up refusals, the lock, restarts, draining, health, memory of what was stored."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from durabletask.azuremanaged.client import DurableTaskSchedulerClient as Client
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from tests.taskhub.conftest import QUIET, ended, output, working
from tests.taskhub.launcher import HubProcess, free_port


def refused(directory: Path, *arguments: str, **settings: str) -> str:
    """What the hub says when it will not start."""
    given = [f"{name}={value}" for name, value in settings.items()]
    command = ["env", *given, sys.executable, "-m", "taskhub", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=directory, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("TASKHUB_PORT", "eighty", "integer"),
        ("TASKHUB_HOST", "0.0.0.0", "loopback"),
        ("TASKHUB_SYNCHRONOUS", "OFF", "FULL"),
        ("TASKHUB_LEASE_SECONDS", "0", "1"),
        ("TASKHUB_RETENTION_AGE", "soon", "30d"),
        ("TASKHUB_RETENTION_STATUSES", "running", "completed"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_name_value_and_what_is_allowed(
    tmp_path: Path, name: str, value: str, allowed: str
) -> None:
    said = refused(tmp_path, **{name: value})
    assert name in said
    assert value in said
    assert allowed in said


def test_a_busy_port_gets_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused(tmp_path, "--port", str(port), "--db", str(tmp_path / "hub.db"))
    assert f"port {port}" in said
    assert "--port" in said


def test_a_second_hub_on_the_same_file_is_refused(own_hub: HubProcess, tmp_path: Path) -> None:
    said = refused(tmp_path, "--port", str(free_port()), "--db", str(own_hub.db))
    assert "in use by another task hub" in said
    assert str(own_hub.pid) in said


def test_a_place_that_cannot_be_written_gets_a_sentence(tmp_path: Path) -> None:
    obstacle = tmp_path / "file"
    obstacle.touch()
    said = refused(tmp_path, "--port", "0", "--db", str(obstacle / "hub.db"))
    assert "cannot be written" in said


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear database, " * 100, "utf-8")
    said = refused(tmp_path, "--port", "0", "--db", str(letter))
    assert "cannot be used" in said
    assert letter.read_text("utf-8").startswith("Dear database")


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.commit()
    assert "not a task hub's" in refused(tmp_path, "--port", "0", "--db", str(other))


def test_a_newer_schema_is_left_alone(own_hub: HubProcess, tmp_path: Path) -> None:
    own_hub.stop()
    with closing(sqlite3.connect(own_hub.db)) as connection:
        connection.execute("PRAGMA user_version=99")
        connection.commit()
    assert "schema version 99" in refused(tmp_path, "--port", "0", "--db", str(own_hub.db))


def test_asked_to_stop_the_hub_exits_cleanly_and_the_worker_comes_back(own_hub: HubProcess) -> None:
    with working(own_hub):
        client = Client(**own_hub.connection, logger=QUIET)
        instance_id = client.schedule_new_orchestration("waiting", input=1)
        client.wait_for_orchestration_start(instance_id, timeout=30)
        assert own_hub.stop() == 0
        own_hub.start()
        again = Client(**own_hub.connection, logger=QUIET)
        again.raise_orchestration_event(instance_id, "Next", data="after the restart")
        assert output(ended(again, instance_id)) == ["after the restart"]


@pytest.fixture
def restarted(own_hub: HubProcess) -> Iterator[tuple[HubProcess, Client]]:
    """A hub with stored work of every kind, killed and started again."""
    client = Client(**own_hub.connection, logger=QUIET)
    client.schedule_new_orchestration("chain", input=1, instance_id="chain")
    client.schedule_new_orchestration("sleeping", input=0.1, instance_id="sleeping")
    client.schedule_new_orchestration("waiting", input=2, instance_id="waiting")
    client.raise_orchestration_event("waiting", "Next", data="before")
    client.schedule_new_orchestration("waiting", input=1, instance_id="suspended")
    client.suspend_orchestration("suspended")
    own_hub.restart()
    yield own_hub, Client(**own_hub.connection, logger=QUIET)


def test_everything_acknowledged_survives_a_kill(restarted: tuple[HubProcess, Client]) -> None:
    hub, client = restarted
    client.raise_orchestration_event("waiting", "Next", data="after")
    client.raise_orchestration_event("suspended", "Next", data="while suspended")
    client.resume_orchestration("suspended")
    with working(hub):
        assert output(ended(client, "chain")) == 4
        assert output(ended(client, "sleeping")) >= 0
        assert output(ended(client, "waiting")) == ["before", "after"]
        assert output(ended(client, "suspended")) == ["while suspended"]


def test_the_health_service_says_serving(hub: HubProcess) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{hub.port}") as channel:
        for service in ("", "TaskHubSidecarService"):
            answer = HealthStub(channel).Check(HealthCheckRequest(service=service), timeout=10)
            assert answer.status == HealthCheckResponse.SERVING


def test_reflection_describes_the_service(hub: HubProcess) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{hub.port}") as channel:
        described = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        service = described.FindServiceByName("TaskHubSidecarService")
        assert "GetWorkItems" in service.methods_by_name


def test_the_log_is_json(own_hub: HubProcess) -> None:
    own_hub.stop()
    lines = [json.loads(line) for line in own_hub.log.read_text("utf-8").splitlines()]
    assert [line["event"] for line in lines] == ["listening", "stopping", "stopped"]
    assert lines[0]["port"] == own_hub.port
