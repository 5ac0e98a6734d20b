"""The issuer's signing keys: fetched when needed, kept for a day, and never fetched in a hurry twice."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog
from jwt import PyJWK, PyJWKClient
from jwt.exceptions import PyJWTError

from casework.errors import UnavailableError

LIFETIME_SECONDS = 86_400.0
REFRESH_AFTER_SECONDS = 43_200.0
"""From half their lifetime on keys are fetched anew, so that an issuer that is away then is no outage."""
COOLDOWN_SECONDS = 30.0
"""After a fetch, how long tokens with unknown keys cause no other; a rotated key waits as long."""
FAILURE_COOLDOWN_SECONDS = 5.0
FETCH_SECONDS = 5.0
DEADLINE_SECONDS = 8.0
KIND = "RSA"
"""What tokens are signed with here; a key of another kind may have the same id."""

log = structlog.get_logger("server.identity")


class UnknownKeyError(Exception):
    """The issuer has no key of that id."""


class SigningKeys:
    """Keys by id. What is known is answered at once; one fetch at a time is made for everything else."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_SECONDS)
        self._clock = clock
        self._keys: dict[str, PyJWK] = {}
        self._fetched_at: float | None = None
        self._failed_at: float | None = None
        self._fetching = asyncio.Lock()
        # urllib blocks; a thread of our own, so that a slow issuer holds up nobody else's.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="signing-keys")

    async def key(self, key_id: str) -> PyJWK:
        """The key of an id. Raises UnknownKeyError, and UnavailableError while keys cannot be had."""
        if (known := self._known(key_id)) is not None and not self._due:
            return known
        if known is not None and self._fetching.locked():
            return known
        async with self._fetching:
            if self._may_fetch(key_id):
                await self._fetch()
        if (known := self._known(key_id)) is not None:
            return known
        if self._failed_at is not None:
            raise UnavailableError("the sign-in service's keys cannot be fetched now")
        raise UnknownKeyError

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _known(self, key_id: str) -> PyJWK | None:
        return self._keys.get(key_id) if self._age < LIFETIME_SECONDS else None

    @property
    def _age(self) -> float:
        return self._since(self._fetched_at)

    @property
    def _due(self) -> bool:
        return self._age >= REFRESH_AFTER_SECONDS and self._since(self._failed_at) >= FAILURE_COOLDOWN_SECONDS

    def _since(self, moment: float | None) -> float:
        return float("inf") if moment is None else self._clock() - moment

    def _may_fetch(self, key_id: str) -> bool:
        """Whether a fetch could help, and none was tried just now."""
        wanted = self._known(key_id) is None or self._due
        rested = self._age >= COOLDOWN_SECONDS and self._since(self._failed_at) >= FAILURE_COOLDOWN_SECONDS
        return wanted and rested

    async def _fetch(self) -> None:
        """Replace the keys; when that fails the old ones stay."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                found = await loop.run_in_executor(self._thread, self._client.get_signing_keys)
        except (PyJWTError, ValueError, OSError) as error:
            self._failed_at = self._clock()
            log.warning("signing_keys_not_fetched", url=self._client.uri, reason=str(error) or "no answer")
            return
        self._keys = {str(key.key_id): key for key in found if key.key_type == KIND}
        self._fetched_at, self._failed_at = self._clock(), None
