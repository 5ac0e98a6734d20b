"""What the image and compose.yaml say fits the programs; nothing can be started without an engine."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack.env_example import env_example
from mcp_tools.settings import McpSettings
from server.routes import liveness
from server.settings import ServerSettings
from worker.settings import WorkerSettings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = {name: told for name, told in COMPOSE["services"].items() if "image" in told and "build" in told}
SETTINGS = set(re.findall(r"^#([A-Z_]+)=", env_example(), re.MULTILINE))
PROGRAMS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_program_of_ours_with_settings_that_there_are(name: str) -> None:
    told = OURS[name]
    assert told["command"][0] in PROGRAMS
    assert set(told["environment"]) <= SETTINGS


def test_probes_ask_what_the_programs_answer() -> None:
    asked = {name: _probed(told) for name, told in OURS.items() if "healthcheck" in told}
    assert asked == {
        "server": (str(ServerSettings.model_fields["server_port"].default), "/api/v1/alive"),
        "mcp_tools": (str(McpSettings.model_fields["port"].default), "/alive"),
        "worker": (OURS["worker"]["environment"]["WORKER_HEALTH_PORT"], "/alive"),
    }
    assert "/api/v1/alive" in liveness.PATHS
    assert set(WorkerSettings.model_fields) >= {"worker_health_port", "worker_health_host"}


def _probed(told: dict[str, Any]) -> tuple[str, str]:
    """Port and path of a service's health check, with the defaults of its variables."""
    text = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", " ".join(told["healthcheck"]["test"]))
    found = re.search(r"http://127\.0\.0\.1:(\d+)(/[\w/]*)", text)
    assert found is not None, text
    return found[1], found[2]


def test_no_two_services_want_the_same_port() -> None:
    published = [
        port.split(":")[1] for told in COMPOSE["services"].values() for port in told.get("ports", ())
    ]
    ours = {"8000", "8001", "8080", "8081", "8082"}
    assert len(published) == len(set(published))
    assert ours.isdisjoint(published), "the host's network is shared with the embedded task hub"


def test_the_image_runs_without_privileges_and_has_no_secrets_in_it() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER fraud"]
    assert lines.index("USER fraud") < next(i for i, line in enumerate(lines) if line.startswith("CMD"))
    assert {".env", ".fraud-console", ".venv"} <= set((ROOT / ".dockerignore").read_text().split())
