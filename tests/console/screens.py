"""Driving a console without a terminal: what is on the screen, and waiting until it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from console.app import ConsoleApp, make_console
from console.settings import ConsoleSettings
from console.widgets.line_pane import LinePane

PATIENCE_SECONDS = 30.0


def text_of(app: ConsoleApp) -> str:
    """Every line the screen on top shows, panes one after the other."""
    panes = [pane for pane in app.screen.query(LinePane) if pane.display and pane.size.height]
    return "\n".join(
        "".join(s.text for s in pane.render_line(y)) for pane in panes for y in range(pane.size.height)
    )


class Driver:
    """One console and its keys."""

    def __init__(self, app: ConsoleApp, pilot) -> None:  # type: ignore[no-untyped-def]
        self.app = app
        self.pilot = pilot

    @property
    def text(self) -> str:
        return text_of(self.app)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def sees(self, *words: str) -> str:
        """Wait until all the words are on the screen."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not all(word in self.text for word in words):
                    await self.pilot.pause(0.05)
        except TimeoutError:
            raise AssertionError(f"{words} did not appear; the screen says:\n{self.text}") from None
        return self.text

    async def until(self, condition) -> None:  # type: ignore[no-untyped-def]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                await self.pilot.pause(0.05)


@asynccontextmanager
async def console(settings: ConsoleSettings, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Driver]:
    app = make_console(settings)
    async with app.run_test(size=size) as pilot:
        yield Driver(app, pilot)
