"""Writes into a page who reads which setting: `python -m devstack.settings_table PAGE`."""

import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic_settings import BaseSettings

from backends.action_settings import ActionSettings
from backends.audit_settings import AuditSettings
from backends.cosmos_settings import CosmosSettings
from backends.event_hub_settings import EventHubSettings
from backends.model_settings import ModelSettings
from backends.observability.settings import ObservabilitySettings
from backends.policy_settings import PolicySettings
from backends.settings import BackendSettings
from console.settings import ConsoleSettings, SettingsFile
from devstack.env_example import default_of, variable_of
from mcp_tools.settings import McpSettings
from server.settings import ServerSettings
from taskhub.settings import TaskHubSettings
from worker.settings import WorkerSettings

BEGIN, END = "<!-- settings: make env writes this table -->\n", "<!-- end of settings -->"
READERS: tuple[tuple[str, type[BaseSettings]], ...] = (
    ("server, worker", CosmosSettings),
    ("server, simulator", EventHubSettings),
    ("server, worker", BackendSettings),
    ("server, worker", AuditSettings),
    ("server, worker", PolicySettings),
    ("server, worker, tools", ObservabilitySettings),
    ("server", ServerSettings),
    ("worker", WorkerSettings),
    ("worker", ModelSettings),
    ("worker", ActionSettings),
    ("tools", McpSettings),
    ("embedded hub", TaskHubSettings),
    ("console", ConsoleSettings),
    ("console", SettingsFile),
)
"""Every settings tree with the processes that read it; what a tree inherits from another stands there."""


def settings_table() -> str:
    """A Markdown table of all settings: default, and who reads it."""
    rows: dict[str, tuple[str, list[str]]] = {}
    for readers, settings in READERS:
        for name, default in _of(settings):
            kept = rows.setdefault(name, (default, []))
            kept[1].extend(reader for reader in readers.split(", ") if reader not in kept[1])
    lines = [f"| `{name}` | {default} | {', '.join(who)} |" for name, (default, who) in rows.items()]
    return "\n".join(["| Setting | Default | Read by |", "|---|---|---|", *lines]) + "\n"


def _of(settings: type[BaseSettings]) -> Iterator[tuple[str, str]]:
    inherited = {name for base in settings.__bases__ for name in getattr(base, "model_fields", {})}
    for name, field in settings.model_fields.items():
        if name not in inherited:
            default = default_of(field)
            yield variable_of(settings, name, field), f"`{default}`" if default else ""


def with_table(page: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{BEGIN}{settings_table()}{end}{after}"


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.write_text(with_table(place.read_text()))
