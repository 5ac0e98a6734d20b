"""Signing in without leaving the console: the code is shown in the banner, the tokens are used at once."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from casework.views import SignInTerms
from console import news as n
from console.problems import ConsoleError

if TYPE_CHECKING:
    from console.app import ConsoleApp
    from console.signin.profile import Profile
    from console.signin.token import TokenSource

T = TypeVar("T")


class SigningIn:
    """One sign-in at a time; it may take a person some minutes, and everything goes on meanwhile."""

    def __init__(self, app: "ConsoleApp") -> None:
        self._app = app
        self._busy = False

    def begin(self) -> None:
        if self._busy:
            self._app.say("Type the code that is shown above on the page that is named there.", "warn")
            return
        self._busy = True
        self._app.run_worker(self._run(), group="sign-in", exit_on_error=True)

    async def _run(self) -> None:
        try:
            tokens = await self._tokens()
        except ConsoleError as error:
            self._app.tell_now(n.SignInWanted(str(error)))
            return
        finally:
            self._busy = False
        if tokens is None:
            self._app.say("Nobody signs in at this server: whoever reaches it is let in.")
            return
        self._app.tell_now(n.SignInSettled())
        self._app.take_tokens(tokens)
        self._app.say("Signed in.", "good")

    async def _tokens(self) -> "TokenSource | None":
        """Tokens of whoever typed the code; None where nobody signs in. Raises ConsoleError."""
        from console.signin.terms import ask_for_terms, check_tokens_may_go_to, checked  # noqa: PLC0415

        server = self._app.settings.server
        check_tokens_may_go_to(server)
        terms = await asyncio.to_thread(ask_for_terms, server)
        if not terms.required:
            return None
        self._app.say("Asking for a code ...", "dim")
        loop = asyncio.get_running_loop()

        def show(page: str, code: str, _until: datetime) -> None:
            loop.call_soon_threadsafe(self._app.tell_now, n.SignInAsked(page, code))

        agreed = checked(terms, server, self._known(terms))
        return await in_daemon_thread(lambda: self._by_device_code(agreed, show))

    def _known(self, terms: "SignInTerms") -> "SignInTerms":
        """What the person agreed to before: a sign-in service, and the scope if it still is the same."""
        profile = self._profile()
        if profile is None:
            return SignInTerms()
        same = profile.terms.scope == terms.scope
        return SignInTerms(authority=profile.terms.authority, scope=terms.scope if same else "")

    def _profile(self) -> "Profile | None":
        from console.signin.profile import ProfileBook  # noqa: PLC0415

        return ProfileBook(self._app.settings.state_dir, self._app.settings.server).load()

    def _by_device_code(
        self, terms: SignInTerms, show: Callable[[str, str, datetime], None]
    ) -> "TokenSource":
        """Keep the sign-in where the platform encrypts it, or where the person agreed to a file before."""
        from console.signin import entra  # noqa: PLC0415
        from console.signin.profile import ProfileBook  # noqa: PLC0415

        before = self._profile()
        unencrypted = before is not None and before.unencrypted
        keep = unencrypted or entra.has_keyring()
        book = ProfileBook(self._app.settings.state_dir, self._app.settings.server)
        tokens, profile = entra.sign_in(book, terms, show, keep=keep, unencrypted=unencrypted)
        if keep:
            with suppress(OSError):  # signed in all the same, for as long as this console runs
                book.save(profile)
        return tokens


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """Do something that blocks for minutes; quitting does not wait for it."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type] # of work's type whenever there is no error

    def run() -> None:
        result, failure = None, None
        try:
            result = work()
        except Exception as error:
            failure = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="sign-in", daemon=True).start()
    return await done
