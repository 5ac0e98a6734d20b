"""What can go wrong between console and server, as one tree, each with its exit code.

ConsoleError                     1
├── UsageError                   2  the command line or a filter cannot be understood
├── CaseNotFoundError            3  no such case, or nothing waits
├── RefusedError                 4  the case has moved on, or the claim is somebody else's
├── NotPermittedError            5  the caller is not who may do this
│   └── SignInNeededError        5  nobody is signed in, or not any more
├── UnreachableError             6  no answer came in time
├── BusyError                    6  the server asks to come back later
└── InvalidError                 2  the server refused the request's content
"""

from casework.views import Problem


class ConsoleError(Exception):
    """Base of every error the console raises on purpose; the message is fit to show a person."""

    exit_code = 1

    def __init__(self, message: str, problem: Problem | None = None) -> None:
        super().__init__(message)
        self.problem = problem

    @property
    def kind(self) -> str:
        """The last part of the problem's type, such as already-decided; empty when there is none."""
        return self.problem.type.rstrip("/").rsplit("/", 1)[-1] if self.problem else ""


class UsageError(ConsoleError):
    exit_code = 2


class InvalidError(ConsoleError):
    exit_code = 2


class CaseNotFoundError(ConsoleError):
    exit_code = 3


class RefusedError(ConsoleError):
    exit_code = 4


class NotPermittedError(ConsoleError):
    exit_code = 5


class SignInNeededError(NotPermittedError):
    """The message says how to sign in, where that is known."""


class UnreachableError(ConsoleError):
    """`short` says why in a few words, to stand behind `the server`."""

    exit_code = 6

    def __init__(self, message: str, problem: Problem | None = None, short: str = "") -> None:
        super().__init__(message, problem)
        self.short = short


class BusyError(ConsoleError):
    """`retry_after_seconds` is what the server asked for."""

    exit_code = 6

    def __init__(
        self, message: str, problem: Problem | None = None, retry_after_seconds: float = 1.0
    ) -> None:
        super().__init__(message, problem)
        self.retry_after_seconds = retry_after_seconds


PARTIAL = 7
"""The exit code when some items of a request succeeded and some did not."""

_BY_STATUS: dict[int, type[ConsoleError]] = {
    400: InvalidError,
    401: SignInNeededError,
    403: NotPermittedError,
    404: CaseNotFoundError,
    409: RefusedError,
    413: InvalidError,
    422: InvalidError,
    502: UnreachableError,
    504: UnreachableError,
}


def error_for(problem: Problem, retry_after_seconds: float | None = None) -> ConsoleError:
    """The error that a problem document means."""
    message = problem.detail or problem.title
    for entry in problem.errors:
        message += f"; {entry.get('field', '?')}: {entry.get('reason', '?')}"
    if problem.status in (429, 503):
        return BusyError(message, problem, retry_after_seconds or 1.0)
    return _BY_STATUS.get(problem.status, ConsoleError)(message, problem)
