"""The typed client of the server's API: requests with deadlines and retries, problems as our errors.

Imported after the first frame is on the screen, because httpx is slow to load.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from pydantic import BaseModel, JsonValue, ValidationError
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from casework import views
from casework.decision import DecisionRequest
from casework.events import CaseEvent
from console.frames import Frame, read_frames
from console.pages.health import Health
from console.problems import BusyError, ConsoleError, SignInNeededError, UnreachableError, error_for
from console.settings import ConsoleSettings
from console.signin.bearer import Bearer, how_to_sign_in
from console.signin.terms import is_loopback

TIMELINE_PAGE = 500
MAX_TIMELINE_PAGES = 40
"""A case's record is read to this bound; a case with 20,000 events is a defect, not a case."""

Model = TypeVar("Model", bound=BaseModel)


class ConsoleApi(Protocol):
    """What the console asks of a server. Every call raises ConsoleError and its tree."""

    async def me(self) -> views.Me: ...
    async def counts(self) -> views.CaseCounts: ...
    async def cases(self, **query: str) -> views.CaseList: ...
    async def case(self, case_id: str) -> views.CaseDetail: ...
    async def timeline(self, case_id: str) -> tuple[CaseEvent, ...]: ...
    async def decide(self, case_id: str, request: DecisionRequest, key: str) -> views.CaseSummary: ...
    async def withdraw(self, case_id: str, reason: str) -> views.CaseSummary: ...
    async def claim(self, case_id: str) -> views.CaseSummary: ...
    async def release(self, case_id: str) -> views.CaseSummary: ...
    async def defer(self, case_id: str, until: datetime, reason: str) -> views.CaseSummary: ...
    async def end_deferral(self, case_id: str) -> views.CaseSummary: ...
    async def tag(self, case_id: str, request: views.TagRequest) -> views.CaseSummary: ...
    async def note(self, case_id: str, text: str, key: str) -> views.CaseSummary: ...
    async def next_case(self, matching: str = "") -> views.CaseSummary: ...
    async def reverse(self, case_id: str, action_id: str, reason: str) -> views.CaseSummary: ...
    async def decide_many(self, request: views.BulkRequest, key: str = "") -> views.BulkResponse: ...
    async def health(self) -> Health: ...
    async def ingest(self, records: Sequence[JsonValue]) -> views.TelemetryReceipt: ...
    async def stats(self) -> views.Stats: ...
    async def verify(self, case_id: str | None) -> views.AuditReport: ...
    async def bundle(self, case_id: str) -> bytes: ...
    def stream(self, cursor: str | None, topics: str) -> AsyncGenerator[Frame, None]: ...
    async def aclose(self) -> None: ...


class HttpApi:
    """ConsoleApi over HTTP."""

    def __init__(self, settings: ConsoleSettings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._server = settings.server
        self._silence_seconds = settings.silence_seconds
        self.bearer = Bearer(settings)
        self._client = httpx.AsyncClient(
            base_url=settings.server,
            headers={"X-Operator": settings.operator, "Accept": "application/json"},
            timeout=httpx.Timeout(settings.timeout_seconds, connect=min(5.0, settings.timeout_seconds)),
            trust_env=not is_loopback(settings.server),
            transport=transport,
            auth=self.bearer,
        )

    async def me(self) -> views.Me:
        return await self._ask(views.Me, "GET", "/me")

    async def counts(self) -> views.CaseCounts:
        return await self._ask(views.CaseCounts, "GET", "/cases/counts")

    async def cases(self, **query: str) -> views.CaseList:
        return await self._ask(views.CaseList, "GET", "/cases", params=query)

    async def case(self, case_id: str) -> views.CaseDetail:
        return await self._ask(views.CaseDetail, "GET", f"/cases/{_segment(case_id)}")

    async def timeline(self, case_id: str) -> tuple[CaseEvent, ...]:
        events: list[CaseEvent] = []
        after = 0
        for _ in range(MAX_TIMELINE_PAGES):
            page = await self._ask(
                views.Timeline,
                "GET",
                f"/cases/{_segment(case_id)}/timeline",
                params={"after": str(after), "limit": str(TIMELINE_PAGE)},
            )
            events += page.items
            if page.next_after is None:
                break
            after = page.next_after
        return tuple(events)

    async def decide(self, case_id: str, request: DecisionRequest, key: str) -> views.CaseSummary:
        return await self._ask(
            views.CaseSummary, "POST", f"/cases/{_segment(case_id)}/decision", body=request, key=key
        )

    async def withdraw(self, case_id: str, reason: str) -> views.CaseSummary:
        body = views.WithdrawRequest(reason=reason)
        return await self._ask(views.CaseSummary, "POST", f"/cases/{_segment(case_id)}/withdraw", body=body)

    async def claim(self, case_id: str) -> views.CaseSummary:
        return await self._ask(views.CaseSummary, "POST", f"/cases/{_segment(case_id)}/claim")

    async def release(self, case_id: str) -> views.CaseSummary:
        return await self._ask(views.CaseSummary, "DELETE", f"/cases/{_segment(case_id)}/claim")

    async def defer(self, case_id: str, until: datetime, reason: str) -> views.CaseSummary:
        """Defer a case; asked twice it is deferred once."""
        body = views.DeferRequest(until=until, reason=reason)
        return await self._ask(views.CaseSummary, "POST", f"/cases/{_segment(case_id)}/deferral", body=body)

    async def end_deferral(self, case_id: str) -> views.CaseSummary:
        return await self._ask(views.CaseSummary, "DELETE", f"/cases/{_segment(case_id)}/deferral")

    async def tag(self, case_id: str, request: views.TagRequest) -> views.CaseSummary:
        return await self._ask(views.CaseSummary, "POST", f"/cases/{_segment(case_id)}/tags", body=request)

    async def note(self, case_id: str, text: str, key: str) -> views.CaseSummary:
        body = views.NoteRequest(text=text)
        path = f"/cases/{_segment(case_id)}/notes"
        return await self._ask(views.CaseSummary, "POST", path, body=body, key=key)

    async def reverse(self, case_id: str, action_id: str, reason: str) -> views.CaseSummary:
        """Order an executed step undone; asked twice it is undone once."""
        body = views.ReverseRequest(action_id=action_id, reason=reason)
        return await self._ask(views.CaseSummary, "POST", f"/cases/{_segment(case_id)}/reverse", body=body)

    async def next_case(self, matching: str = "") -> views.CaseSummary:
        """Claim the best waiting case that a filter matches. Not retried: a repeat would claim another."""
        wanted = views.NextRequest(filter=matching)
        return await self._ask(views.CaseSummary, "POST", "/cases/next", body=wanted, attempts=1)

    async def decide_many(self, request: views.BulkRequest, key: str = "") -> views.BulkResponse:
        """Decide on many; under the same key each is recorded once."""
        return await self._ask(views.BulkResponse, "POST", "/decisions", body=request, key=key or new_key())

    async def health(self) -> Health:
        """How the server is; it answers with 503 as well when it is not well, and says why."""
        try:
            response = await self._client.get("/api/v1/health")
            if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
                raise self._problem(response)
            return Health.model_validate_json(response.content)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        except ValidationError as error:
            raise ConsoleError(f"{self._server} does not say how it is") from error

    async def ingest(self, records: Sequence[JsonValue]) -> views.TelemetryReceipt:
        return await self._ask(views.TelemetryReceipt, "POST", "/telemetry", json={"events": list(records)})

    async def stats(self) -> views.Stats:
        return await self._ask(views.Stats, "GET", "/stats")

    async def verify(self, case_id: str | None) -> views.AuditReport:
        params = {"case_id": case_id} if case_id else {}
        return await self._ask(views.AuditReport, "GET", "/audit/verify", params=params)

    async def bundle(self, case_id: str) -> bytes:
        """A case exported as a zip file."""
        request = self._client.build_request("GET", "/api/v1/audit/bundle", params={"case_id": case_id})
        return (await self._send(request)).content

    async def stream(
        self, cursor: str | None, topics: str = "cases,telemetry"
    ) -> AsyncGenerator[Frame, None]:
        """Frames after a cursor until the line breaks, which raises UnreachableError."""
        headers = {"Last-Event-ID": cursor} if cursor else {}
        timeout = httpx.Timeout(self._silence_seconds, connect=5.0)
        try:
            async with self._client.stream(
                "GET",
                "/api/v1/stream",
                params={"topics": topics},
                headers={**headers, "Accept": "text/event-stream", "Cache-Control": "no-store"},
                timeout=timeout,
            ) as response:
                if response.is_error:
                    await response.aread()
                    raise self._problem(response)
                async for frame in read_frames(response):
                    yield frame
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise self._unreachable(error) from error

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _ask(
        self,
        shape: type[Model],
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: BaseModel | None = None,
        json: JsonValue = None,
        key: str | None = None,
        attempts: int = 3,
    ) -> Model:
        """One request, repeated while the server cannot be reached; every one we repeat is safe to."""
        content = body.model_dump(mode="json") if body is not None else json
        headers = {"Idempotency-Key": key} if key else {}
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((UnreachableError, BusyError)),
            stop=stop_after_attempt(attempts),
            wait=wait_random_exponential(multiplier=0.2, max=2),
            reraise=True,
        )
        request = self._client.build_request(
            method, f"/api/v1{path}", params=params, json=content, headers=headers
        )
        response: httpx.Response = await retrying(self._send, request)
        try:
            return shape.model_validate_json(response.content)
        except ValidationError as error:
            raise ConsoleError(
                f"{self._server} answered {method} {path} with something else than {shape.__name__}: "
                f"{error.errors()[0]['msg']}; are console and server of the same version?"
            ) from error

    async def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            response = await self._client.send(request)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if response.is_error:
            raise self._problem(response)
        return response

    def _problem(self, response: httpx.Response) -> ConsoleError:
        error = _error_in(response)
        if isinstance(error, SignInNeededError):
            return SignInNeededError(f"{error}; {how_to_sign_in(self._server)}", error.problem)
        return error

    def _unreachable(self, error: Exception) -> UnreachableError:
        reasons: dict[type[Exception], str] = {
            httpx.ConnectError: "refuses the connection",
            httpx.ReadTimeout: "does not answer in time",
            httpx.ConnectTimeout: "does not answer in time",
            httpx.PoolTimeout: "is busy with earlier requests",
        }
        reason = reasons.get(type(error), "broke off the connection")
        here = is_loopback(self._server)
        advice = "Start everything with `fraud-console up`, or name" if here else "Name"
        message = f"{self._server} {reason}. {advice} another server with --server URL."
        return UnreachableError(message, short=reason)


def new_key() -> str:
    """A fresh idempotency key: one per intent, kept over every repetition of it."""
    return uuid4().hex


def _error_in(response: httpx.Response) -> ConsoleError:
    retry_after = response.headers.get("Retry-After", "")
    seconds = float(retry_after) if retry_after.isdigit() else None
    try:
        problem = views.Problem.model_validate_json(response.content)
    except ValidationError:
        detail = f"the server answered {response.status_code} {response.reason_phrase}"
        problem = views.Problem(type="about:blank", title="error", status=response.status_code, detail=detail)
    return error_for(problem, seconds)


def _segment(case_id: str) -> str:
    """A case id as one path segment."""
    return quote(case_id, safe="")
