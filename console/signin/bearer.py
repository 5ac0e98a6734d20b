"""Puts a token on every request, renews it in time, and says when somebody has to sign in."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

import httpx

from casework.views import SignInTerms
from console.problems import SignInNeededError
from console.settings import ConsoleSettings
from console.signin.profile import Profile, ProfileBook
from console.signin.terms import ask_for_terms, check_tokens_may_go_to, checked
from console.signin.token import Token, TokenSource


class Bearer(httpx.Auth):
    """Signs requests for whoever is signed in; with nobody signed in they go out as they are."""

    def __init__(self, settings: ConsoleSettings, clock: Callable[[], float] = time.time) -> None:
        self._server = settings.server
        self._service = settings.identity == "service"
        self._book = ProfileBook(settings.state_dir, settings.server)
        self._clock = clock
        self._in_memory: TokenSource | None = None
        self._stored: tuple[Profile, TokenSource] | None = None
        self._token: Token | None = None
        self._renewing = asyncio.Lock()

    def use(self, source: TokenSource) -> None:
        """Take tokens from here from now on, as after a sign-in within this process."""
        self._in_memory, self._token = source, None

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        token = await self._current()
        if token is None:
            yield request
            return
        request.headers["Authorization"] = f"Bearer {token.value}"
        response = yield request
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return
        renewed = await self._instead_of(token)
        if renewed is not None and renewed.value != token.value:
            request.headers["Authorization"] = f"Bearer {renewed.value}"
            yield request

    async def _current(self) -> Token | None:
        """A token that is good for a while; None when nobody is signed in."""
        if self._token is not None and self._token.fresh(self._clock()):
            return self._token
        async with self._renewing:
            if self._token is None or not self._token.fresh(self._clock()):
                self._token = await asyncio.to_thread(self._fetch)
            return self._token

    async def _instead_of(self, refused: Token) -> Token | None:
        """What the source has in place of a token that the server refused."""
        if self._token is refused:
            self._token = None
        return await self._current()

    def _fetch(self) -> Token | None:
        source = self._source()
        if source is None:
            return None
        check_tokens_may_go_to(self._server)
        try:
            return source.token()
        except SignInNeededError as error:
            raise SignInNeededError(f"{error}; {how_to_sign_in(self._server)}") from error

    def _source(self) -> TokenSource | None:
        """Where tokens come from now; the SDK is loaded only when there is somebody to have them."""
        if self._in_memory is not None:
            return self._in_memory
        if self._service:
            self._in_memory = self._of_the_machine()
            return self._in_memory
        profile = self._book.load()
        if profile is None:
            return None
        if self._stored is None or self._stored[0] != profile:
            from console.signin.entra import stored_tokens  # noqa: PLC0415

            self._stored = (profile, stored_tokens(self._book, profile))
        return self._stored[1]

    def _of_the_machine(self) -> TokenSource | None:
        terms = ask_for_terms(self._server)
        if not terms.required:
            return None
        from console.signin.entra import service_tokens  # noqa: PLC0415

        return service_tokens(checked(terms, self._server, SignInTerms(client_id="the machine's own")))


def how_to_sign_in(server: str) -> str:
    """The command that signs in."""
    return f"sign in with `fraud-console login --server {server}`"
