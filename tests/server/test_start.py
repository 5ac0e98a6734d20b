"""The command: settings checked, a taken port explained, stopped in bounded time with streams open."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from backends.policy_settings import PolicySettings
from casework.policy import Policy
from server.settings import ServerSettings, settings_problems

DEADLINE_SECONDS = 30


def _environment(tmp_path: Path, **changes: str) -> dict[str, str]:
    base = {"PATH": os.environ["PATH"], "FRAUD_DATA_DIR": str(tmp_path / "data"), "SERVER_PORT": "0"}
    return {**base, "DTS_ENDPOINT": "http://127.0.0.1:9", **changes}


def _run(tmp_path: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server"],
        env=_environment(tmp_path, **changes),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("SERVER_PORT", "http", "integer"),
        ("SERVER_PORT", "70000", "65535"),
        ("SERVER_HOST", "0.0.0.0", "loopback"),
        ("SERVER_HOST", "example.org", "loopback"),
        ("ANOMALY_PROBABILITY", "2", "1"),
        ("BODY_LIMIT_BYTES", "5", "1024"),
        ("MAX_REVIEW_ATTEMPTS", "0", "1"),
        ("ANALYST_APPROVAL_TIMEOUT_HOURS", "0", "0"),
        ("WATCH_LIST", "1,x", "integer"),
        ("DTS_ENDPOINT", "http://example.org:8080", "loopback"),
        ("COSMOS_ENDPOINT", "http://example.org", "https"),
        ("COSMOS_DATABASE", "a/b", "pattern"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_says_what_is_allowed(
    tmp_path: Path, name: str, value: str, allowed: str
) -> None:
    done = _run(tmp_path, **{name: value})
    assert done.returncode == 2, done.stderr
    assert name in done.stderr
    assert allowed in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


def test_wrong_rules_stop_the_start_and_name_the_rule(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rule]]\nid = "x"\nkind = "magic"\n')
    done = _run(tmp_path, RULES_FILE=str(rules))
    assert done.returncode == 2
    assert "magic" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = _run(tmp_path, SERVER_PORT=str(port))
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "SERVER_PORT" in done.stderr


def test_a_folder_that_holds_no_database_of_ours_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cases.db").write_bytes(b"something else altogether " * 400)
    done = _run(tmp_path)
    assert done.returncode == 1
    assert "cases.db" in done.stderr
    assert "Traceback" not in done.stderr


@contextmanager
def _started(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "server"],
        env=_environment(tmp_path, SERVER_PORT=str(port)),
        cwd=Path(__file__).parents[2],
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _until_up(process, url)
        yield process, url
    finally:
        process.kill()
        process.wait()


def _until_up(process: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended by itself"
        try:
            if httpx.get(f"{url}/api/v1/me", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server did not come up")


def test_sigterm_ends_open_streams_and_the_process(tmp_path: Path) -> None:
    with _started(tmp_path) as (process, url):
        stream = httpx.stream("GET", f"{url}/api/v1/stream", timeout=DEADLINE_SECONDS, trust_env=False)
        with stream as response:
            lines = response.iter_lines()
            assert next(lines) == "event: hello"
            process.send_signal(signal.SIGTERM)
            rest = list(lines)
        assert not any(line.startswith("event:") for line in rest)
        assert process.wait(timeout=DEADLINE_SECONDS) == 0


def test_the_servers_process_serves_while_the_task_hub_is_away(tmp_path: Path) -> None:
    with _started(tmp_path) as (_, url), httpx.Client(base_url=url, trust_env=False) as http:
        alert = {"alert_id": "A-1", "customer_id": 1, "alert_type": "sim_swap"}
        started = http.post("/api/workflow/start", json=alert, timeout=DEADLINE_SECONDS)
        assert started.json()["instance_id"] == "fraud-A-1"
        assert http.get("/api/v1/cases/fraud-A-1").json()["summary"]["status"] == "open"


def test_the_demos_name_for_the_port_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKEND_PORT", "8123")
    assert ServerSettings().server_port == 8123
    monkeypatch.setenv("SERVER_PORT", "8124")
    assert ServerSettings().server_port == 8124


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_loopback_hosts_are_allowed(host: str) -> None:
    assert ServerSettings(server_host=host).server_host == host


def test_every_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        ServerSettings(server_host="0.0.0.0", anomaly_probability=7)
    told = settings_problems(caught.value)
    assert len(told) == 2
    assert told[0].startswith("SERVER_HOST='0.0.0.0'")
    assert told[1].startswith("ANOMALY_PROBABILITY=7")


def test_the_policy_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PolicySettings().policy() == Policy()
    for name, value in {
        "ANALYST_APPROVAL_TIMEOUT_HOURS": "0.5",
        "HOLD_SECONDS": "0",
        "FOUR_EYES_AMOUNT": "off",
        "REVIEW_AMOUNT": "250.50",
        "WATCH_LIST": "7, 9",
        "MAX_REVIEW_ATTEMPTS": "2",
    }.items():
        monkeypatch.setenv(name, value)
    policy = PolicySettings().policy()
    assert (policy.terms.decision_deadline_seconds, policy.terms.hold_seconds) == (1800.0, 0.0)
    assert (policy.four_eyes_amount, policy.terms.max_attempts) == (None, 2)
    assert policy.watch_list == {7, 9}
    assert str(policy.review_amount) == "250.50"
