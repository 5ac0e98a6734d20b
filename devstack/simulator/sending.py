"""Posts telemetry to the server: retried with jitter, kept in a bounded buffer while the server is away."""

from collections import deque
from collections.abc import Iterable
from typing import Any

import httpx
import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from casework.telemetry import Telemetry
from console.problems import ConsoleError

MOST_BUFFERED = 5000
MOST_PER_BATCH = 200
_TRY_AGAIN = frozenset({401, 408, 425, 429, 500, 502, 503, 504})

SIGN_IN = (
    "; run `fraud-console login` with the role lead, or set FRAUD_CONSOLE_IDENTITY=service "
    "for an identity with the role ingest"
)

log = structlog.get_logger()


class _ServerAwayError(Exception):
    """The server did not take the batch now, but may later."""


class TelemetrySender:
    """Holds what is unsent, oldest first. When the buffer is full the oldest records are given up."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        server: str,
        *,
        most_buffered: int = MOST_BUFFERED,
        attempts: int = 4,
        longest_wait_seconds: float = 5.0,
    ) -> None:
        self._client = client
        self._url = f"{server.rstrip('/')}/api/v1/telemetry"
        self._unsent: deque[Telemetry] = deque()
        self._most_buffered = most_buffered
        self._attempts = attempts
        self._longest_wait = longest_wait_seconds
        self._away = False
        self.accepted = 0
        self.given_up = 0

    @property
    def unsent(self) -> int:
        """Records waiting for the server."""
        return len(self._unsent)

    def add(self, events: Iterable[Telemetry]) -> None:
        """Queues records; `flush` sends them."""
        self._unsent.extend(events)
        surplus = len(self._unsent) - self._most_buffered
        for _ in range(surplus):
            self._unsent.popleft()
        if surplus > 0:
            self.given_up += surplus
            log.warning("telemetry_given_up", records=surplus, reason="the buffer is full")

    async def flush(self) -> bool:
        """Sends everything queued, in order; False when the server is away and records stay queued."""
        while self._unsent:
            batch = [self._unsent[index] for index in range(min(MOST_PER_BATCH, len(self._unsent)))]
            try:
                await self._post(batch)
            except _ServerAwayError as error:
                self._note_absence(error)
                return False
            for _ in batch:
                self._unsent.popleft()
            self._away = False
        return True

    def _note_absence(self, error: _ServerAwayError) -> None:
        if not self._away:
            log.warning("server_away", reason=str(error), unsent=len(self._unsent))
        self._away = True

    async def _post(self, batch: list[Telemetry]) -> None:
        body = {"events": [event.model_dump(mode="json") for event in batch]}
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_ServerAwayError),
            stop=stop_after_attempt(1 if self._away else self._attempts),
            wait=wait_random_exponential(multiplier=0.2, max=self._longest_wait),
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                await self._post_once(body, len(batch))

    async def _post_once(self, body: dict[str, Any], size: int) -> None:
        try:
            response = await self._client.post(self._url, json=body)
        except httpx.TransportError as error:
            raise _ServerAwayError(f"{type(error).__name__}: {error}") from error
        except ConsoleError as error:
            raise _ServerAwayError(f"no token: {error}") from error
        if response.status_code in _TRY_AGAIN:
            advice = SIGN_IN if response.status_code == httpx.codes.UNAUTHORIZED else ""
            raise _ServerAwayError(f"the server answered {response.status_code}{advice}")
        if response.is_error:
            # Sending the same bytes again would be refused again.
            self.given_up += size
            log.error("telemetry_refused", status=response.status_code, answer=response.text[:500])
            return
        self._count(response)

    def _count(self, response: httpx.Response) -> None:
        try:
            answer = response.json()
            self.accepted += int(answer.get("accepted", 0))
            rejected = list(answer.get("rejected", []))
        except (ValueError, TypeError, AttributeError):
            log.warning("answer_not_understood", status=response.status_code)
            return
        for one in rejected:
            self.given_up += 1
            log.warning("record_rejected", rejection=one)


class ProducerSwitch:
    """Whether the server wants telemetry produced; asked at most every two seconds."""

    def __init__(self, client: httpx.AsyncClient, server: str, *, poll_seconds: float = 2.0) -> None:
        self._client = client
        self._url = f"{server.rstrip('/')}/api/producer/status"
        self._poll_seconds = poll_seconds
        self._asked_at: float | None = None
        self._running = True

    async def is_on(self, monotonic_now: float) -> bool:
        """The server's answer, or the last known one while it cannot be asked."""
        if self._asked_at is not None and monotonic_now - self._asked_at < self._poll_seconds:
            return self._running
        self._asked_at = monotonic_now
        try:
            response = await self._client.get(self._url, headers={"X-Producer": "external"})
            if response.is_success:
                self._running = bool(response.json().get("running", True))
        except (httpx.TransportError, ConsoleError, ValueError, AttributeError) as error:
            log.debug("producer_status_unknown", reason=str(error))
        return self._running
