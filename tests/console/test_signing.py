"""Tokens on requests: renewed in time, sent nowhere they do not belong, asked for when they are missing."""

import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from casework.actor import Actor, ActorKind, Role
from casework.views import Me, SignInTerms
from console import news as n
from console.api import HttpApi
from console.feed import Feed
from console.format import UNICODE
from console.frames import CaseFrame, Frame, NoticeFrame, read_frames
from console.lines import plain
from console.pages.sheet import Sheet
from console.pages.status import away_banner
from console.problems import ConsoleError, SignInNeededError, UsageError
from console.reducing import reduce
from console.settings import ConsoleSettings
from console.signin import bearer
from console.signin.profile import Profile, ProfileBook
from console.signin.terms import ask_for_terms, check_tokens_may_go_to, checked
from console.signin.token import Token
from console.state import ConsoleState
from console.verbs.signing import introduction

SERVER = "https://fraud.example"
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
TERMS = SignInTerms(
    required=True,
    authority="https://login.microsoftonline.com",
    tenant_id="11111111-2222-3333-4444-555555555555",
    client_id="console",
    scope="api://fraud/.default",
)
ME = Me(
    actor=Actor(kind=ActorKind.PERSON, actor_id="o-1", name="Ada Analyst", role=Role.ANALYST),
    authenticated=True,
    environment="test",
)


class Source:
    """Hands out one token after the other, each good for so many seconds from 1970 on."""

    def __init__(self, *tokens: tuple[str, float]) -> None:
        self._tokens = list(tokens)
        self.asked = 0

    def token(self) -> Token:
        self.asked += 1
        if not self._tokens:
            raise SignInNeededError("the sign-in has ended")
        value, expires_at = self._tokens[0] if len(self._tokens) == 1 else self._tokens.pop(0)
        return Token(value, expires_at)


class Gatekeeper:
    """A server that lets one token in and remembers what it was shown."""

    def __init__(self, good: str = "") -> None:
        self.good = good
        self.shown: list[str | None] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.shown.append(request.headers.get("authorization"))
        if self.good and self.shown[-1] != f"Bearer {self.good}":
            problem = {"type": "/problems/unauthenticated", "title": "Sign in first", "status": 401}
            return httpx.Response(401, json={**problem, "detail": "the token has expired; sign in again"})
        return httpx.Response(200, content=ME.model_dump_json())


def api_of(
    tmp_path: Path, gatekeeper: Callable[[httpx.Request], httpx.Response], server: str = SERVER, **more: Any
) -> HttpApi:
    settings = ConsoleSettings(server=server, operator="ana", state_dir=tmp_path, **more)
    return HttpApi(settings, httpx.MockTransport(gatekeeper))


FAR = 4e9


async def test_without_a_sign_in_requests_go_out_as_they_are(tmp_path: Path) -> None:
    gatekeeper = Gatekeeper()
    await api_of(tmp_path, gatekeeper).me()
    assert gatekeeper.shown == [None]


async def test_a_token_is_kept_while_it_is_good_and_renewed_before_it_ends(tmp_path: Path) -> None:
    gatekeeper, source = Gatekeeper(), Source(("short", 0.0), ("long", FAR))
    api = api_of(tmp_path, gatekeeper)
    api.bearer.use(source)
    for _ in range(3):
        await api.me()
    assert gatekeeper.shown == ["Bearer short", "Bearer long", "Bearer long"]
    assert source.asked == 2


async def test_a_refused_token_is_exchanged_once(tmp_path: Path) -> None:
    gatekeeper = Gatekeeper(good="new")
    api = api_of(tmp_path, gatekeeper)
    api.bearer.use(Source(("old", FAR), ("new", FAR)))
    assert (await api.me()).actor.name == "Ada Analyst"
    assert gatekeeper.shown == ["Bearer old", "Bearer new"]


async def test_when_nothing_better_is_to_be_had_one_is_told_how_to_sign_in(tmp_path: Path) -> None:
    api = api_of(tmp_path, Gatekeeper(good="another"))
    api.bearer.use(Source(("old", FAR)))
    for ask in (api.me, api.health):
        with pytest.raises(SignInNeededError, match=f"fraud-console login --server {SERVER}") as refused:
            await ask()
        assert refused.value.exit_code == 5
    api.bearer.use(Source())
    with pytest.raises(SignInNeededError, match=r"has ended; sign in with `fraud-console login"):
        await api.me()


async def test_no_token_travels_in_the_open(tmp_path: Path) -> None:
    gatekeeper = Gatekeeper()
    api = api_of(tmp_path, gatekeeper, server="http://fraud.example")
    api.bearer.use(Source(("secret", FAR)))
    with pytest.raises(UsageError, match="https only"):
        await api.me()
    assert gatekeeper.shown == []


@pytest.mark.parametrize("server", ["https://fraud.example", "http://127.0.0.1:8001", "http://localhost"])
def test_tokens_may_go_over_https_and_on_loopback(server: str) -> None:
    check_tokens_may_go_to(server)


def test_a_server_cannot_send_people_to_a_page_of_its_own() -> None:
    elsewhere = TERMS.model_copy(update={"authority": "https://login.evil.example"})
    with pytest.raises(UsageError, match="no well-known sign-in service"):
        checked(elsewhere, SERVER, SignInTerms())
    assert checked(elsewhere, SERVER, SignInTerms(authority="https://login.evil.example")).required
    here = TERMS.model_copy(update={"authority": "https://127.0.0.1:8443"})
    assert checked(here, "http://127.0.0.1:8001", SignInTerms()).authority == here.authority


@pytest.mark.parametrize(
    "scope",
    [
        "https://graph.microsoft.com/.default",
        "https://vault.azure.net/.default",
        "00000003-0000-0000-C000-000000000000/.default",
        "User.Read",
        "openid",
        "api://fraud-console/.default https://management.azure.com/.default",
        "/x",
    ],
)
def test_a_server_cannot_ask_for_a_token_that_is_good_elsewhere(scope: str) -> None:
    elsewhere = TERMS.model_copy(update={"scope": scope})
    with pytest.raises(UsageError, match="good for more than this server"):
        checked(elsewhere, SERVER, SignInTerms())
    assert checked(elsewhere, SERVER, SignInTerms(scope=scope)).scope == scope


@pytest.mark.parametrize("scope", ["api://fraud/access_as_user", f"{uuid.UUID(int=7)}/.default"])
def test_an_api_of_ones_own_is_asked_for(scope: str) -> None:
    assert checked(TERMS.model_copy(update={"scope": scope}), SERVER, SignInTerms()).scope == scope


@pytest.mark.parametrize(
    "changes", [{"authority": "https://login.evil.example"}, {"scope": "https://vault.azure.net/.default"}]
)
async def test_a_service_shows_a_server_neither_its_secret_nor_tokens_for_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str]
) -> None:
    monkeypatch.setattr(bearer, "ask_for_terms", lambda _: TERMS.model_copy(update=changes))
    gatekeeper = Gatekeeper()
    api = api_of(tmp_path, gatekeeper, identity="service")
    with pytest.raises(UsageError):
        await api.me()
    assert gatekeeper.shown == []


def test_what_the_person_gives_wins_and_what_is_missing_is_named() -> None:
    assert checked(TERMS, SERVER, SignInTerms(client_id="mine")).client_id == "mine"
    with pytest.raises(UsageError, match="--client-id"):
        checked(TERMS.model_copy(update={"client_id": ""}), SERVER, SignInTerms())


@pytest.mark.parametrize(
    ("answer", "told"),
    [(httpx.Response(404), "answered 404"), (httpx.Response(200, text="<html>"), "does not say how")],
)
def test_a_server_that_does_not_know_sign_in_is_named(answer: httpx.Response, told: str) -> None:
    with pytest.raises(ConsoleError, match=told):
        ask_for_terms(SERVER, httpx.MockTransport(lambda _: answer))


def test_what_is_remembered_is_private_and_per_server(tmp_path: Path) -> None:
    book = ProfileBook(tmp_path, SERVER)
    book.save(Profile(server=SERVER, terms=TERMS, record="{}"))
    (file,) = (tmp_path / "sign-in").iterdir()
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert ProfileBook(tmp_path, "https://other.example").load() is None
    found = book.load()
    assert found is not None
    assert found.terms == TERMS
    assert book.forget()
    assert not book.forget()


def test_a_console_without_sign_in_never_loads_the_sdk(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "import console.app, console.cli\n"
        "from console.api import HttpApi\n"
        "from console.settings import ConsoleSettings\n"
        f"api = HttpApi(ConsoleSettings(server='http://127.0.0.1:9', state_dir=Path({str(tmp_path)!r})))\n"
        "async def ask():\n"
        "    try: await api._client.get('/api/v1/me')\n"
        "    except Exception: pass\n"
        "asyncio.run(ask())\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'azure', 'msal', 'requests'}))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def banner(state: ConsoleState) -> str:
    line = away_banner(state, Sheet(120, NOW, UNICODE))
    return plain(line) if line else ""


def test_the_banner_says_how_to_sign_in_and_then_shows_the_code() -> None:
    state = reduce(
        ConsoleState(), n.SignInWanted("the sign-in has ended; sign in with `fraud-console login`")
    )
    state = reduce(state, n.LineLost(NOW, "refused", NOW))
    assert "SIGNED OUT: S signs in here; drafts are kept." in banner(state)
    assert "fraud-console login" in banner(state)
    asked = reduce(state, n.SignInAsked("https://microsoft.com/devicelogin", "ABC123"))
    assert "open https://microsoft.com/devicelogin and type ABC123" in banner(asked)
    again = reduce(asked, n.SignInWanted("refused again"))
    assert "ABC123" in banner(again), "the code stays while it is being typed"
    assert banner(reduce(asked, n.SignInSettled())).startswith(" SERVER AWAY")
    assert banner(reduce(asked, n.LineLive(NOW))) == ""


async def test_a_stream_that_ends_with_its_token_goes_on_without_a_break(tmp_path: Path) -> None:
    told: list[n.News] = []
    cursors: list[str | None] = []
    hello = b'event: hello\ndata: {"kind":"hello","cursor":"c1.t1","detail":""}\nid: c1.t1\n\n'
    expired = b'event: expired\ndata: {"kind":"expired","cursor":"","detail":"sign in again"}\n\n'

    class Line(HttpApi):
        async def stream(self, cursor: str | None, topics: str = ""):  # type: ignore[no-untyped-def,override]
            cursors.append(cursor)
            if len(cursors) > 2:
                raise SignInNeededError("the sign-in has ended")
            async for frame in read_frames(httpx.Response(200, headers=SSE, content=hello + expired)):
                yield frame

    api = Line(ConsoleSettings(server=SERVER, operator="ana", state_dir=tmp_path))
    feed = Feed(api, told.append, queue_limit=100, now=lambda: NOW)
    feed._cursor = "c1.t1"
    await feed._follow()
    await feed._follow()
    assert cursors == ["c1.t1", "c1.t1"]
    assert not any(isinstance(news, n.LineLost) for news in told)
    with pytest.raises(SignInNeededError):
        await feed._follow()


SSE = {"Content-Type": "text/event-stream"}


async def test_the_frame_of_an_expired_token_is_a_notice() -> None:
    body = b'event: expired\ndata: {"kind":"expired","cursor":"","detail":"sign in again"}\n\n'
    frames: list[Frame] = [
        frame async for frame in read_frames(httpx.Response(200, headers=SSE, content=body))
    ]
    assert isinstance(frames[0], NoticeFrame)
    assert not any(isinstance(frame, CaseFrame) for frame in frames)


def test_one_is_introduced_with_role_server_and_how_long_the_token_lasts() -> None:
    until = ME.model_copy(update={"signed_in_until": datetime(2026, 1, 5, 12, 30, tzinfo=UTC)})
    assert introduction(until, SERVER, NOW) == (
        "Ada Analyst (analyst) at https://fraud.example, test. Signed in as o-1. The present token lasts 30m."
    )
    local = ME.model_copy(update={"authenticated": False})
    assert "Nobody signs in there" in introduction(local, SERVER, NOW)
