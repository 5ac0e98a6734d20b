"""The managed identity endpoint of an Azure host: tokens for whoever knows the host's secret header.

Protocol: https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.peers.serving import serve
from tests.peers.tokens import Issuer


@dataclass(frozen=True, slots=True)
class Identity:
    """One that is assigned to the host; `roles` are its app roles, by the resource that defines them."""

    name: str
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass
class ManagedIdentity:
    """Switches: `refuse` answers with that status, `lifetime_seconds` makes tokens short-lived."""

    issuer: Issuer
    secret: str = "host-secret"
    name: str = "fraud-console"
    roles: tuple[str, ...] = ()
    assigned: dict[str, Identity] = field(default_factory=dict)
    """User-assigned ones by client id. Where there are any, a caller has to say which it means."""
    lifetime_seconds: int = 3600
    refuse: int | None = None
    hangs: bool = False
    """Whether it takes requests and never answers."""
    asked: list[str] = field(default_factory=list)
    """The resources that tokens were asked for."""

    def environment(self, port: int) -> dict[str, str]:
        return {"IDENTITY_ENDPOINT": f"http://127.0.0.1:{port}/msi/token", "IDENTITY_HEADER": self.secret}

    async def token(self, request: Request) -> JSONResponse:
        resource = request.query_params.get("resource", "")
        self.asked.append(resource)
        while self.hangs:  # noqa: ASYNC110 - a switch that a test throws from another thread
            await asyncio.sleep(0.05)
        if request.headers.get("x-identity-header") != self.secret:
            return JSONResponse({"statusCode": 401, "message": "X-IDENTITY-HEADER is wrong"}, 401)
        if self.refuse is not None:
            return JSONResponse({"statusCode": self.refuse, "message": "no token today"}, self.refuse)
        if not resource:
            return JSONResponse({"statusCode": 400, "message": "resource is missing"}, 400)
        meant = request.query_params.get("client_id", "")
        identity = self._meant(meant)
        if identity is None:
            return JSONResponse({"statusCode": 400, "message": f"no identity {meant!r} is assigned"}, 400)
        expires = int(time.time()) + self.lifetime_seconds
        roles = list(identity.roles.get(resource, self.roles)) or None
        access = self.issuer.issue(
            resource, identity.name, exp=expires, idtyp="app", scp=None, roles=roles, azp=meant or None
        )
        answer = {"access_token": access, "expires_on": str(expires), "resource": resource}
        return JSONResponse({**answer, "token_type": "Bearer", "client_id": meant or identity.name})

    def _meant(self, client_id: str) -> Identity | None:
        return self.assigned.get(client_id) if self.assigned else Identity(self.name)

    @contextlib.contextmanager
    def running(self) -> Iterator[dict[str, str]]:
        """Serve, and yield the environment that an SDK finds it by."""
        with serve(Starlette(routes=[Route("/msi/token", self.token)])) as port:
            yield self.environment(port)
