"""What `fraud-console up` says when it cannot."""

import json
import socket
from datetime import date
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from console.cli import app
from devstack.cli import _in_words, add_commands
from devstack.cli import seed as seed_by_hand
from devstack.doctor import examine, exit_code
from devstack.errors import StackError
from devstack.lock import AlreadyRunningError, stack_lock
from devstack.logs import LogLine, follow, last_lines, log_files
from devstack.seams import seams
from devstack.services import services
from devstack.settings import StackSettings
from devstack.up import SEED_STAMP, check_ports_fit, check_ports_free, seed
from tests.e2e.product import free_port_base

TODAY = date(2026, 11, 20)


@pytest.mark.parametrize("base", [0, 80, 65_535, 70_000])
def test_a_port_base_out_of_range_is_refused(base: int) -> None:
    with pytest.raises(StackError, match="--port-base must be between 1024 and"):
        check_ports_fit(StackSettings(Path("x"), base))


def test_a_taken_port_names_its_owner_and_the_way_out(tmp_path: Path) -> None:
    base = free_port_base()
    stack = StackSettings(tmp_path, base)
    with socket.create_server(("127.0.0.1", stack.server_port)), pytest.raises(StackError) as raised:
        check_ports_free(services(stack), base)
    assert f"port {stack.server_port} for the server is taken by" in str(raised.value)
    assert "--port-base" in str(raised.value)


def test_the_server_looks_at_the_dashboard_of_its_own_stack(tmp_path: Path) -> None:
    found = {one.name: one.environment for one in services(StackSettings(tmp_path, 18_000))}
    assert found["taskhub"]["TASKHUB_DASHBOARD_PORT"] == "18082"
    assert found["server"]["DTS_DASHBOARD_URL"] == "http://127.0.0.1:18082"


def test_with_a_task_hub_elsewhere_none_is_started_and_everybody_finds_that_one(tmp_path: Path) -> None:
    stack = StackSettings.told(tmp_path, 18_000, {"DTS_ENDPOINT": "https://fraud.example.durabletask.io/"})
    found = {one.name: one.environment for one in services(stack)}
    assert "taskhub" not in found
    assert not any("DTS_ENDPOINT" in environment for environment in found.values())
    ours = StackSettings.told(tmp_path, 18_000, {"DTS_ENDPOINT": "http://localhost:18080"})
    assert "taskhub" in {one.name for one in services(ours)}


def test_with_tools_elsewhere_none_are_started_and_the_worker_finds_those(tmp_path: Path) -> None:
    stack = StackSettings.told(tmp_path, 18_000, {"MCP_SERVER_URI": "https://tools.internal/mcp"})
    found = {one.name: one.environment for one in services(stack)}
    assert "mcp_tools" not in found
    assert found["worker"]["MCP_SERVER_URI"] == "https://tools.internal/mcp"
    ours = StackSettings.told(tmp_path, 18_000, {"MCP_SERVER_URI": "http://localhost:18000/mcp"})
    assert "mcp_tools" in {one.name for one in services(ours)}


def test_where_people_sign_in_the_simulator_does_so_as_a_service(tmp_path: Path) -> None:
    for told, identity in (({}, None), ({"AUTH_TENANT_ID": "11111111"}, "service")):
        stack = StackSettings.told(tmp_path, 18_000, told)
        simulator = next(one for one in services(stack) if one.name == "simulator")
        assert simulator.environment.get("FRAUD_CONSOLE_IDENTITY") == identity


def test_customers_in_cosmos_are_not_seeded_into_a_file(tmp_path: Path) -> None:
    stack = StackSettings.told(tmp_path, 18_000, {"COSMOS_ENDPOINT": "https://x.documents.azure.com/"})
    seed(stack, TODAY, pytest.fail)
    assert not stack.contoso_db.exists()
    assert "customer data" not in {check.name for check in examine(stack)}


def test_the_stack_says_what_is_elsewhere_and_which_setting_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(seams(StackSettings(tmp_path))) == [
        "task hub   http://127.0.0.1:8082/   its dashboard, read-only"
    ]
    told = {
        "DTS_ENDPOINT": "https://fraud.example.durabletask.io",
        "MCP_SERVER_URI": "https://tools.internal/mcp",
        "COSMOS_ENDPOINT": "https://x.documents.azure.com/",
        "EVENTHUB_NAMESPACE": "x.servicebus.windows.net",
        "CHECKPOINT_BLOB_URL": "https://x.blob.core.windows.net",
        "AZURE_OPENAI_ENDPOINT": "https://x.openai.azure.com",
        "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=0;IngestionEndpoint=https://x",
        "AUDIT_KEY_VAULT_URL": "https://x.vault.azure.net",
        "AUTH_TENANT_ID": "11111111-2222-3333-4444-555555555555",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    said = "\n".join(seams(StackSettings.told(tmp_path, 8000, told)))
    silent = {"CHECKPOINT_BLOB_URL"}
    assert {name for name in told if f"({name}" not in said} == silent
    assert "none was started here" in said


def test_one_stack_per_data_folder(tmp_path: Path) -> None:
    with stack_lock(tmp_path, "http://127.0.0.1:8001"):
        with pytest.raises(AlreadyRunningError) as raised, stack_lock(tmp_path, "other"):
            pass
        assert raised.value.holder.endswith("http://127.0.0.1:8001")
    with stack_lock(tmp_path, "again"):
        pass


def test_a_lock_file_that_was_left_behind_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "stack.lock").write_text("pid 1, long gone")
    with stack_lock(tmp_path, "now"):
        assert "now" in (tmp_path / "stack.lock").read_text()


def test_a_folder_that_cannot_be_made_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match="--data-dir"), stack_lock(tmp_path / "file" / "data", "x"):
        pass


def test_customers_are_seeded_once_a_day(tmp_path: Path) -> None:
    stack = StackSettings(tmp_path)
    said: list[str] = []
    seed(stack, TODAY, said.append)
    assert "stories" in said[-1]
    written = stack.contoso_db.stat().st_mtime_ns
    seed(stack, TODAY, said.append)
    assert stack.contoso_db.stat().st_mtime_ns == written
    (tmp_path / SEED_STAMP).write_text("2026-11-19")
    seed(stack, TODAY, said.append)
    assert stack.contoso_db.stat().st_mtime_ns != written


def test_customer_data_that_is_not_ours_is_served_and_never_overwritten(tmp_path: Path) -> None:
    said: list[str] = []
    mine = tmp_path / "mine.db"
    mine.write_text("mine")
    seed(StackSettings(tmp_path / "data", own_customers=mine), TODAY, said.append)
    copied = StackSettings(tmp_path)
    copied.contoso_db.write_text("mine too")
    seed(copied, TODAY, said.append)
    assert (mine.read_text(), copied.contoso_db.read_text()) == ("mine", "mine too")
    assert [str(path) in line for path, line in zip((mine, copied.contoso_db), said, strict=True)] == [
        True,
        True,
    ]
    gone = StackSettings(tmp_path, own_customers=tmp_path / "gone.db")
    with pytest.raises(StackError, match="DB_PATH="):
        seed(gone, TODAY, said.append)


def test_seeding_by_hand_spares_data_that_db_path_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.db"
    mine.write_text("mine")
    monkeypatch.setenv("DB_PATH", str(mine))
    with pytest.raises(typer.Exit):
        _in_words(seed_by_hand)(data_dir=tmp_path)
    assert "DB_PATH" in capsys.readouterr().err
    assert mine.read_text() == "mine"


def test_logs_are_shown_by_service(tmp_path: Path) -> None:
    (tmp_path / "worker.log").write_text("one\ntwo\n")
    (tmp_path / "server.log").write_text("three\n")
    last = last_lines(log_files(tmp_path, None), 1)
    assert [line.named for line in last] == ["server     three", "worker     two"]
    with pytest.raises(StackError, match="there are: server, worker"):
        log_files(tmp_path, "nobody")
    with pytest.raises(StackError, match="fraud-console up"):
        log_files(tmp_path / "none", None)


def test_programs_are_told_about_this_machine_in_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DB_PATH", raising=False)
    add_commands(app)

    def told(*words: str, code: int = 0) -> dict[str, object]:
        done = CliRunner().invoke(app, [*words, "--data-dir", str(tmp_path), "--json"])
        assert done.exit_code == code, done.output
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    assert "fraud-console up" in str(told("logs", code=1)["error"])
    assert told("seed")["path"] == str(tmp_path / "contoso.db")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "worker.log").write_text("one\n")
    assert told("logs") == {"service": "worker", "line": "one"}
    (tmp_path / "stack.lock").touch()
    assert "--yes" in str(told("reset", code=2)["error"])
    assert told("reset", "--yes") == {"deleted": str(tmp_path)}


def test_following_shows_whole_lines_as_they_are_written(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text("before\n")
    lines = follow(log_files(tmp_path, None))

    def write_then_next(text: str) -> str:
        with log.open("a") as file:
            file.write(text)
        return next(lines).named

    assert write_then_next("one\n") == "worker     one"
    assert write_then_next("two\nhalf") == "worker     two"
    assert write_then_next(" done\n") == "worker     half done"
    log.write_text("rotated\n")
    assert next(lines) == LogLine("worker", "rotated")


def test_the_doctor_says_what_is_off_and_what_to_do(tmp_path: Path) -> None:
    checks = {check.name: check for check in examine(StackSettings(tmp_path / "none", free_port_base()))}
    assert checks["server"].state == "off"
    assert "fraud-console up" in checks["server"].fix
    assert checks["customer data"].fix == "fraud-console seed"
    assert checks["seam: durable execution"].state == "off"
    assert checks["seam: cases"].detail.startswith("embedded")
    assert exit_code(list(checks.values())) == 0
