"""`fraud-console doctor`: what is reachable, which backend each seam uses, and what to mend."""

import asyncio
import os
import platform
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from backends.checks.check import Answer, Check, Question, ask_all
from console.signin.quiet import quiet_sdk
from devstack.processes import http_status, listening, owner_of, probe
from devstack.services import services
from devstack.settings import StackSettings

if TYPE_CHECKING:
    from backends.settings import BackendSettings

EXIT_NOT_ALLOWED, EXIT_UNREACHABLE, EXIT_FAILURE = 5, 6, 1
Told = Callable[[Check], None]


def examine(stack: StackSettings, told: Told = lambda _check: None) -> list[Check]:
    """Look at everything the product needs. Asks, and changes nothing; `told` hears each answer at once."""
    quiet_sdk()
    local = [_python(), _data_dir(stack), *_customers(stack), *_processes(stack), *_embedded(stack)]
    for check in local:
        told(check)
    try:
        questions = _questions(stack)
    except ValueError as error:
        from backends.wrong_settings import sentences  # noqa: PLC0415 - keeps `fraud-console --help` fast

        wrong = Check("settings", "bad", "; ".join(sentences(error)), "see .env.example", "wrong")
        told(wrong)
        return [*local, wrong]
    return [*local, *asyncio.run(ask_all(questions, told))]


def exit_code(checks: list[Check]) -> int:
    """0 when nothing is bad; 5 when all that is bad is forbidden, 6 when it is out of reach, 1 otherwise."""
    causes = {check.cause for check in checks if check.state == "bad"}
    if not causes:
        return 0
    return {"not_allowed": EXIT_NOT_ALLOWED, "unreachable": EXIT_UNREACHABLE}.get(
        causes.pop() if len(causes) == 1 else "", EXIT_FAILURE
    )


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


def _customers(stack: StackSettings) -> Iterator[Check]:
    """The file with customers, where there is to be one."""
    if stack.customers_elsewhere or not stack.starts_tools:
        return
    if stack.own_customers and not stack.own_customers.is_file():
        yield Check("customer data", "bad", f"DB_PATH={stack.own_customers}: no such file", "unset DB_PATH")
    elif not stack.contoso_db.exists():
        yield Check("customer data", "off", "not seeded yet", "fraud-console seed")
    else:
        yield Check("customer data", "ok", f"SQLite {stack.contoso_db}")


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


def _embedded(stack: StackSettings) -> Iterator[Check]:
    """The seams that are files or processes of this stack, from the same settings that the programs read."""
    from backends.action_settings import ActionSettings  # noqa: PLC0415 - keeps `fraud-console --help` fast
    from backends.checks.settings import SignInSettings  # noqa: PLC0415
    from backends.model_settings import ModelSettings  # noqa: PLC0415
    from backends.settings import BackendSettings  # noqa: PLC0415

    try:
        backend, model, action = BackendSettings(), ModelSettings(), ActionSettings()
    except ValueError:
        return
    if not backend.has_cosmos:
        yield Check("seam: cases", "ok", f"embedded SQLite, {stack.data_dir / 'cases.db'}")
        yield Check("seam: customers", "ok", f"embedded SQLite, {stack.contoso_db}")
    if not backend.has_event_hub:
        yield Check("seam: telemetry", "ok", f"embedded SQLite, {stack.data_dir / 'telemetry.db'}")
    if not model.has_model:
        yield Check("seam: analyst", "ok", "playbook, no model")
    webhook = action.action_webhook_url
    yield Check("seam: actions", "ok", f"ledger and webhook {webhook}" if webhook else "ledger")
    if not SignInSettings().auth_tenant_id:
        yield Check("seam: sign-in", "ok", "loopback operator, no login")


def _questions(stack: StackSettings) -> list[Question]:
    """One for every seam that is a service. Raises ValueError for a wrong setting."""
    from pydantic import AnyHttpUrl  # noqa: PLC0415

    from backends.audit_settings import AuditSettings  # noqa: PLC0415
    from backends.checks import azure_data, keys, services  # noqa: PLC0415 - keeps `fraud-console --help` fast
    from backends.checks.settings import SignInSettings  # noqa: PLC0415
    from backends.model_settings import ModelSettings  # noqa: PLC0415
    from backends.observability.settings import ObservabilitySettings  # noqa: PLC0415
    from backends.settings import BackendSettings  # noqa: PLC0415

    backend = BackendSettings()
    if stack.starts_hub:
        backend = backend.model_copy(update={"dts_endpoint": AnyHttpUrl(stack.taskhub_url)})
    hub_port = None if backend.dts_secure else backend.dts_endpoint.port
    asked = [
        _when_running(services.task_hub_question(backend), hub_port),
        _when_running(services.tools_question(stack.mcp_url), stack.mcp_port if stack.starts_tools else None),
        *_cosmos_questions(backend),
        *azure_data.event_hub_questions(backend),
        services.model_question(ModelSettings()),
        services.fallback_question(ModelSettings()),
        *keys.vault_questions(AuditSettings()),
        *services.sign_in_questions(SignInSettings()),
        *services.export_questions(ObservabilitySettings()),
    ]
    return [question for question in asked if question is not None]


def _cosmos_questions(backend: "BackendSettings") -> Iterator[Question]:
    """One for each container. The customers' are read by the tools, which need no more than that."""
    if not backend.has_cosmos:
        return
    from backends.checks.azure_data import cosmos_question  # noqa: PLC0415 - keeps `--help` fast
    from mcp_tools.settings import McpSettings  # noqa: PLC0415

    tools, account, database = McpSettings(), backend.cosmos_address, backend.cosmos_database
    cases, ledger = backend.cosmos_cases_container, backend.cosmos_actions_container
    yield cosmos_question("seam: cases", account, database, cases, writes=True)
    yield cosmos_question("seam: action ledger", account, database, ledger, writes=True)
    for container in (tools.cosmos_activity, tools.cosmos_directory):
        yield cosmos_question(
            "seam: customers", account, tools.cosmos_database, container, writes=tools.write_tools
        )


def _when_running(question: Question, port: int | None) -> Question:
    """The question, or the answer that there is nobody to ask on this machine."""
    if port is None or listening(port):
        return question

    async def nobody() -> Answer:
        return Answer("off", f"port {port}, not running", "fraud-console up")

    ask: Callable[[], Awaitable[Answer]] = nobody
    return Question(question.name, ask, question.explain)
