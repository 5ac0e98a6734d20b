"""Puts the server together: settings and backends in, an application out."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from importlib.metadata import version
from random import Random

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from backends.observability.requests import CaseOfRequest
from backends.settings import BackendSettings
from backends.wiring import Backends, open_backends
from casework.policy import Policy
from casework.ports import StoredEvent
from casework.rules import Rule, default_rules, load_rules
from server import docs_page, openapi, problems
from server.analysts import AnalystWatch
from server.clock import Clock, utc_now
from server.desk import Desk
from server.gauges import Gauges
from server.guards import Bounds, HostGuard
from server.identity.declared import guarded_routes
from server.identity.gate import Gate
from server.identity.tokens import Tokens
from server.ingest import Ingest
from server.legacy import page, routes, socket
from server.legacy.producer import Producer
from server.live.audience import Audience
from server.live.feed import Feed, keep_running, starting_position
from server.live.handover import StreamingApp
from server.live.hub import Hub
from server.live.session import Live
from server.live.watchers import Watchers
from server.observed import Observed
from server.routes import (
    audit,
    cases,
    claims,
    decisions,
    health,
    liveness,
    me,
    notes,
    rules,
    signin,
    stats,
    stream,
    tags,
    telemetry,
)
from server.settings import ServerSettings
from server.sweep import Sweep
from server.tally import Tally

UNBOUNDED = frozenset({stream.PATH, "/api/events/stream", audit.PATH})
V1 = (me, cases, claims, decisions, notes, tags, telemetry, stats, audit, rules, health, signin, liveness)

UPKEEP_SECONDS = 3600.0

log = structlog.get_logger("server.app")


def create_app(
    settings: ServerSettings,
    backends: Backends | None = None,
    *,
    backend_settings: BackendSettings | None = None,
    policy: Policy | None = None,
    clock: Clock = utc_now,
    tokens: Tokens | None = None,
    measure_seconds: float | None = None,
) -> FastAPI:
    """The application. Without `backends` the lifespan opens those that `backend_settings` choose.

    With `measure_seconds` the figures of the desk are measured that often.

    Raises RuleFileError when the rules are wrong, before anything is opened.
    """
    detection_rules = load_rules(settings.rules_file) if settings.rules_file else default_rules()
    chosen = backend_settings or BackendSettings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            opened = backends
            if opened is None:
                opened = await stack.enter_async_context(open_backends(chosen))
            desk = await _desk(
                settings,
                opened,
                policy or Policy(),
                clock=clock,
                detection_rules=detection_rules,
                task_hub_address=chosen.dts_address,
            )
            app.state.desk = desk
            if app.state.tokens is not None:
                stack.callback(app.state.tokens.close)
            await stack.enter_async_context(_running(desk, measure_seconds))
            yield

    app = StreamingApp(
        title="fraud-console server",
        version=version("fraud-console"),
        summary="Cases, decisions and live telemetry for fraud analysts.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    problems.register(app)
    _mount(app, settings)
    trust = settings.trust
    app.state.tokens = tokens or (Tokens(trust) if trust else None)
    openapi.install(app, {stream.PATH: {"get": stream.DESCRIPTION}})
    _guard(app, settings)
    return app


def _mount(app: FastAPI, settings: ServerSettings) -> None:
    own = APIRouter(prefix="/api/v1")
    for module in V1:
        own.include_router(module.router)
    app.router.routes.append(stream.route)
    app.include_router(own)
    app.include_router(health.demo_router)
    app.include_router(routes.router)
    app.include_router(socket.router)
    docs_page.mount_docs(app)
    page.mount_page(app, settings.static_dir)


def _guard(app: FastAPI, settings: ServerSettings) -> None:
    """The last one added is the outermost. Raises UndeclaredRouteError, with sign-in or without."""
    routes, tokens = guarded_routes(app), app.state.tokens
    app.add_middleware(CaseOfRequest)
    if tokens is not None:
        app.add_middleware(Gate, routes=routes, tokens=tokens, origins=frozenset(settings.origins))
    app.add_middleware(
        Bounds,
        body_bytes=settings.body_limit_bytes,
        body_seconds=settings.body_timeout_seconds,
        answer_seconds=settings.request_timeout_seconds,
        unbounded=UNBOUNDED.__contains__,
    )
    app.add_middleware(HostGuard, hosts=settings.hosts, origins=settings.origins, any_host=liveness.PATHS)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(settings.origins),
        allow_credentials=True,
        allow_methods=["*"],
        allow_headers=["*"],
    )


async def _desk(
    settings: ServerSettings,
    backends: Backends,
    policy: Policy,
    *,
    clock: Clock,
    detection_rules: tuple[Rule, ...],
    task_hub_address: str,
) -> Desk:
    cases, bus, flow = backends.cases, backends.telemetry, backends.flow
    hub = Hub(await starting_position(cases, bus), settings.stream_frames)
    audience, watchers, observed = Audience(hub, settings.max_stream_clients), Watchers(), Observed()
    tally, analysts = Tally(cases, clock), AnalystWatch()
    patience = settings.flow_patience_seconds

    ingest = Ingest(
        detection_rules,
        bus,
        cases,
        flow,
        terms=policy.terms,
        clock=clock,
        observed=observed,
        patience_seconds=patience,
    )

    def count(change: StoredEvent) -> None:
        tally.count(change.case)
        analysts.see(change.event)

    return Desk(
        settings=settings,
        policy=policy,
        backends=backends,
        task_hub_address=task_hub_address,
        clock=clock,
        live=Live(hub, audience, cases, bus, clock, settings.stream_backlog),
        watchers=watchers,
        feed=Feed(
            cases,
            bus,
            hub,
            audience,
            watchers=watchers,
            clock=clock,
            on_change=count,
        ),
        observed=observed,
        ingest=ingest,
        sweep=Sweep(
            cases,
            flow,
            clock,
            every_seconds=settings.sweep_seconds,
            patience_seconds=patience,
            stalled_after_seconds=settings.stalled_after_seconds,
            traces=ingest.traces,
        ),
        tally=tally,
        analysts=analysts,
        producer=Producer(
            bus, clock, settings.event_interval_seconds, settings.anomaly_probability, Random()
        ),
    )


@asynccontextmanager
async def _running(desk: Desk, measure_seconds: float | None) -> AsyncIterator[None]:
    """The loops beside the routes, from start to stop."""
    desk.observed.watching = desk.settings.detection_enabled
    loops = _loops(desk, measure_seconds)
    tasks = [asyncio.create_task(keep_running(name, work), name=name) for name, work in loops]
    tasks.append(asyncio.create_task(desk.tally.count_history(), name="tally"))
    if desk.settings.event_producer_enabled:
        desk.producer.start()
    try:
        yield
    finally:
        desk.close_streams()
        await desk.producer.stop()
        await _end(tasks)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for them; again for one that lost its cancellation on the way."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=1)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("loop_ended_badly", loop=task.get_name(), reason=repr(error))


def _loops(desk: Desk, measure_seconds: float | None) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
    feed = desk.feed
    loops: list[tuple[str, Callable[[], Awaitable[None]]]] = [
        ("cases", feed.follow_cases),
        ("telemetry", feed.follow_telemetry),
        ("demo_telemetry", lambda: feed.follow_telemetry_for_demo(desk.observed)),
        ("sweep", desk.sweep.run),
        ("heartbeat", lambda: _beat(desk)),
    ]
    if desk.settings.detection_enabled:
        loops.append(("detection", desk.ingest.run))
    upkeep = desk.backends.upkeep
    if upkeep is not None:
        loops.append(("upkeep", lambda: _keep_up(upkeep, desk.clock)))
    if measure_seconds is not None:
        gauges = Gauges(desk.backends.cases, desk.backends.telemetry, desk.clock)
        loops.append(("gauges", lambda: gauges.run(measure_seconds)))
    return loops


async def _keep_up(upkeep: Callable[[datetime], Awaitable[int]], clock: Clock) -> None:
    """Remove what was kept for long enough: again at once while there is something, then after a while."""
    while True:
        if not await upkeep(clock()):
            await asyncio.sleep(UPKEEP_SECONDS * random.uniform(0.75, 1.25))


async def _beat(desk: Desk) -> None:
    while True:
        await asyncio.sleep(desk.settings.stream_heartbeat_seconds)
        desk.live.audience.beat()
