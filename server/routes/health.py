"""Whether the server and what it needs are well."""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from typing import Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Response
from pydantic import JsonValue

from casework.alert import Frozen
from casework.errors import CaseworkError, UnavailableError
from casework.hub_picture import HubReport
from casework.permissions import Permission
from casework.playbooks import ANALYST
from casework.ports import BusReport, EventBus, HubWatch
from server.dependencies import TheDesk
from server.desk import Desk
from server.identity.declared import needs
from server.ingest import CONSUMER

CHECK_SECONDS = 5.0

router = APIRouter(tags=["desk"])
demo_router = APIRouter(tags=["demo"])


class Seam(Frozen):
    """One thing the server needs: whether it answered, how fast, and if not why."""

    ok: bool
    detail: str = ""
    milliseconds: float | None = None


class HealthReport(Frozen):
    """`degraded` still serves: what is away is named, and what is accepted meanwhile is carried out later."""

    status: Literal["healthy", "degraded"]
    seams: dict[str, Seam]
    detection: dict[str, JsonValue]
    sweep: dict[str, JsonValue]
    stream: dict[str, JsonValue]
    task_hub: HubReport
    analysts: dict[str, JsonValue]
    """Who made findings since this process started, and why who was asked before could not."""


@router.get("/health", summary="Every seam's state")
@needs(Permission.LOOK)
async def health(desk: TheDesk, response: Response) -> HealthReport:
    """200 when the stores and the task hub answer and it takes writes, else 503.

    The tools are the worker's need, not ours; and a hub whose figures are not known may be well.
    """
    reports: list[BusReport] = []
    seams, task_hub = await asyncio.gather(_seams(desk, reports), _task_hub(desk.backends.hub_watch))
    healthy = all(seams[name].ok for name in ("cases", "telemetry", "task_hub")) and not _full(task_hub)
    response.status_code = 200 if healthy else 503
    return HealthReport(
        status="healthy" if healthy else "degraded",
        seams=seams,
        detection={
            "enabled": desk.settings.detection_enabled,
            "rules": len(desk.ingest.rules),
            "events_seen": desk.ingest.events_seen,
            "parked": desk.ingest.parked_total + sum(report.parked for report in reports),
            **_lag(reports),
        },
        sweep={
            "rounds": desk.sweep.rounds,
            "delivered": desk.sweep.delivered,
            "closed_failed": desk.sweep.closed_failed,
        },
        stream={"clients": len(desk.live.audience), "cursor": str(desk.live.hub.position)},
        task_hub=task_hub,
        analysts=dict(desk.analysts.report),
    )


@demo_router.get("/health", summary="Health in the demo's shape")
@needs(Permission.LOOK)
async def demo_health(desk: TheDesk, response: Response) -> dict[str, JsonValue]:
    seams = await _seams(desk)
    uri = desk.settings.mcp_server_uri
    host, port = _address(uri)
    hub, tools = seams["task_hub"], seams["tools"]
    dts: dict[str, JsonValue] = {"ok": hub.ok, **({} if hub.ok else {"error": hub.detail})}
    mcp: dict[str, JsonValue] = {"ok": tools.ok, "host": host, "port": port, "uri": uri}
    if not tools.ok:
        mcp["error"] = tools.detail
    healthy = hub.ok and tools.ok and seams["cases"].ok and seams["telemetry"].ok
    response.status_code = 200 if healthy else 503
    return {
        "status": "healthy" if healthy else "degraded",
        "timestamp": desk.clock().isoformat(),
        "checks": {
            "dts": {**dts, "endpoint": desk.task_hub_address},
            "mcp": mcp,
            "openai_auth": _model_access(desk),
        },
    }


def _model_access(desk: Desk) -> dict[str, JsonValue]:
    """What the record says of the models; the worker is who asks them."""
    told = {name: words for name, words in desk.analysts.report.items() if name != ANALYST}
    if not told:
        return {"ok": True, "detail": "the playbook analyst needs no model"}
    away = any(words.startswith("AWAY") for words in told.values())
    return {"ok": not away, "detail": "; ".join(f"{name}: {words}" for name, words in told.items())}


async def _task_hub(watch: HubWatch) -> HubReport:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return HubReport(source=watch.source, picture=await watch.look())
    except TimeoutError:
        return HubReport(source=watch.source, not_known=f"no answer within {CHECK_SECONDS:g} s")
    except UnavailableError as error:
        return HubReport(source=watch.source, not_known=str(error))


def _full(report: HubReport) -> bool:
    return report.picture is not None and not report.picture.storage_healthy


def _lag(reports: Sequence[BusReport]) -> dict[str, JsonValue]:
    """How far detection is behind: in all, and by partition; nothing when that is not known."""
    if not reports:
        return {}
    partitions: list[JsonValue] = [one.model_dump() for one in reports[0].lag]
    return {"behind": reports[0].behind, "partitions": partitions}


async def _seams(desk: Desk, reports: list[BusReport] | None = None) -> dict[str, Seam]:
    """Whether each seam answers. What the telemetry log answers is put into `reports`."""
    backends = desk.backends
    found_reports = [] if reports is None else reports
    host, port = _address(desk.settings.mcp_server_uri)
    checks = {
        "cases": backends.cases.head(),
        "telemetry": _report(backends.telemetry, found_reports),
        "task_hub": backends.flow.ping(),
        "tools": _connect(host, port),
    }
    found = await asyncio.gather(*(_checked(check) for check in checks.values()))
    return dict(zip(checks, found, strict=True))


async def _report(bus: EventBus, reports: list[BusReport]) -> None:
    reports.append(await bus.report(CONSUMER))


async def _checked(check: Awaitable[object]) -> Seam:
    started = time.perf_counter()
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check
    except TimeoutError:
        return Seam(ok=False, detail=f"no answer within {CHECK_SECONDS:g} s")
    except (CaseworkError, OSError) as error:
        return Seam(ok=False, detail=str(error))
    return Seam(ok=True, milliseconds=round((time.perf_counter() - started) * 1000, 1))


async def _connect(host: str, port: int) -> None:
    _, writer = await asyncio.open_connection(host, port)
    writer.close()


def _address(uri: str) -> tuple[str, int]:
    parts = urlsplit(uri)
    return parts.hostname or "localhost", parts.port or (443 if parts.scheme == "https" else 80)
