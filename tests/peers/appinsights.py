"""The ingestion of Application Insights: takes envelopes as its exporters send them, judges each, keeps it.

Protocol: https://learn.microsoft.com/azure/azure-monitor/app/data-model-complete and the exporter's own
reading of the answers (200, 206 with the refused ones by index, 401 and 403, 402 and 439, 429, 5xx).
"""

import argparse
import contextlib
import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.peers.certificates import Certificates
from tests.peers.serving import serve
from tests.peers.tokens import Issuer

AUDIENCES = ["https://monitor.azure.com", "https://monitor.azure.com/"]
NEEDED = ("name", "time", "data", "iKey")
DEADLINE_SECONDS = 30.0


@dataclass
class Ingestion:
    """Switches: `refuse` answers everything with a status, `refuse_items` refuses envelopes by their type,
    `hold` does not answer until it is set. With an `issuer` a token is needed, of somebody in `publishers`.
    """

    key: str = field(default_factory=lambda: str(uuid4()))
    issuer: Issuer | None = None
    publishers: frozenset[str] = frozenset()
    """Object ids that have the role Monitoring Metrics Publisher."""
    refuse: int | None = None
    refuse_items: Mapping[str, int] = field(default_factory=dict)
    """By base type, such as RequestData: the status each such envelope is refused with."""
    hold: threading.Event = field(default_factory=threading.Event)
    envelopes: list[dict[str, Any]] = field(default_factory=list)
    requests: int = 0
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.hold.set()

    def of(self, base_type: str) -> list[dict[str, Any]]:
        """The base data of the envelopes of one type."""
        return [item["data"]["baseData"] for item in self.envelopes if item["data"]["baseType"] == base_type]

    def until(self, ready: Callable[["Ingestion"], Any], what: str) -> Any:
        """What `ready` returns as soon as that is something, looked at after every request."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        with self._arrived:
            while not (found := ready(self)):
                if not self._arrived.wait(deadline - time.monotonic()):
                    raise AssertionError(f"waited for {what}; there are {len(self.envelopes)} envelopes")
            return found

    async def track(self, request: Request) -> JSONResponse:
        with self._arrived:
            self.requests += 1
            self._arrived.notify_all()
        await run_in_threadpool(self.hold.wait, DEADLINE_SECONDS)
        if (refusal := self._refusal(request)) is not None:
            return refusal
        body = await request.body()
        try:
            if request.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            items = json.loads(body)
            if not isinstance(items, list):
                items = [items]
        except (ValueError, OSError):
            return _answer(400, 0, 0, [{"index": 0, "statusCode": 400, "message": "not JSON"}])
        return self._judge(items)

    def _refusal(self, request: Request) -> JSONResponse | None:
        if self.refuse is not None:
            retry = {"Retry-After": "1"} if self.refuse in (429, 439, 503) else {}
            return JSONResponse({"itemsReceived": 0, "itemsAccepted": 0, "errors": []}, self.refuse, retry)
        if self.issuer is None:
            return None
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            return _denied(401, "Authorization required")
        try:
            claims = self.issuer.check(token, AUDIENCES)
        except jwt.InvalidTokenError as error:
            return _denied(401, f"Invalid token: {error}")
        if claims["oid"] not in self.publishers:
            return _denied(403, "Principal is not authorized to publish telemetry to this resource")
        return None

    def _judge(self, items: list[Any]) -> JSONResponse:
        errors, kept = [], []
        for index, item in enumerate(items):
            reason = self._fault(item)
            if reason is None:
                kept.append(item)
            else:
                errors.append({"index": index, "statusCode": reason[0], "message": reason[1]})
        with self._arrived:
            self.envelopes += kept
            self._arrived.notify_all()
        status = 200 if not errors else 206 if kept else 400
        return _answer(status, len(items), len(kept), errors)

    def _fault(self, item: Any) -> tuple[int, str] | None:
        if not isinstance(item, dict) or any(not item.get(name) for name in NEEDED):
            return 400, "an envelope needs " + ", ".join(NEEDED)
        if item["iKey"] != self.key:
            return 400, "Invalid instrumentation key"
        base_type = item["data"].get("baseType", "")
        if not isinstance(item["data"].get("baseData"), dict):
            return 400, "baseData is missing"
        if base_type in self.refuse_items:
            return self.refuse_items[base_type], "refused"
        return None

    def app(self) -> Starlette:
        # The SDK appends the path to an address that ends in a slash: `//v2.1/track` is what comes.
        paths = [f"{slash}/{version}/track" for slash in ("", "/") for version in ("v2", "v2.1")]
        return Starlette(routes=[Route(path, self.track, methods=["POST"]) for path in paths])

    @contextlib.contextmanager
    def running(self, port: int = 0, certificates: Certificates | None = None) -> Iterator[dict[str, str]]:
        """Take telemetry, and yield the environment that sends it here; tokens are sent over TLS only."""
        with serve(self.app(), certificates, port, keep_alive=False) as listening:
            where = f"{'https' if certificates else 'http'}://localhost:{listening}/"
            text = f"InstrumentationKey={self.key};IngestionEndpoint={where};LiveEndpoint={where}"
            trust = {"REQUESTS_CA_BUNDLE": str(certificates.authority)} if certificates else {}
            yield {"APPLICATIONINSIGHTS_CONNECTION_STRING": text, **trust}


def _answer(status: int, received: int, accepted: int, errors: list[dict[str, Any]]) -> JSONResponse:
    told = {"itemsReceived": received, "itemsAccepted": accepted, "appId": None, "errors": errors}
    return JSONResponse(told, status)


def _denied(status: int, message: str) -> JSONResponse:
    return _answer(status, 1, 0, [{"index": 0, "statusCode": status, "message": message}])


def main() -> None:
    """Take telemetry by hand: `python -m tests.peers.appinsights --port 8089`; says what came at the end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    ingestion = Ingestion()
    with ingestion.running(parser.parse_args().port) as environment:
        print(environment, flush=True)
        with contextlib.suppress(KeyboardInterrupt, EOFError):
            input()
    for item in ingestion.envelopes:
        print(item["data"]["baseType"], item["data"]["baseData"].get("name", ""))


if __name__ == "__main__":
    main()
