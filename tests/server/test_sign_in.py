"""With sign-in: who is in the record, cookie sessions, and streams that end with their token."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import websockets
from pydantic import ValidationError
from starlette.requests import HTTPConnection

from server.dependencies import desk_of
from server.identity.presented import COOKIE
from server.legacy import socket as socket_module
from server.live import audience
from server.settings import ServerSettings, settings_problems
from tests.peers.certificates import write_certificates
from tests.peers.oidc import Person, Provider
from tests.peers.oidc.directory import API_URI, CONSOLE_ID
from tests.peers.tokens import TENANT
from tests.server.desk import Running, decision_body, listening, running, until
from tests.server.identity import auth_settings, bearer, guarded, issuing, token_of

DEADLINE_SECONDS = 30
ENDING = -28
"""Within the leeway: such a token is taken for two more seconds."""


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    files = write_certificates(tmp_path_factory.mktemp("certificates"))
    with pytest.MonkeyPatch.context() as patch, issuing(files) as running:
        patch.setenv("SSL_CERT_FILE", str(files.authority))
        yield running


@pytest.fixture
async def server(tmp_path: Path, provider: Provider) -> AsyncIterator[Running]:
    provider.version = 2
    async with guarded(tmp_path, provider) as started:
        yield started


async def test_the_record_names_the_tokens_person(server: Running, provider: Provider) -> None:
    case = await server.put_review()
    ada = bearer(token_of(provider, "analyst"))
    answer = await server.http.post(
        "/api/v1/cases/fraud-A-1/decision",
        json=decision_body(case),
        headers={**ada, "X-Operator": "somebody-else", "Idempotency-Key": "k"},
    )
    assert answer.status_code == 202
    decision = (await server.cases.load("fraud-A-1")).decision
    assert decision is not None
    person = provider.directory.person("analyst")
    assert person is not None
    actor = decision.actor
    assert (actor.actor_id, actor.name, actor.role) == (person.object_id, "Ada Analyst", "analyst")


async def test_tokens_of_the_first_version_are_taken(server: Running, provider: Provider) -> None:
    provider.version = 1
    me = (await server.http.get("/api/v1/me", headers=bearer(token_of(provider, "senior")))).json()
    assert (me["actor"]["name"], me["actor"]["role"], me["authenticated"]) == ("Sam Senior", "senior", True)


async def test_a_key_is_the_persons_own(server: Running, provider: Provider) -> None:
    await server.put_review()
    texts = set()
    for who in ("analyst", "senior"):
        headers = {**bearer(token_of(provider, who)), "Idempotency-Key": "k"}
        answer = await server.http.post("/api/v1/cases/fraud-A-1/notes", json={"text": who}, headers=headers)
        texts.add(answer.status_code)
    assert texts == {201}
    assert (await server.events_of()).count("note_added") == 2


async def test_somebody_without_a_role_is_told_who_they_are_and_nothing_else(
    server: Running, provider: Provider
) -> None:
    nora = bearer(token_of(provider, "Nora Norole"))
    me = (await server.http.get("/api/v1/me", headers=nora)).json()
    assert (me["actor"]["name"], me["actor"]["role"]) == ("Nora Norole", None)
    refused = await server.http.get("/api/v1/cases", headers=nora)
    assert refused.json()["detail"] == "this needs the role viewer; Nora Norole is without a role"


async def test_the_highest_role_counts_and_unknown_ones_do_not(server: Running, provider: Provider) -> None:
    both = Person("Bo Both", ("viewer", "senior", "ingest", "owner-of-something-else"))
    me = await server.http.get("/api/v1/me", headers=bearer(provider.token_for(both)))
    assert me.json()["actor"]["role"] == "senior"


async def test_a_service_may_work_but_not_decide(server: Running, provider: Provider) -> None:
    case = await server.put_review()
    robot = bearer(token_of(provider, "telemetry-feed", roles=["lead"]))
    note = await server.http.post("/api/v1/cases/fraud-A-1/notes", json={"text": "scored"}, headers=robot)
    assert note.status_code == 201
    assert (await server.cases.events("fraud-A-1"))[-1].actor.kind == "service"
    decided = await server.http.post(
        "/api/v1/cases/fraud-A-1/decision", json=decision_body(case), headers=robot
    )
    assert decided.status_code == 403
    assert "needs a person" in decided.json()["detail"]


async def test_whoever_wants_to_sign_in_is_told_how(server: Running, provider: Provider) -> None:
    assert (await server.http.get("/api/v1/auth")).json() == {
        "required": True,
        "authority": provider.base,
        "tenant_id": provider.tenant,
        "client_id": CONSOLE_ID,
        "scope": f"{API_URI}/.default",
    }


async def test_probes_learn_only_that_it_lives(server: Running) -> None:
    pod = {"Host": "10.0.0.7:8001"}
    for probe in ("alive", "ready"):
        answer = await server.http.get(f"/api/v1/{probe}", headers=pod)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert (await server.http.get("/api/v1/health")).status_code == 401


async def test_the_pages_files_are_there_to_sign_in_with(tmp_path: Path, provider: Provider) -> None:
    assets = tmp_path / "static" / "assets"
    assets.mkdir(parents=True)
    (assets / "page.js").write_text("// no data")
    (assets.parent / "index.html").write_text("<title>sign in</title>")
    async with guarded(tmp_path, provider) as server:
        for path in ("/", "/assets/page.js", "/config.js"):
            assert (await server.http.get(path)).status_code == 200
        assert (await server.http.get("/assets/../api/v1/cases")).status_code == 401


async def test_a_request_that_went_past_the_gate_is_served_by_no_route(server: Running) -> None:
    scope = {"type": "http", "path": "/api/v1/cases", "headers": [], "app": server.app, "server": ("h", 1)}
    with pytest.raises(RuntimeError, match="past the gate"):
        desk_of(HTTPConnection({**scope, "scheme": "http", "query_string": b""}))


async def test_a_name_in_a_token_cannot_break_a_header(server: Running, provider: Provider) -> None:
    odd = provider.token_for(Person('Zoë "x"\r\nSet-Cookie: a=b'))
    answer = await server.http.get("/api/v1/cases", headers=bearer(odd))
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_two_authorization_headers_are_none(server: Running, provider: Provider) -> None:
    good = token_of(provider, "lead")
    headers = [("Authorization", f"Bearer {good}"), ("Authorization", f"Bearer {good}")]
    assert (await server.http.get("/api/v1/cases", headers=headers)).status_code == 401
    basic = await server.http.get("/api/v1/cases", headers={"Authorization": "Basic bGVhZDpsZWFk"})
    assert basic.status_code == 401


async def test_cold_and_without_the_issuers_keys_a_request_is_answered_503(
    tmp_path: Path, provider: Provider
) -> None:
    provider.key_fault = "down"
    try:
        async with guarded(tmp_path, provider) as server:
            answer = await server.http.get("/api/v1/cases", headers=bearer(token_of(provider, "lead")))
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
            assert answer.headers["retry-after"]
    finally:
        provider.key_fault = ""


async def _session(server: Running, token: str) -> dict[str, str]:
    answer = await server.http.post("/api/v1/session", json={"token": token})
    assert answer.status_code == 200, answer.text
    line = answer.headers["set-cookie"]
    for attribute in ("HttpOnly", "Secure", "SameSite=Strict", "Path=/"):
        assert attribute in line
    server.http.cookies.clear()
    return {"Cookie": line.partition(";")[0]}


async def test_a_browser_session_reads_and_from_its_own_page_writes(
    server: Running, provider: Provider
) -> None:
    await server.put_review()
    cookie = await _session(server, token_of(provider, "analyst"))
    assert (await server.http.get("/api/v1/cases", headers=cookie)).status_code == 200
    own = {**cookie, "Origin": "http://localhost"}
    assert (await server.http.post("/api/v1/cases/fraud-A-1/claim", headers=own)).status_code == 200


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", "http://localhost:3000", "file://localhost", "http://["]
)
async def test_a_cookie_alone_writes_nothing_from_elsewhere(
    server: Running, provider: Provider, origin: str | None
) -> None:
    case = await server.put_review()
    headers = await _session(server, token_of(provider, "lead"))
    if origin is not None:
        headers["Origin"] = origin
    answer = await server.http.post("/api/v1/cases/fraud-A-1/claim", headers=headers)
    assert answer.status_code == 403
    assert (await server.cases.load("fraud-A-1")).seq == case.seq


async def test_a_page_of_another_origin_begins_no_session(server: Running, provider: Provider) -> None:
    token = token_of(provider, "viewer")
    answer = await server.http.post(
        "/api/v1/session", json={"token": token}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_a_session_is_ended(server: Running) -> None:
    answer = await server.http.delete("/api/v1/session")
    assert answer.status_code == 204
    assert answer.headers["set-cookie"].startswith(f'{COOKIE}="";')
    assert "Max-Age=0" in answer.headers["set-cookie"]


async def test_two_session_cookies_are_none(server: Running, provider: Provider) -> None:
    token = token_of(provider, "viewer")
    headers = {"Cookie": f"{COOKIE}={token}; {COOKIE}={token}"}
    assert (await server.http.get("/api/v1/cases", headers=headers)).status_code == 401


async def test_a_token_that_no_browser_keeps_is_said_to_be_too_long(
    server: Running, provider: Provider
) -> None:
    long = token_of(provider, "viewer", groups=["0" * 36] * 100)
    answer = await server.http.post("/api/v1/session", json={"token": long})
    assert answer.status_code == 422
    assert (await server.http.get("/api/v1/cases", headers=bearer(long))).status_code == 200


async def test_a_server_without_sign_in_has_no_sessions(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        assert (await server.http.get("/api/v1/auth")).json()["required"] is False
        assert (await server.http.post("/api/v1/session", json={"token": "x"})).status_code == 404


@pytest.mark.parametrize("path", ["/api/v1/stream", "/api/events/stream"])
async def test_a_stream_ends_with_its_token_and_says_so(
    server: Running, provider: Provider, path: str
) -> None:
    token = token_of(provider, "viewer", exp=int(time.time()) + ENDING)
    async with listening(server) as web, web.http.stream("GET", path, headers=bearer(token)) as response:
        assert response.status_code == 200
        text = "".join([part async for part in response.aiter_text()])
    assert "event: expired\n" in text
    assert "sign in again" in text
    await until(lambda: len(server.desk.live.audience) == 0, "the seat to be free")


async def test_a_stream_follows_with_a_cookie(server: Running, provider: Provider) -> None:
    cookie = await _session(server, token_of(provider, "viewer"))
    async with (
        listening(server) as web,
        web.http.stream("GET", "/api/v1/stream", headers=cookie) as response,
    ):
        async for line in response.aiter_lines():
            assert line == "event: hello"
            break


async def test_a_socket_ends_with_its_token_and_a_code_of_its_own(
    server: Running, provider: Provider
) -> None:
    await server.put_review()
    token = token_of(provider, "viewer", exp=int(time.time()) + ENDING)
    async with listening(server) as web:
        url = web.url.replace("http", "ws") + "/ws/fraud-A-1"
        async with websockets.connect(url, additional_headers=bearer(token)) as socket:
            assert json.loads(await socket.recv())["type"] == "initial_status"
            with pytest.raises(websockets.ConnectionClosed):
                async with asyncio.timeout(DEADLINE_SECONDS):
                    await socket.recv()
            assert (socket.close_code, socket.close_reason) == (
                4401,
                "the token has expired; sign in again",
            )


async def test_a_socket_with_a_cookie_comes_from_our_own_page(server: Running, provider: Provider) -> None:
    await server.put_review()
    cookie = await _session(server, token_of(provider, "viewer"))
    async with listening(server) as web:
        url = web.url.replace("http", "ws") + "/ws/fraud-A-1"
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(url, additional_headers=cookie)
        assert refused.value.response.status_code == 403
        async with websockets.connect(url, additional_headers=cookie, origin=web.url) as socket:  # type: ignore[arg-type]
            assert json.loads(await socket.recv())["type"] == "initial_status"
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(url)
        assert refused.value.response.status_code == 401


async def test_one_token_takes_only_its_share_of_sockets_and_streams(
    server: Running, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_module, "MOST_SOCKETS_EACH", 1)
    monkeypatch.setattr(audience, "MOST_SEATS_EACH", 1)
    greedy, other = (bearer(token_of(provider, who)) for who in ("viewer", "analyst"))
    async with listening(server) as web:
        url = web.url.replace("http", "ws") + "/ws/fraud-A-1"
        async with (
            websockets.connect(url, additional_headers=greedy),
            web.http.stream("GET", "/api/v1/stream", headers=greedy),
        ):
            with pytest.raises(websockets.InvalidStatus):
                await websockets.connect(url, additional_headers=greedy)
            assert (await web.http.get("/api/v1/stream", headers=greedy)).status_code == 429
            async with (
                websockets.connect(url, additional_headers=other),
                web.http.stream("GET", "/api/events/stream", headers=other) as followed,
            ):
                assert followed.status_code == 200
    await until(lambda: len(server.desk.live.audience) == 0, "the seats to be free")


def test_with_sign_in_the_server_may_listen_anywhere(provider: Provider) -> None:
    assert ServerSettings(server_host="0.0.0.0", **auth_settings(provider)).server_host == "0.0.0.0"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("AUTH_AUDIENCE", {"auth_tenant_id": TENANT}),
        ("AUTH_AUDIENCE", {"auth_audience": "api://x"}),
        ("AUTH_TENANT_ID", {"auth_tenant_id": "contoso.example", "auth_audience": "api://x"}),
        ("AUTH_AUTHORITY", {"auth_authority": "http://login.example"}),
        ("AUTH_JWKS_URL", {"auth_jwks_url": "file:///etc/keys"}),
    ],
)
def test_a_wrong_sign_in_setting_is_named(name: str, values: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as caught:
        ServerSettings(**values)  # type: ignore[arg-type]
    assert settings_problems(caught.value)[0].startswith(f"{name}=")


def test_half_a_sign_in_opens_nothing() -> None:
    with pytest.raises(ValidationError) as caught:
        ServerSettings(auth_tenant_id=TENANT, server_host="0.0.0.0")
    assert {told.partition("=")[0] for told in settings_problems(caught.value)} == {
        "AUTH_AUDIENCE",
        "SERVER_HOST",
    }


def test_what_is_trusted_follows_from_tenant_and_audience() -> None:
    trust = ServerSettings(auth_tenant_id=TENANT, auth_audience="api://x, 0123").trust  # type: ignore[arg-type]
    assert trust is not None
    assert trust.audiences == ("api://x", "0123")
    assert trust.issuers == (
        f"https://login.microsoftonline.com/{TENANT}/v2.0",
        f"https://sts.windows.net/{TENANT}/",
    )
    assert trust.keys_url == f"https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys"
    assert trust.terms.scope == "api://x/.default"
