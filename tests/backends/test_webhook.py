"""Actions: each order once, whatever crashes between intent and receipt; webhooks signed and repeatable."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from backends.action_settings import ActionSettings
from backends.settings import BackendSettings
from backends.webhook import WebhookExecutor, signature
from backends.wiring import open_actions
from casework.action import ActionOrder, Step
from casework.errors import ActionRefusedError, UnavailableError
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
