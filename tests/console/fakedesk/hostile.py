"""A desk whose every text is an attack: `python -m fakedesk.hostile PORTFILE` writes its port and serves."""

import asyncio
import itertools
import json
import socket
import sys
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError

from casework import commands, views
from casework.actor import Actor, ActorKind, Role
from casework.events import FindingRecorded, ToolCalled
from casework.finding import Specialist
from casework.telemetry import TELEMETRY
from fakedesk import stories
from fakedesk.app import Desk
from fakedesk.record import now

ATTACK = (
    "\x1b]0;pwned\x07\x1b]52;c;cHduZWQ=\x07\x1b]8;;http://evil\x1b\\\x1bP1;1|evil\x1b\\\x1b_Gevil\x1b\\"
    "\x1b[97;105mX\x1b[2J\x1b[6n\x1b[?1000h\x1bc\x9b97;105m\x9d0;pwned\x9c\x90evil\x9c\x85"
    "\u202a\u202b\u202c\u202d\u202eevil\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u200b\u200d\ufeff\u2028\u2029"
    "[bold red]X[/][@click=app.quit]X[/]<script>|`*_ a\rb\x00\x08\x7f\u0301\u0301\u0301\u0301\U000e0041"
)
"""Titles, clipboard, links, device control, colours, clearing, reports, mouse, reset; C1; bidi; markup."""

Model = TypeVar("Model", bound=BaseModel)


def poisoned(model: Model) -> Model:
    """The model with the attack in every text that it accepts it in, each one different."""
    numbers = itertools.count()
    shape = TypeAdapter(type(model))
    data = json.loads(model.model_dump_json())
    for holder, key in list(_texts(data)):
        before = holder[key]
        holder[key] = f"{next(numbers)}{ATTACK}"
        try:
            shape.validate_python(data)
        except ValidationError:
            holder[key] = before
    return shape.validate_python(data)


def _texts(data: Any) -> Iterator[tuple[Any, Any]]:
    """Where a text stands: what holds it, and under which name or number."""
    if isinstance(data, dict):
        for name in [
            name for name in data if name in ("arguments", "result") and isinstance(data[name], dict)
        ]:
            data[name] = {f"{key}{ATTACK}": value for key, value in data[name].items()}
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in list(pairs):
        if isinstance(value, str):
            yield data, key
        else:
            yield from _texts(value)


ATTACKER = Actor(kind=ActorKind.PERSON, actor_id=f"id{ATTACK}"[:120], name=ATTACK[:120], role=Role.LEAD)


async def furnish(desk: Desk) -> None:
    """Two cases of one customer, one rejected, claimed and noted on, the other with its agents at work."""
    record, at = desk.record, now() - timedelta(minutes=5)
    first = await stories.opened(record, _alert(1), at)
    await stories.begin(record, first, at, ATTACK)
    for specialist in Specialist:
        await _find(desk, first, specialist)
    await stories.ask(record, first, at)
    case = record.load(first)
    assert case.assessment_hash is not None
    rejected = commands.DecisionRequest(
        attempt=case.attempt,
        assessment_hash=case.assessment_hash,
        approved=False,
        feedback=ATTACK,
        notes=ATTACK,
    )
    await record.append(first, commands.submit_decision(case, rejected, ATTACKER, now(), "k"))
    await stories.begin(record, first, now(), ATTACK)
    for specialist in Specialist:
        await _find(desk, first, specialist)
    await stories.ask(record, first, now())
    later = now() + timedelta(hours=1)
    await record.append(first, commands.defer(record.load(first), ATTACKER, now(), later, ATTACK))
    await record.append(first, commands.end_deferral(record.load(first), ATTACKER, now()))
    await record.append(first, commands.claim(record.load(first), ATTACKER, now(), 900))
    await record.append(first, commands.add_note(record.load(first), ATTACKER, now(), ATTACK, "n"))
    second = await stories.opened(record, _alert(2), at)
    await stories.begin(record, second, at)
    await _find(desk, second, Specialist.LOCATION)


def _alert(number: int) -> Any:
    return stories.alert(number, description=ATTACK, customer_id=201, amount=Decimal(5), event_ids=(ATTACK,))


async def _find(desk: Desk, case_id: str, specialist: Specialist) -> None:
    case = desk.record.load(case_id)
    found = poisoned(stories.finding(specialist, case.attempt, case.alert, ATTACK))
    for made in found.tool_calls:
        body = ToolCalled(attempt=case.attempt, specialist=specialist, call=made)
        key = f"call:{case.attempt}:{specialist}:{found.tool_calls.index(made)}"
        await desk.record.append(case_id, [stories.event(case_id, key, body, now())])
    body = FindingRecorded(finding=found)
    await desk.record.append(
        case_id, [stories.event(case_id, f"finding:{case.attempt}:{specialist}", body, now())]
    )


async def chatter(desk: Desk) -> None:
    """Telemetry, a few events a second, with the attack in it."""
    for number in itertools.count():
        details = {"country": "Germany", "ip": "10.0.0.1", "success": False}
        plain = {"customer_id": 201, "occurred_at": now(), "event_type": "login", "details": details}
        event = poisoned(TELEMETRY.validate_python({"event_id": f"ev-{number}", **plain}))
        await desk.record.telemetry(event.model_copy(update={"event_id": f"ev-{number}"}))
        await asyncio.sleep(0.4)


async def main(port_file: str) -> None:
    desk = Desk()

    async def me() -> views.Me:
        return views.Me(actor=ATTACKER, authenticated=False, environment=ATTACK)

    desk.app.router.routes.insert(0, APIRoute("/api/v1/me", me, methods=["GET"]))
    await furnish(desk)
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(desk.app, log_level="warning", timeout_graceful_shutdown=1))
    talking = asyncio.get_running_loop().create_task(chatter(desk))
    await asyncio.to_thread(Path(port_file).write_text, str(bound.getsockname()[1]))
    await server.serve(sockets=[bound])
    talking.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
