"""The demo's WebSocket: one case, pushed from the change feed as it happens."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from casework.errors import NotFoundError
from casework.events import CaseEvent, DecisionSubmitted
from casework.permissions import Permission
from server.deciding import whole_record
from server.dependencies import TheDesk
from server.desk import Desk
from server.identity.declared import needs
from server.identity.gate import owner_of, seconds_left
from server.legacy.projection import DemoProjection, DemoView
from server.live.watchers import Watcher

SILENCE_SECONDS = 30.0
SEND_SECONDS = 20.0
MOST_SOCKETS = 1000
MOST_SOCKETS_EACH = 100
"""Of one who signed in."""
MOST_ID_LENGTH = 100
EXPIRED = 4401
"""The close code of a socket whose token has expired: sign in again, then connect again."""

router = APIRouter()


@router.websocket("/ws/{instance_id}")
@router.websocket("/api/workflow/ws/{instance_id}")
@needs(Permission.LOOK)
async def follow(socket: WebSocket, instance_id: str, desk: TheDesk) -> None:
    """Send the case's state, then every change of it, until the client leaves or its token expires."""
    owner = owner_of(socket)
    mine = desk.watchers.owned_by(owner) if owner else 0
    if len(desk.watchers) >= MOST_SOCKETS or mine >= MOST_SOCKETS_EACH or len(instance_id) > MOST_ID_LENGTH:
        await socket.close(1013)
        return
    watcher = desk.watchers.watch(instance_id, owner)
    code, reason = 1001, ""
    try:
        await socket.accept()
        session = _Session(socket, instance_id, desk)
        async with asyncio.timeout(seconds_left(socket)):
            await _first_of(session.listen(), session.follow(watcher))
    except TimeoutError:
        code, reason = EXPIRED, "the token has expired; sign in again"
    finally:
        desk.watchers.forget(instance_id, watcher)
    with suppress(RuntimeError, WebSocketDisconnect):
        await socket.close(code, reason)


async def _first_of(*coroutines: Any) -> None:
    """Run until one ends, then stop the others; a client that left is an end like any other."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, WebSocketDisconnect | TimeoutError):
            raise error


class _Session:
    def __init__(self, socket: WebSocket, instance_id: str, desk: Desk) -> None:
        self._socket = socket
        self._instance_id = instance_id
        self._desk = desk
        self._projection = DemoProjection()
        self._shown: DemoView | None = None

    async def listen(self) -> None:
        """Answer pings; anything else a client says is ignored, and text that is not JSON too."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            with suppress(ValueError, RecursionError):
                said = json.loads(message.get("text") or "")
                if isinstance(said, dict) and said.get("type") == "ping":
                    await self._send({"type": "pong"})

    async def follow(self, watcher: Watcher) -> None:
        await self._catch_up()
        self._shown = self._projection.view()
        if self._shown is not None:
            await self._send(self._initial(self._shown))
        while not watcher.closed:
            try:
                async with asyncio.timeout(SILENCE_SECONDS):
                    events = await watcher.take()
            except TimeoutError:
                await self._send({"type": "ping"})
                continue
            if watcher.overflowed:
                watcher.overflowed = False
                await self._catch_up()
                await self._show_changes()
            for event in events:
                await self._tell(event)

    async def _tell(self, event: CaseEvent) -> None:
        if not self._projection.add(event):
            return
        if isinstance(event.body, DecisionSubmitted):
            await self._send(
                {"type": "decision_submitted", **self._about(), "action": _action_of(event.body)}
            )
        await self._show_changes()

    async def _show_changes(self) -> None:
        view = self._projection.view()
        if view is not None and view != self._shown:
            self._shown = view
            await self._send(self._update(view))

    async def _catch_up(self) -> None:
        with suppress(NotFoundError):
            async for event in whole_record(self._desk.backends.cases, self._instance_id):
                self._projection.add(event)

    def _initial(self, view: DemoView) -> dict[str, Any]:
        """As the demo's first message, plus all that a late joiner needs to draw the case as it is."""
        raw = json.dumps({"message": view.message, "risk_score": view.risk_score})
        return {**self._update(view), "type": "initial_status", "custom_status": json.dumps(raw)}

    def _update(self, view: DemoView) -> dict[str, Any]:
        update: dict[str, Any] = {
            "type": "status_update",
            **self._about(),
            "status": view.status,
            "custom_status": view.message,
            "step_details": view.step_details or None,
        }
        if view.decision_required:
            update["decision_required"] = True
        if view.result is not None:
            update["result"] = view.result.model_dump(mode="json")
        return update

    def _about(self) -> dict[str, str]:
        return {"instance_id": self._instance_id, "timestamp": self._desk.clock().isoformat()}

    async def _send(self, message: dict[str, Any]) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await self._socket.send_json(message)


def _action_of(body: DecisionSubmitted) -> str:
    return str(body.decision.action) if body.decision.approved and body.decision.action else "reject"
