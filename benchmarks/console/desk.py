"""A desk with many cases that change at a rate: `python -m benchmarks.console.desk CASES RATE PORTFILE`."""

import argparse
import asyncio
import json
import random
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse

from casework.actor import Actor, ActorKind, Role
from casework.alert import Alert, Severity
from casework.canonical import GENESIS
from casework.commands import open_case
from casework.events import seal
from casework.history import apply
from casework.policy import Terms
from casework.views import CaseChange, Me, summarise

FLUSHES_PER_SECOND = 50
MARK_ALERT, MARK_HASH, MARK_WORDS = "ALERT-MARK", "ab" * 32, "within 51 minutes"
MARK_CUSTOMER = 876543210
CUSTOMERS_OF_TEN_CASES = 8
"""So many customers ten cases have, so that rows tell of other cases too."""
MARK_ID, MARK_SEQ, MARK_RISK, MARK_DEADLINE = "fraud-MARK", 987654321, 0.123456789, "2031-01-02T03:04:05Z"


class Cases:
    """Rows made from one template, as text; changing a case is putting other numbers in."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._random = random.Random(7)
        self._now = datetime.now(UTC)
        about = Alert(
            alert_id="ALERT-MARK",
            customer_id=MARK_CUSTOMER,
            alert_type="multi_country_login",
            severity=Severity.HIGH,
            description="2 successful logins from USA and Russia within 51 minutes",
            detected_at=self._now,
        )
        event = seal(open_case(about, Terms(), self._now), MARK_ID, 1, GENESIS)
        row = summarise(apply(None, event), self._now)
        marked = {"case_id": MARK_ID, "seq": MARK_SEQ, "risk": MARK_RISK, "status": "awaiting_review"}
        marked |= {"stage": "analyst", "assessment_hash": MARK_HASH, "deadline": MARK_DEADLINE}
        self._row = row.model_validate({**row.model_dump(), **marked}).model_dump_json()
        change = CaseChange(cursor="MARKCURSOR", event=event, summary=row)
        body = json.loads(change.model_dump_json())
        self._event = json.dumps({**body["event"], "seq": MARK_SEQ})
        self._seqs = [1] * count
        self.sent = 0

    def row(self, number: int) -> str:
        left = timedelta(minutes=10 + (number * 37) % 5000)
        return (
            self._row.replace(MARK_ID, f"fraud-AUTO-multi_country_login-{number:06d}")
            .replace(MARK_ALERT, f"AUTO-multi_country_login-{number:06d}")
            .replace(str(MARK_CUSTOMER), str(1 + number % max(1, self.count * CUSTOMERS_OF_TEN_CASES // 10)))
            .replace(MARK_HASH, f"{number:064x}")
            .replace(MARK_WORDS, f"within {number} minutes")
            .replace(str(MARK_SEQ), str(self._seqs[number]))
            .replace(str(MARK_RISK), f"{self._random.random():.2f}")
            .replace(MARK_DEADLINE, (self._now + left).isoformat())
        )

    def change(self) -> str:
        """Another number on a case near the top or anywhere, as a frame of the stream."""
        number = self._random.randrange(self.count)
        self._seqs[number] += 1
        self.sent += 1
        cursor, seq = f"c{self.sent}.t0", self._seqs[number]
        event = self._event.replace(MARK_ID, f"fraud-AUTO-multi_country_login-{number:06d}")
        event = event.replace(str(MARK_SEQ), str(seq))
        body = f'{{"cursor":"{cursor}","event":{event},"summary":{self.row(number)}}}'
        return f"event: case\nid: {cursor}\ndata: {body}\n\n"


def application(cases: Cases, rate: float) -> FastAPI:
    """The part of the API that a console needs to show its queue."""
    app = FastAPI()
    actor = Actor(kind=ActorKind.PERSON, actor_id="local:ana", name="ana", role=Role.LEAD)

    @app.get("/api/v1/me")
    async def me() -> Me:
        return Me(actor=actor, authenticated=False, environment="local")

    @app.get("/api/v1/cases/counts")
    async def counts() -> dict[str, object]:
        return {"by_status": {}, "total": cases.count, "cursor": f"c{cases.sent}.t0"}

    @app.get("/api/v1/cases")
    async def page(status: str = "open", limit: int = 1000, cursor: int = 0) -> Response:
        last = min(cases.count, cursor + limit) if status == "open" else cursor
        rows = ",".join(cases.row(number) for number in range(cursor, last))
        following = f'"{last}"' if cursor < last < cases.count else "null"
        body = f'{{"items":[{rows}],"next_cursor":{following},"total":{cases.count}}}'
        return Response(body, media_type="application/json")

    @app.get("/api/v1/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(_frames(cases, rate), media_type="text/event-stream")

    return app


async def _frames(cases: Cases, rate: float) -> AsyncIterator[str]:
    yield 'event: hello\ndata: {"kind":"hello","cursor":"c0.t0","detail":"joined"}\n\n'
    loop = asyncio.get_running_loop()
    began, sent = loop.time(), 0
    while True:
        await asyncio.sleep(1 / FLUSHES_PER_SECOND)
        due = int((loop.time() - began) * rate) - sent
        sent += due
        yield "".join(cases.change() for _ in range(due)) if due else ": beat\n\n"


async def main(count: int, rate: float, port_file: str) -> None:
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    config = uvicorn.Config(application(Cases(count), rate), log_level="warning", lifespan="off")
    await asyncio.to_thread(Path(port_file).write_text, str(bound.getsockname()[1]))
    await uvicorn.Server(config).serve(sockets=[bound])


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m benchmarks.console.desk", description=__doc__)
    parser.add_argument("cases", type=int)
    parser.add_argument("rate", help="changes per second", type=float)
    parser.add_argument("port_file")
    asyncio.run(main(*vars(parser.parse_args()).values()))
