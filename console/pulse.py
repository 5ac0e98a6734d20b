"""Asks the server now and then whether what it needs is there, for the status line."""

import asyncio
import random
from typing import TYPE_CHECKING

from console import news as n
from console.problems import ConsoleError

if TYPE_CHECKING:
    from console.api import ConsoleApi
    from console.feed import Tell

EVERY_SECONDS = 30.0


async def watch_seams(api: "ConsoleApi", tell: "Tell", every_seconds: float = EVERY_SECONDS) -> None:
    """Tell which seams are away, for ever. A server out of reach is the line's own news, not this one's."""
    while True:
        try:
            health = await api.health()
        except ConsoleError:
            pass
        else:
            tell(n.SeamsKnown(tuple(name for name, seam in health.seams.items() if not seam.ok)))
        await asyncio.sleep(every_seconds * random.uniform(0.75, 1.25))
