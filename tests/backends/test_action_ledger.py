"""Actions: each order once, whatever crashes between intent and receipt; webhooks signed and repeatable."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from backends.action_settings import ActionSettings
from backends.embedded.action_ledger import ActionLedger, open_action_ledger
from backends.settings import BackendSettings
from backends.webhook import WebhookExecutor, signature
from backends.wiring import open_actions
from casework.action import ActionOrder, Step
from casework.errors import ActionRefusedError, CaseworkError, ConflictError, UnavailableError
from tests.builders import NOW

SECRET = "a secret of some length"


def _order(**changes: object) -> ActionOrder:
    fields = {
        "action_id": "fraud-A-1:1:lock_account",
        "case_id": "fraud-A-1",
        "customer_id": 7,
        "attempt": 1,
        "step": Step.LOCK_ACCOUNT,
    }
    return ActionOrder.model_validate({**fields, **changes})


@dataclass
class Counting:
    """An executor that knows an order's id again, as every executor must."""

    answers: list[CaseworkError | None] = field(default_factory=list)
    asked: list[ActionOrder] = field(default_factory=list)

    async def execute(self, order: ActionOrder) -> str:
        self.asked.append(order)
        failure = self.answers.pop(0) if self.answers else None
        if failure is not None:
            raise failure
        return f"ref-{order.action_id}"


@asynccontextmanager
async def _ledger(path: Path, executor: Counting | None = None) -> AsyncIterator[ActionLedger]:
    async with open_action_ledger(path / "actions.db", lambda: NOW, executor) as ledger:
        yield ledger


async def test_the_same_order_is_executed_once_and_returns_the_same_receipt(tmp_path: Path) -> None:
    executor = Counting()
    async with _ledger(tmp_path, executor) as ledger:
        first = await ledger.perform(_order())
        assert await ledger.perform(_order()) == first
    async with _ledger(tmp_path, executor) as ledger:
        assert await ledger.perform(_order()) == first
    assert len(executor.asked) == 1


async def test_orders_at_the_same_time_share_one_receipt(tmp_path: Path) -> None:
    async with _ledger(tmp_path, Counting()) as ledger:
        receipts = await asyncio.gather(*(ledger.perform(_order()) for _ in range(20)))
    assert len(set(receipts)) == 1


async def test_an_order_without_a_receipt_is_executed_again_under_the_same_id(tmp_path: Path) -> None:
    executor = Counting([UnavailableError("cut off")])
    async with _ledger(tmp_path, executor) as ledger:
        with pytest.raises(UnavailableError):
            await ledger.perform(_order())
        assert await ledger.unfinished() == (_order(),)
        receipt = await ledger.perform(_order())
        assert await ledger.unfinished() == ()
    assert receipt.reference == "ref-fraud-A-1:1:lock_account"
    assert [order.action_id for order in executor.asked] == [_order().action_id] * 2


async def test_a_used_id_cannot_hide_another_action(tmp_path: Path) -> None:
    async with _ledger(tmp_path) as ledger:
        await ledger.perform(_order())
        with pytest.raises(ConflictError, match="other content"):
            await ledger.perform(_order(customer_id=8))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([None, "busy", "no"]), max_size=6))
async def test_every_sequence_of_failures_ends_with_at_most_one_receipt(
    tmp_path_factory: pytest.TempPathFactory, outcomes: list[str | None]
) -> None:
    errors = {"busy": UnavailableError("busy"), "no": ActionRefusedError("no")}
    executor = Counting([errors[name] if name else None for name in outcomes])
    receipts = []
    async with _ledger(tmp_path_factory.mktemp("ledger"), executor) as ledger:
        for _ in range(len(outcomes) + 1):
            try:
                receipts.append(await ledger.perform(_order()))
            except CaseworkError:
                continue
    assert len(set(receipts)) == 1
    failures = next((n for n, name in enumerate(outcomes) if name is None), len(outcomes))
    assert len(executor.asked) == failures + 1


Reply = Callable[[httpx.Request], httpx.Response]


@asynccontextmanager
async def _webhook(reply: Reply) -> AsyncIterator[WebhookExecutor]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(reply)) as http:
        yield WebhookExecutor(http, "https://actions.example/orders", SECRET, lambda: NOW)


async def test_a_webhook_request_is_signed_and_names_its_order() -> None:
    seen: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json={"reference": "LOCK-17"})

    async with _webhook(reply) as executor:
        assert await executor.execute(_order()) == "LOCK-17"
    sent = seen[0]
    timestamp = sent.headers["X-Fraud-Timestamp"]
    assert timestamp == str(int(NOW.timestamp()))
    assert sent.headers["X-Fraud-Signature"] == signature(SECRET, timestamp, sent.content)
    assert sent.headers["Idempotency-Key"] == _order().action_id
    assert ActionOrder.model_validate(json.loads(sent.content)) == _order()


def test_a_signature_depends_on_secret_time_and_body() -> None:
    base = signature(SECRET, "1", b"{}")
    assert base.startswith("sha256=")
    assert (
        len(
            {
                base,
                signature("x" * 16, "1", b"{}"),
                signature(SECRET, "2", b"{}"),
                signature(SECRET, "1", b""),
            }
        )
        == 4
    )


@pytest.mark.parametrize("status", [500, 503, 429, 408])
async def test_a_webhook_that_is_busy_is_asked_again_with_the_same_key(status: int) -> None:
    keys: list[str] = []

    def reply(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        return httpx.Response(status if len(keys) == 1 else 200)

    async with _webhook(reply) as executor:
        assert await executor.execute(_order()) == "webhook:200"
    assert keys == [_order().action_id] * 2


async def test_a_webhook_that_stays_away_is_unavailable() -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody there", request=request)

    async with _webhook(reply) as executor:
        with pytest.raises(UnavailableError, match="nobody there"):
            await executor.execute(_order())


@pytest.mark.parametrize("status", [400, 404, 422, 301])
async def test_a_webhook_that_refuses_is_not_asked_again(status: int) -> None:
    asked: list[str] = []

    def reply(request: httpx.Request) -> httpx.Response:
        asked.append("x")
        return httpx.Response(status, text="no such customer")

    async with _webhook(reply) as executor:
        with pytest.raises(ActionRefusedError, match="no such customer"):
            await executor.execute(_order())
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("given_settings", "reason"),
    [
        ({"action_webhook_url": "http://actions.example/x", "action_webhook_secret": SECRET}, "https://"),
        ({"action_webhook_url": "https://actions.example/x"}, "at least 16 characters"),
        (
            {"action_webhook_url": "https://actions.example/x", "action_webhook_secret": "short"},
            "at least 16",
        ),
    ],
)
def test_an_unsafe_webhook_stops_the_start(given_settings: dict[str, str], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        ActionSettings.model_validate(given_settings)


async def test_without_a_webhook_the_ledger_is_the_action(tmp_path: Path) -> None:
    backend = BackendSettings(fraud_data_dir=tmp_path)
    async with open_actions(backend, ActionSettings(), lambda: NOW) as actions:
        receipt = await actions.perform(_order())
    assert receipt.reference.startswith("ledger:")
    assert (tmp_path / "actions.db").exists()
