"""A token and when it ends, and where tokens come from."""

from dataclasses import dataclass
from typing import Protocol

RENEW_BEFORE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; `expires_at` in seconds since 1970."""

    value: str
    expires_at: float

    def fresh(self, now: float) -> bool:
        """Whether it need not be renewed yet."""
        return self.expires_at - now > RENEW_BEFORE_SECONDS


class TokenSource(Protocol):
    def token(self) -> Token:
        """A good token, renewed if need be; blocks. Raises SignInNeededError and UnreachableError."""
