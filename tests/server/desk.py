"""A server over real embedded stores and a flow that only remembers, for tests to talk to."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import uvicorn
from fastapi import FastAPI

from backends.embedded.case_store import open_case_store
from backends.embedded.event_bus import open_event_bus
from backends.wiring import Backends
from casework import events as ev
from casework.alert import case_id_for
from casework.case import Case
from casework.errors import UnavailableError
from casework.hub_picture import HubPicture
from casework.policy import Policy
from casework.ports import CaseStore, DecisionEvent, FlowStart, FlowState, ReversalOrder, WithdrawalEvent
from server.app import create_app
from server.connections import BoundedConnection
from server.desk import Desk
from server.identity.tokens import Tokens
from server.settings import ServerSettings
from tests.builders import NOW, make_alert, story_until_review

T = TypeVar("T")
BASE = "http://localhost"
DEADLINE_SECONDS = 30.0


@dataclass
class FakeFlow:
    """Remembers what was asked of the durable engine; `away` makes it unreachable."""

    away: bool = False
    hangs: bool = False
    started: list[FlowStart] = field(default_factory=list)
    decided: list[tuple[str, DecisionEvent]] = field(default_factory=list)
    withdrawn: list[tuple[str, WithdrawalEvent]] = field(default_factory=list)
    reversed: list[ReversalOrder] = field(default_factory=list)
    states: dict[str, FlowState] = field(default_factory=dict)

    async def _reach(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.away:
            raise UnavailableError("the task hub: connection refused")

    async def start(self, start: FlowStart) -> None:
        await self._reach()
        self.started.append(start)

    async def decide(self, case_id: str, event: DecisionEvent) -> None:
        await self._reach()
        self.decided.append((case_id, event))

    async def withdraw(self, case_id: str, event: WithdrawalEvent) -> None:
        await self._reach()
        self.withdrawn.append((case_id, event))

    async def reverse(self, order: ReversalOrder) -> None:
        await self._reach()
        self.reversed.append(order)

    async def state(self, case_id: str) -> FlowState | None:
        await self._reach()
        return self.states.get(case_id)

    async def ping(self) -> None:
        await self._reach()


@dataclass
class FakeHubWatch:
    """Shows `picture`, and without one says that nobody listens; `hangs` says nothing at all."""

    picture: HubPicture | None = None
    hangs: bool = False
    source: str = "http://127.0.0.1:8082"

    async def look(self) -> HubPicture:
        if self.hangs:
            await asyncio.Event().wait()
        if self.picture is None:
            raise UnavailableError(f"{self.source}: nobody listens there")
        return self.picture


@dataclass
class Moment:
    """A clock that stands still until it is moved."""

    now: datetime = NOW + timedelta(hours=1)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Running:
    """A server in this process and a client of it."""

    app: FastAPI
    http: httpx.AsyncClient
    flow: FakeFlow
    hub_watch: FakeHubWatch
    clock: Moment
    backends: Backends
    url: str = BASE

    @property
    def desk(self) -> Desk:
        desk = self.app.state.desk
        assert isinstance(desk, Desk)
        return desk

    @property
    def cases(self) -> CaseStore:
        return self.backends.cases

    async def put_review(self, alert_id: str = "A-1", **alert: Any) -> Case:
        """A case that waits for an analyst."""
        story = story_until_review(alert=make_alert(alert_id=alert_id, **alert))
        return await self.put(story, case_id_for(alert_id))

    async def put(self, events: Iterable[ev.NewEvent], case_id: str = "fraud-A-1") -> Case:
        return (await self.cases.append(case_id, list(events))).case

    async def events_of(self, case_id: str = "fraud-A-1") -> list[str]:
        return [event.body.type for event in await self.cases.events(case_id)]


def settings(tmp_path: Path, **changes: Any) -> ServerSettings:
    """Quiet settings: no detection, no producer, a sweep only when a test asks for one."""
    quiet = {
        "detection_enabled": False,
        "event_producer_enabled": False,
        "sweep_seconds": 300.0,
        "flow_patience_seconds": 5.0,
        "static_dir": tmp_path / "static",
        "mcp_server_uri": "http://127.0.0.1:9/mcp",
    }
    return ServerSettings(**{**quiet, **changes})


@asynccontextmanager
async def running(
    tmp_path: Path,
    *,
    policy: Policy | None = None,
    clock: Moment | None = None,
    tokens: Tokens | None = None,
    store: AbstractAsyncContextManager[CaseStore] | None = None,
    **changes: Any,
) -> AsyncIterator[Running]:
    """A server with its loops running, reached without a socket; its cases in a file, or in `store`."""
    flow, hub_watch, moment = FakeFlow(), FakeHubWatch(), clock or Moment()
    async with (
        store or open_case_store(tmp_path / "cases.db") as cases,
        open_event_bus(tmp_path / "telemetry.db", timedelta(days=7)) as bus,
    ):
        backends = Backends(cases=cases, telemetry=bus, flow=flow, hub_watch=hub_watch)
        app = create_app(settings(tmp_path, **changes), backends, policy=policy, clock=moment, tokens=tokens)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url=BASE) as http,
        ):
            await until(lambda: app.state.desk.sweep.rounds > 0, "the first sweep")
            yield Running(app, http, flow, hub_watch, moment, backends)


@asynccontextmanager
async def listening(server: Running, send_buffer: int | None = None) -> AsyncIterator[Running]:
    """The same server behind a real socket, for streams; how much the kernel takes can be limited."""
    with socket.socket() as bound:
        if send_buffer is not None:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        bound.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            server.app, lifespan="off", log_config=None, http=BoundedConnection, ws="websockets-sansio"
        )
        web = _Unsignalled(config)
        task = asyncio.create_task(web.serve(sockets=[bound]))
        await until(lambda: web.started, "the socket to be served")
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        try:
            async with httpx.AsyncClient(base_url=url, timeout=DEADLINE_SECONDS, trust_env=False) as http:
                yield replace(server, http=http, url=url)
        finally:
            server.desk.close_streams()
            web.should_exit = True
            await task


class _Unsignalled(uvicorn.Server):
    """Leaves the test process's signals alone."""

    def install_signal_handlers(self) -> None:
        """Nothing to install."""


async def until(look: Callable[[], bool], what: str) -> None:
    """Return once something holds; fail when it does not within the deadline."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not look():  # noqa: ASYNC110 - what is looked at rings no bell
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"waited {DEADLINE_SECONDS:.0f} s for {what}") from None


async def eventually(look: Callable[[], Awaitable[T | None]], what: str) -> T:
    """The first result that is not None."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (found := await look()) is None:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
            return found
    except TimeoutError:
        raise AssertionError(f"waited {DEADLINE_SECONDS:.0f} s for {what}") from None


def decision_body(case: Case, **changes: Any) -> dict[str, Any]:
    """The JSON of an approval of what is under review."""
    assert case.review is not None
    body = {
        "attempt": case.review.attempt,
        "assessment_hash": case.review.assessment_hash,
        "approved": True,
        "action": "lock_account",
    }
    return {**body, **changes}
