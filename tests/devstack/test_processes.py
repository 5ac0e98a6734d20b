"""Starting, watching and stopping processes, with small real ones."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from devstack.errors import StackError
from devstack.processes import Process, Stack, listening, stop_orphans, tail
from devstack.services import Service, services
from devstack.settings import StackSettings
from tests.e2e.product import eventually, free_port_base

ENVIRONMENT = {"PATH": os.environ["PATH"]}
SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPER
BROKEN = "raise SystemExit('the reason')"
LISTENER = (
    "import http.server, sys; http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), None).serve_forever()"
)


def service(code: str, *arguments: str, name: str = "one", port: int | None = None) -> Service:
    return Service(name, name, (sys.executable, "-c", code, *arguments), port=port)


def true(condition: Callable[[], bool], what: str) -> None:
    eventually(lambda: condition() or None, what, 30)


def test_a_stack_is_ready_when_its_services_answer_and_gone_after_stop(tmp_path: Path) -> None:
    port = free_port_base()
    stack = Stack([service(LISTENER, str(port), port=port)], tmp_path, ENVIRONMENT)
    said: list[str] = []
    stack.start(said.append)
    assert listening(port)
    assert "ready after" in said[0]
    stack.stop()
    assert not listening(port)
    assert not (tmp_path / "stack.json").exists()


def test_a_service_that_fails_to_start_is_reported_with_its_last_words(tmp_path: Path) -> None:
    stack = Stack([service(BROKEN)], tmp_path, ENVIRONMENT)
    with pytest.raises(StackError, match="the reason"):
        stack.start(lambda _line: None)
        stack.processes[0].wait_until_healthy(time.monotonic() + 30)
        true(lambda: stack.processes[0].exit_code is not None, "it to end")
        stack.processes[0].wait_until_healthy(time.monotonic() + 30)
    stack.stop()


def test_what_dies_is_brought_back(tmp_path: Path) -> None:
    stack = Stack([service(SLEEPER)], tmp_path, ENVIRONMENT)
    stack.start(lambda _line: None)
    stack.watch()
    first = stack.processes[0].popen
    assert first is not None
    first.send_signal(signal.SIGKILL)
    true(lambda: stack.processes[0].popen is not first and stack.processes[0].healthy(), "a second one")
    stack.stop()
    assert stack.processes[0].exit_code is not None


def test_one_that_ignores_being_asked_is_killed(tmp_path: Path) -> None:
    process = Process(service(STUBBORN), tmp_path, ENVIRONMENT)
    process.start()
    true(lambda: bool(tail(process.log, 1)), "its first line")
    process.stop(time.monotonic() + 0.2)
    assert process.exit_code == -signal.SIGKILL


def test_orphans_of_a_killed_stack_are_stopped_and_strangers_left_alone(tmp_path: Path) -> None:
    orphan, stranger = (Process(service(SLEEPER, name=name), tmp_path, ENVIRONMENT) for name in ("a", "b"))
    orphan.start()
    stranger.start()
    assert orphan.popen is not None and stranger.popen is not None
    entries = [
        {"pid": orphan.popen.pid, "created": psutil.Process(orphan.popen.pid).create_time()},
        {"pid": stranger.popen.pid, "created": 1.0},
    ]
    roster = tmp_path / "stack.json"
    roster.write_text(json.dumps(entries))
    stop_orphans(roster)
    assert orphan.exit_code is not None
    assert stranger.exit_code is None
    stranger.stop(time.monotonic() + 10)


@pytest.mark.parametrize("text", ["", "not json", "[{}]", '[{"pid": "x"}]'])
def test_a_damaged_roster_is_no_obstacle(tmp_path: Path, text: str) -> None:
    (tmp_path / "stack.json").write_text(text)
    stop_orphans(tmp_path / "stack.json")
    assert (tmp_path / "stack.json").exists()


def test_every_service_has_a_port_of_its_own() -> None:
    found = services(StackSettings(Path("data"), 9000))
    assert [item.name for item in found] == ["taskhub", "mcp_tools", "worker", "server", "simulator"]
    ports = [item.port for item in found if item.port]
    assert sorted(ports) == [9000, 9001, 9080, 9081]
