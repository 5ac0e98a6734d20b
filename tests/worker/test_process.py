"""The worker as a process: what stops it at start, what does not, and how it leaves."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import httpx
import psutil
import pytest
from pydantic import ValidationError

from worker.opening import read_settings
from worker.settings import settings_problems

DEADLINE_SECONDS = 40.0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _environment(folder: Path, **changes: str) -> dict[str, str]:
    nobody = f"http://127.0.0.1:{_free_port()}"
    return {
        "PATH": os.environ["PATH"],
        "FRAUD_DATA_DIR": str(folder),
        "DTS_ENDPOINT": nobody,
        "MCP_SERVER_URI": f"{nobody}/mcp",
        **changes,
    }


@contextmanager
def _worker(folder: Path, **changes: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "worker"],
        env=_environment(folder, **changes),
        cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        if process.stderr is not None:
            process.stderr.close()


def _refusal(folder: Path, **changes: str) -> tuple[int, str]:
    with _worker(folder, **changes) as process:
        _, text = process.communicate(timeout=DEADLINE_SECONDS)
        return process.returncode, text


def _health(port: int, process: subprocess.Popen[str]) -> httpx.Response:
    deadline = time.monotonic() + DEADLINE_SECONDS
    pause = Event()
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            return httpx.get(f"http://127.0.0.1:{port}/health", timeout=10, trust_env=False)
        except httpx.TransportError:
            pause.wait(0.05)
    raise AssertionError("the health probe never answered")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("WORKER_HEALTH_PORT", "many", "valid integer"),
        ("DATA_CLOCK", "yesterday", "valid date"),
        ("MCP_SERVER_URI", "nowhere", "valid URL"),
        ("MODEL_MAX_STEPS", "0", "greater than or equal to 1"),
        ("DTS_ENDPOINT", "http://example.com", "loopback only"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as caught:
        read_settings()
    problems = settings_problems(caught.value)
    assert len(problems) == 1
    assert f"{name}={value}" in problems[0]
    assert allowed in problems[0]


def test_a_secret_is_never_part_of_a_complaint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTION_WEBHOOK_URL", "https://actions.example/x")
    monkeypatch.setenv("ACTION_WEBHOOK_SECRET", "too short")
    with pytest.raises(ValidationError) as caught:
        read_settings()
    text = "\n".join(settings_problems(caught.value))
    assert "ACTION_WEBHOOK_SECRET must have at least 16 characters" in text
    assert "too short" not in text


def test_a_wrong_setting_stops_the_start(tmp_path: Path) -> None:
    code, text = _refusal(tmp_path, WORKER_HEALTH_PORT="many")
    assert code == 2
    assert "WORKER_HEALTH_PORT=many" in text
    assert "Traceback" not in text


def test_a_data_folder_that_cannot_be_written_gets_a_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    code, text = _refusal(blocked / "sub")
    assert code == 1
    assert "cannot open" in text
    assert "Traceback" not in text


def test_a_busy_health_port_gets_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, text = _refusal(tmp_path, WORKER_HEALTH_PORT=str(taken.getsockname()[1]))
    assert code == 1
    assert "WORKER_HEALTH_PORT" in text


def test_it_starts_without_hub_and_tools_says_so_and_leaves_when_told(tmp_path: Path) -> None:
    port = _free_port()
    with _worker(tmp_path, WORKER_HEALTH_PORT=str(port)) as process:
        answer = _health(port, process)
        assert answer.status_code == 503
        assert answer.json() == {
            "status": "degraded",
            "hub": {"connected": False},
            "mcp": {"reachable": False},
            "analyst": "playbook",
            "analysts": {"playbook": "ready"},
        }
        assert _listening(process) == [("127.0.0.1", port)]
        alive = httpx.get(f"http://127.0.0.1:{port}/alive", trust_env=False)
        assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_SECONDS) == 0


def test_in_a_container_its_probe_is_reached_from_outside(tmp_path: Path) -> None:
    port = _free_port()
    with _worker(tmp_path, WORKER_HEALTH_PORT=str(port), WORKER_HEALTH_HOST="0.0.0.0") as process:
        _health(port, process)
        assert _listening(process) == [("0.0.0.0", port)]


def _listening(process: "subprocess.Popen[str]") -> list[tuple[str, int]]:
    connections = psutil.Process(process.pid).net_connections("inet")
    return [(one.laddr.ip, one.laddr.port) for one in connections if one.status == "LISTEN"]


def test_it_opens_no_port_unless_asked(tmp_path: Path) -> None:
    with _worker(tmp_path) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if '"working"' in line)
        assert "localhost" in line or "127.0.0.1" in line
        assert _listening(process) == []
