"""Sends ordered actions to the system that carries them out: signed, and safe to repeat."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import httpx
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from backends.observability.tracing import trace_headers
from casework.action import ActionOrder
from casework.errors import ActionRefusedError, UnavailableError

TRIES = 3
TRY_LATER = frozenset({408, 409, 423, 425, 429})
"""Client errors that mean `not now` instead of `no`."""
LONGEST_REFERENCE = 200

Clock = Callable[[], datetime]


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What the receiver recomputes: HMAC-SHA256 over `timestamp.body`, as `sha256=<hex>`."""
    mac = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={mac.hexdigest()}"


class WebhookExecutor:
    """POSTs an order as JSON with Idempotency-Key, X-Fraud-Timestamp and X-Fraud-Signature headers.

    2xx is done (a JSON `reference` is kept); 5xx, timeouts and the like raise UnavailableError after
    a few tries; any other answer raises ActionRefusedError.
    """

    def __init__(self, http: httpx.AsyncClient, url: str, secret: str, clock: Clock) -> None:
        self._http = http
        self._url = url
        self._secret = secret
        self._clock = clock

    async def execute(self, order: ActionOrder) -> str:
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(UnavailableError),
            stop=stop_after_attempt(TRIES),
            wait=wait_random_exponential(multiplier=0.2, max=3),
            reraise=True,
        )
        return await attempts(self._post, order)

    async def _post(self, order: ActionOrder) -> str:
        body = json.dumps(order.model_dump(mode="json"), sort_keys=True, separators=(",", ":")).encode()
        timestamp = str(int(self._clock().timestamp()))
        headers = {
            "Content-Type": "application/json",
            **trace_headers(),
            "Idempotency-Key": order.action_id,
            "X-Fraud-Timestamp": timestamp,
            "X-Fraud-Signature": signature(self._secret, timestamp, body),
        }
        try:
            answer = await self._http.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise UnavailableError(f"the action webhook: {type(error).__name__}: {error}") from error
        if answer.is_success:
            return _reference(answer)
        text = f"the action webhook answered {answer.status_code}: {answer.text[:200]}"
        if answer.is_server_error or answer.status_code in TRY_LATER:
            raise UnavailableError(text)
        raise ActionRefusedError(text)


@asynccontextmanager
async def open_webhook(url: str, secret: str, seconds: float, clock: Clock) -> AsyncIterator[WebhookExecutor]:
    """A webhook executor with its own connection pool; it follows no redirects and ignores proxies."""
    async with httpx.AsyncClient(timeout=seconds, follow_redirects=False, trust_env=False) as http:
        yield WebhookExecutor(http, url, secret, clock)


def _reference(answer: httpx.Response) -> str:
    try:
        told = answer.json()
    except ValueError:
        told = None
    reference = told.get("reference") if isinstance(told, dict) else None
    return str(reference)[:LONGEST_REFERENCE] if reference else f"webhook:{answer.status_code}"
