"""A product whose every process reports to a collector, with a model and an acting system of its own."""

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from casework.telemetry import TELEMETRY
from devstack.seed import seed_contoso
from devstack.simulator.generator import Generator
from devstack.stories import STORIES
from tests.e2e.product import Product, eventually, running_product
from tests.peers.otlp import Collector
from tests.peers.serving import serve

MARKED = {
    "first_name": "Zdenka",
    "last_name": "Quillfeather",
    "email": "zdenka.quillfeather@example.org",
    "phone": "+49 170 5550199",
    "address": "17 Marzipan Mews, Oberursel",
}
"""What identifies one customer; none of it may leave in a log line or a trace."""
TRACES = ("Zdenka", "Quillfeather", "quillfeather@", "5550199", "Marzipan", "203.0.113.77")
STORY = next(story for story in STORIES if story.key == "impossible_travel")


@dataclass
class Model:
    """Looks the customer up, then concludes; the usage specialist's answers make no sense."""

    asked: int = 0

    async def chat(self, request: Request) -> JSONResponse:
        self.asked += 1
        body = await request.json()
        messages = body["messages"]
        if not any(message["role"] == "tool" for message in messages):
            return JSONResponse(_completion(_looking_up(messages), "tool_calls"))
        if "usage" in messages[0]["content"].splitlines()[-1].lower():
            return JSONResponse(_completion({"role": "assistant", "content": "Zdenka Quillfeather is fine"}))
        finding = {"status": "evaluated", "risk": 0.9, "summary": f"{MARKED['email']} it is", "claims": []}
        return JSONResponse(_completion({"role": "assistant", "content": json.dumps(finding)}))


@dataclass
class ActingSystem:
    """Carries actions out, and notes whose trace they came in."""

    traceparents: list[str] = field(default_factory=list)

    async def act(self, request: Request) -> JSONResponse:
        self.traceparents.append(request.headers.get("traceparent", ""))
        return JSONResponse({"reference": "done"})


@dataclass
class Observed:
    """A product, what it reported, and the case that was worked through."""

    product: Product
    collector: Collector
    acting: ActingSystem
    folder: Path
    case_id: str = ""

    def logs(self) -> dict[str, str]:
        return {path.stem: path.read_text() for path in (self.folder / "logs").glob("*.log")}


@contextlib.contextmanager
def observed_product(folder: Path, **environment: str) -> Iterator[Observed]:
    """A running product that reports everything to the collector."""
    collector, acting, model = Collector(), ActingSystem(), Model()
    folder.mkdir(parents=True, exist_ok=True)
    seed_contoso(folder / "contoso.db", today=datetime.now(UTC).date())
    _mark(folder / "contoso.db")
    app = Starlette(
        routes=[
            Route("/v1/chat/completions", model.chat, methods=["POST"]),
            Route("/act", acting.act, methods=["POST"]),
        ]
    )
    with collector.running() as reporting, serve(app) as port:
        settings = {
            "HOLD_SECONDS": "0.2",
            "METRICS_SECONDS": "0.5",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
            "MODEL_PRICES": '[{"model":"gpt-4o","since":"2020-01-01","input":"2","output":"8"}]',
            "ACTION_WEBHOOK_URL": f"http://127.0.0.1:{port}/act",
            "ACTION_WEBHOOK_SECRET": "0123456789abcdef",
        }
        with running_product(folder, **settings, **reporting, **environment) as product:
            yield Observed(product, collector, acting, folder)


def work_a_case(observed: Observed) -> None:
    """Telemetry in, a decision on what comes of it, and its action carried out."""
    events = []
    for event in Generator((), Random(1), run_id="observed").play(STORY, datetime.now(UTC)):
        told = TELEMETRY.dump_python(event, mode="json")
        told["customer_name"] = f"{MARKED['first_name']} {MARKED['last_name']}"
        if "ip" in told["details"]:
            told["details"]["ip"] = "203.0.113.77"
        events.append(told)
    answer = observed.product.http.post("/api/v1/telemetry", json={"events": events})
    assert answer.status_code == 202, answer.text
    observed.case_id = eventually(lambda: _case(observed.product), "the case")
    observed.product.wait_for_status(observed.case_id, "awaiting_review")
    observed.product.approve(observed.case_id, notes=f"called {MARKED['phone']}")
    observed.product.wait_for_status(observed.case_id, "closed")


def _case(product: Product) -> str | None:
    rows = product.http.get("/api/v1/cases", params={"customer": STORY.customer_id}).json()["items"]
    return next((str(row["case_id"]) for row in rows if row["alert_type"] == STORY.expected_rule), None)


def _mark(database: Path) -> None:
    columns = ", ".join(f"{column} = ?" for column in MARKED)
    with contextlib.closing(sqlite3.connect(database)) as db, db:
        db.execute(
            f"UPDATE Customers SET {columns} WHERE customer_id = ?", (*MARKED.values(), STORY.customer_id)
        )


def _looking_up(messages: list[dict[str, Any]]) -> dict[str, Any]:
    found = re.search(r'"customer_id": (\d+)', messages[1]["content"])
    assert found is not None
    call = {"name": "get_customer_detail", "arguments": json.dumps({"customer_id": int(found.group(1))})}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
    }


def _completion(message: dict[str, Any], finish: str = "stop") -> dict[str, Any]:
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m-2026",
        "choices": [{"index": 0, "finish_reason": finish, "message": message}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050},
    }
