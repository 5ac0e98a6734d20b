"""`fraud-console doctor`: what is reachable, which backend each seam uses, and what to mend."""

import os
import platform
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from devstack.processes import http_status, listening, owner_of, probe
from devstack.services import services
from devstack.settings import StackSettings

State = Literal["ok", "off", "bad"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `fix` says what to do when it is not well."""

    name: str
    state: State
    detail: str
    fix: str = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def examine(stack: StackSettings) -> list[Check]:
    """Look at everything a local stack needs. Asks, never changes anything."""
    return [_python(), _data_dir(stack), _customers(stack), *_processes(stack), *_seams(stack)]


def _python() -> Check:
    return Check("python", "ok", f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}")


def _data_dir(stack: StackSettings) -> Check:
    folder = stack.data_dir
    if not folder.exists():
        return Check("data folder", "off", f"{folder} does not exist yet", "fraud-console up makes it")
    if not os.access(folder, os.W_OK | os.X_OK):
        fix = "make it writable, or choose another with --data-dir"
        return Check("data folder", "bad", f"{folder} is not writable", fix)
    free = os.statvfs(folder)
    megabytes = free.f_bavail * free.f_frsize // 1_000_000
    if megabytes < 200:
        return Check("data folder", "bad", f"{folder}: {megabytes} MB free", "make room on that disk")
    return Check("data folder", "ok", f"{folder}, {megabytes} MB free")


def _customers(stack: StackSettings) -> Check:
    if stack.own_customers and not stack.own_customers.is_file():
        return Check("customer data", "bad", f"DB_PATH={stack.own_customers}: no such file", "unset DB_PATH")
    if not stack.contoso_db.exists():
        return Check("customer data", "off", "not seeded yet", "fraud-console seed")
    return Check("customer data", "ok", f"SQLite {stack.contoso_db}")


def _processes(stack: StackSettings) -> Iterator[Check]:
    for service in services(stack, simulate=False):
        where = f"port {service.port}"
        if probe(service):
            yield Check(service.title, "ok", where)
        elif service.port is not None and listening(service.port):
            status = http_status(service.health_url) if service.health_url else None
            answer = f"answers {status}" if status else "does not answer as it should"
            fix = f"fraud-console logs {service.name} (the port is held by {owner_of(service.port)})"
            yield Check(service.title, "bad", f"{where}, {answer}", fix)
        else:
            yield Check(service.title, "off", f"{where}, not running", "fraud-console up")


def _seams(stack: StackSettings) -> list[Check]:
    """Which backend each seam uses, from the same settings that the programs read."""
    from backends.action_settings import ActionSettings  # noqa: PLC0415 - keeps `fraud-console --help` fast
    from backends.model_settings import ModelSettings  # noqa: PLC0415
    from backends.settings import BackendSettings  # noqa: PLC0415

    try:
        backend, model, action = BackendSettings(), ModelSettings(), ActionSettings()
    except ValueError as error:
        return [Check("settings", "bad", str(error).replace("\n", " "), "see .env.example")]
    hub = f"embedded at {stack.taskhub_url}" if stack.starts_hub else f"{backend.dts_address} (DTS_ENDPOINT)"
    endpoint = model.azure_openai_endpoint or model.openai_base_url
    webhook = action.action_webhook_url
    return [
        Check("seam: durable execution", "ok", hub),
        Check("seam: cases", "ok", f"embedded SQLite, {stack.data_dir / 'cases.db'}"),
        Check("seam: telemetry", "ok", f"embedded SQLite, {stack.data_dir / 'telemetry.db'}"),
        Check("seam: customers", "ok", f"embedded SQLite, {stack.contoso_db}"),
        Check("seam: analyst", "ok", f"{model.model} at {endpoint}" if endpoint else "playbook, no model"),
        Check("seam: actions", "ok", f"ledger and webhook {webhook}" if webhook else "ledger"),
        Check("seam: identity", "ok", "loopback operator, no login"),
    ]
