"""Every route of the server, as the application lists them: who may, who may not, and with which tokens."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter

from casework.actor import ActorKind, Role
from casework.permissions import ROLES, Permission, why_not
from server.app import create_app
from server.identity.declared import GuardedRoute, UndeclaredRouteError, guarded_routes
from server.routes import me
from tests.peers.certificates import write_certificates
from tests.peers.oidc import Provider
from tests.server.desk import Running, settings
from tests.server.identity import bad_tokens, bearer, guarded, issuing, sign_good_claims, token_of

ROUTES = guarded_routes(create_app(settings(Path("/nonexistent"))))
HTTP = [
    (method, route) for route in ROUTES if not route.socket for method in sorted(route.methods or {"GET"})
]
SOCKETS = [route for route in ROUTES if route.socket]
CLOSED = [(method, route) for method, route in HTTP if route.permission is not Permission.PUBLIC]
SIGNED_IN = [(method, route) for method, route in CLOSED if route.permission is not Permission.BE_KNOWN]


def path_of(route: GuardedRoute) -> str:
    return re.sub(r"\{[^}]+\}", "fraud-A-1", route.path)


def named(value: object) -> str:
    return value.path if isinstance(value, GuardedRoute) else str(value)


@dataclass
class Guarded:
    """One server for the whole module: nothing here changes it, which is what the tests say."""

    runner: asyncio.Runner
    server: Running
    provider: Provider

    def ask(self, method: str, path: str, **given: Any) -> Any:
        return self.runner.run(self.server.http.request(method, path, **given))

    def written(self) -> tuple[int, int]:
        """How far the stores have been written to."""

        async def heads() -> tuple[int, int]:
            return await self.server.cases.head(), await self.server.backends.telemetry.head()

        return self.runner.run(heads())

    def socket(self, path: str, headers: dict[str, str]) -> list[dict[str, Any]]:
        """What a WebSocket handshake is answered with."""
        return self.runner.run(_handshake(self.server, path, headers))


async def _handshake(server: Running, path: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    incoming = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]

    async def receive() -> dict[str, Any]:
        return incoming.pop(0)

    async def send(message: Any) -> None:
        sent.append(dict(message))

    named = {"host": "localhost", **headers}
    scope = {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "scheme": "ws",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in named.items()],
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
        "app": server.app,
    }
    await server.app(scope, receive, send)
    return sent


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    certificates = write_certificates(folder / "certificates")
    with (
        pytest.MonkeyPatch.context() as patch,
        issuing(certificates) as provider,
        asyncio.Runner() as runner,
    ):
        patch.setenv("SSL_CERT_FILE", str(certificates.authority))
        context = guarded(folder, provider)
        server = runner.run(context.__aenter__())
        runner.run(server.put_review())
        yield Guarded(runner, server, provider)
        runner.run(context.__aexit__(None, None, None))


def test_there_are_routes_of_every_kind() -> None:
    assert {"/api/v1/stream", "/api/events/stream", "/api/workflow/decision", "/docs", "/health"} <= {
        route.path for route in ROUTES
    }
    assert {route.path for route in SOCKETS} == {"/ws/{instance_id}", "/api/workflow/ws/{instance_id}"}


def test_what_is_public_is_a_short_list() -> None:
    public = {(method, route.path) for method, route in HTTP if route.permission is Permission.PUBLIC}
    assert public == {
        ("GET", "/"),
        ("GET", "/config.js"),
        ("GET", "/api/v1/alive"),
        ("GET", "/api/v1/ready"),
        ("GET", "/api/v1/auth"),
        ("POST", "/api/v1/session"),
        ("DELETE", "/api/v1/session"),
    }


def test_a_route_without_a_permission_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = APIRouter()
    router.add_api_route("/forgotten", lambda: "open to all")
    monkeypatch.setattr(me, "router", router)
    with pytest.raises(UndeclaredRouteError, match="/api/v1/forgotten declares no permission"):
        create_app(settings(tmp_path))


@pytest.mark.parametrize(("method", "route"), CLOSED, ids=named)
def test_without_a_token_a_route_answers_nothing(desk: Guarded, method: str, route: GuardedRoute) -> None:
    before = desk.written()
    answer = desk.ask(method, path_of(route), content=b"not json at all")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    if method != "HEAD":
        assert answer.json()["type"] == "/problems/unauthenticated"
    assert desk.written() == before


@pytest.mark.parametrize(("method", "route"), SIGNED_IN, ids=named)
def test_with_a_role_that_may_not_a_route_names_the_one_that_may(
    desk: Guarded, method: str, route: GuardedRoute
) -> None:
    before = desk.written()
    wrong = [role for role in Role if role not in ROLES[route.permission]]
    for who in [*wrong, "Nora Norole"]:
        answer = desk.ask(method, path_of(route), headers=bearer(token_of(desk.provider, who)))
        assert answer.status_code == 403, who
        assert "insufficient_scope" in answer.headers["www-authenticate"]
        if method != "HEAD":
            assert "this needs the role" in answer.json()["detail"] or "person" in answer.json()["detail"]
    assert desk.written() == before


@pytest.mark.parametrize("kind", bad_tokens(Provider()))
def test_a_bad_token_is_refused_everywhere(desk: Guarded, kind: str) -> None:
    before, token = desk.written(), bad_tokens(desk.provider)[kind]()
    for method, route in CLOSED:
        answer = desk.ask(method, path_of(route), headers=bearer(token), content=b"{}")
        assert answer.status_code == 401, (method, route.path)
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    for route in SOCKETS:
        assert desk.socket(path_of(route), bearer(token))[0]["status"] == 401
    begun = desk.ask("POST", "/api/v1/session", json={"token": token})
    assert begun.status_code in (401, 422)
    assert "set-cookie" not in begun.headers
    assert desk.written() == before


@pytest.mark.parametrize("route", SOCKETS, ids=named)
def test_sockets_take_those_who_may_look(desk: Guarded, route: GuardedRoute) -> None:
    path, viewer = path_of(route), bearer(token_of(desk.provider, "viewer"))
    assert desk.socket(path, {})[0]["status"] == 401
    assert desk.socket(path, bearer(token_of(desk.provider, "ingest")))[0]["status"] == 403
    assert desk.socket(path, viewer)[0]["type"] == "websocket.accept"


def test_the_bad_tokens_are_bad_for_one_reason_only(desk: Guarded) -> None:
    good = sign_good_claims(desk.provider)
    assert desk.ask("GET", "/api/v1/cases", headers=bearer(good)).status_code == 200


def test_a_role_that_may_gets_past_the_gate_on_every_route(desk: Guarded) -> None:
    endless = {"/api/v1/stream", "/api/events/stream"}
    for method, route in CLOSED:
        if route.path in endless and method == "GET":
            continue
        for role in ROLES[route.permission]:
            kind = ActorKind.SERVICE if role is Role.INGEST else ActorKind.PERSON
            assert not why_not(route.permission, {role}, kind)
            answer = desk.ask(method, path_of(route), headers=bearer(token_of(desk.provider, role)))
            assert answer.status_code not in (401, 403, 500), (method, route.path, role, answer.text)


def test_a_service_that_ingests_may_ask_whether_to_and_nothing_else(desk: Guarded) -> None:
    feed = bearer(token_of(desk.provider, "ingest"))
    passed = {
        route.path
        for method, route in SIGNED_IN
        if desk.ask(method, path_of(route), headers=feed).status_code != 403
    }
    assert passed == {"/api/v1/telemetry", "/api/producer/status"}
