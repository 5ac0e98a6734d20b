"""Puts the server together: settings and backends in, an application out."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from backends.observability.requests import CaseOfRequest
from backends.settings import BackendSettings
from backends.wiring import Backends, open_backends
from casework.policy import Policy
from casework.rules import default_rules, load_rules
from server import docs_page, openapi, problems
from server.assembly import assemble
from server.clock import Clock, utc_now
from server.guards import Bounds, HostGuard
from server.identity.declared import guarded_routes
from server.identity.gate import Gate
from server.identity.tokens import Tokens
from server.legacy import page, routes, socket
from server.live.handover import StreamingApp
from server.loops import running
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

UNBOUNDED = frozenset({stream.PATH, "/api/events/stream", audit.PATH})
V1 = (me, cases, claims, decisions, notes, tags, telemetry, stats, audit, rules, health, signin, liveness)


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
            desk = await assemble(
                settings,
                opened,
                policy or Policy(),
                clock=clock,
                rules=detection_rules,
                task_hub_address=chosen.dts_address,
            )
            app.state.desk = desk
            if app.state.tokens is not None:
                stack.callback(app.state.tokens.close)
            await stack.enter_async_context(running(desk, measure_seconds))
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
