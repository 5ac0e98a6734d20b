"""The processes of the local stack: how each is started, and how one sees that it is well."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from devstack.settings import StackSettings

STORY_SECONDS = 30
"""How often the simulator plays a fraud story, the first one soon after it starts."""
ANOMALY_PROBABILITY = 0.015
"""How often an ordinary customer does something suspicious: about one alert a minute, a desk one can work."""


@dataclass(frozen=True, slots=True)
class Service:
    """One process. `health_url` answers 200 when it is well; without one, a listening `port` is enough.

    A service with neither is well as long as it runs.
    """

    name: str
    title: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    health_url: str | None = None
    port: int | None = None


def services(stack: StackSettings, *, interval_seconds: float = 1.0, simulate: bool = True) -> list[Service]:
    """Everything `fraud-console up` starts, in the order in which it is started.

    What the environment puts elsewhere is not started: DTS_ENDPOINT names another task hub, MCP_SERVER_URI
    other tools.
    """
    shared = {"FRAUD_DATA_DIR": str(stack.data_dir), "MCP_SERVER_URI": stack.mcp_url}
    if stack.starts_hub:
        shared |= {
            "DTS_ENDPOINT": stack.taskhub_url,
            "DTS_TASKHUB": "default",
            "DTS_DASHBOARD_URL": stack.dashboard_url,
        }
    found = [
        *([_taskhub(stack, shared)] if stack.starts_hub else []),
        *([_mcp_tools(stack, shared)] if stack.starts_tools else []),
        _worker(stack, shared),
        _server(stack, shared, produce=simulate),
    ]
    if simulate:
        found.append(_simulator(stack, shared, interval_seconds))
    return found


def _taskhub(stack: StackSettings, shared: Mapping[str, str]) -> Service:
    own = {
        "TASKHUB_PORT": str(stack.taskhub_port),
        "TASKHUB_DASHBOARD_PORT": str(stack.dashboard_port),
        "TASKHUB_DB": str(stack.data_dir / "taskhub.db"),
    }
    return Service("taskhub", "task hub", _module("taskhub"), {**shared, **own}, port=stack.taskhub_port)


def _mcp_tools(stack: StackSettings, shared: Mapping[str, str]) -> Service:
    own = {"MCP_PORT": str(stack.mcp_port), "DB_PATH": str(stack.contoso_db)}
    health = f"http://127.0.0.1:{stack.mcp_port}/health"
    return Service("mcp_tools", "MCP tools", _module("mcp_tools"), {**shared, **own}, health, stack.mcp_port)


def _worker(stack: StackSettings, shared: Mapping[str, str]) -> Service:
    own = {"WORKER_HEALTH_PORT": str(stack.worker_health_port)}
    health = f"http://127.0.0.1:{stack.worker_health_port}/health"
    port = stack.worker_health_port
    return Service("worker", "worker", _module("worker"), {**shared, **own}, health, port)


def _server(stack: StackSettings, shared: Mapping[str, str], *, produce: bool) -> Service:
    own = {"SERVER_PORT": str(stack.server_port), "EVENT_PRODUCER_ENABLED": str(produce).lower()}
    health = f"{stack.server_url}/api/v1/ready"
    return Service("server", "server", _module("server"), {**shared, **own}, health, stack.server_port)


def _simulator(stack: StackSettings, shared: Mapping[str, str], interval_seconds: float) -> Service:
    pace = ("--interval", str(interval_seconds), "--anomaly-probability", str(ANOMALY_PROBABILITY))
    stories = ("--stories", "--story-every", str(STORY_SECONDS))
    options = ("--server", stack.server_url, *pace, *stories)
    # Nobody is there to type a code for a process in the background.
    own = {"FRAUD_CONSOLE_IDENTITY": "service"} if stack.signs_in else {}
    return Service("simulator", "telemetry", (*_module("devstack.simulator"), *options), {**shared, **own})


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name)
