"""Draws the pictures of README and docs from the still desk: `make pictures`."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from screens import Driver
from stilldesk import NOW, StillApi, furnished
from test_snapshots import preview_is_read, settled

from console.app import ConsoleApp
from console.settings import ConsoleSettings, ThemeName

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"


class Picture(NamedTuple):
    """What it is called, how large the terminal is, and the keys that lead there."""

    name: str
    size: tuple[int, int]
    keys: Sequence[str]
    words: Sequence[str]
    theme: ThemeName = "dark"


PICTURES = (
    Picture("queue-80x24", (80, 24), (), ("1/11",)),
    Picture("queue-160x36", (160, 36), (), ("1/11", "why this risk")),
    Picture("queue-120x36-light", (120, 36), (), ("1/11", "why this risk"), "light"),
    Picture("marked-80x24", (80, 24), ("space", "space", "space", "space", "a"), ("Approve: ",)),
    Picture("case-80x24", (80, 24), ("enter",), ("why this risk",)),
    Picture("findings-80x24", (80, 24), ("enter", "2"), ("rests on SecurityLogs",)),
    Picture("decide-80x24", (80, 24), ("enter", "1", "a"), ("do it",)),
)


async def draw(picture: Picture, state_dir: Path) -> str:
    """The picture as SVG."""
    settings = ConsoleSettings(
        server="http://127.0.0.1:9", operator="ana", state_dir=state_dir, theme=picture.theme
    )
    app = ConsoleApp(settings, StillApi(await furnished()), now=lambda: NOW)  # type: ignore[arg-type]
    async with app.run_test(size=picture.size) as pilot:
        screen = Driver(app, pilot)
        await screen.sees("live", "sim swap")
        await screen.press(*picture.keys)
        await screen.sees(*picture.words)
        await screen.until(lambda: preview_is_read(app))
        await settled(screen)
        return app.export_screenshot(title="fraud-console")


async def main() -> None:
    os.environ["TZ"] = "UTC"
    time.tzset()
    for picture in PICTURES:
        with tempfile.TemporaryDirectory() as folder:
            (FOLDER / f"{picture.name}.svg").write_text(await draw(picture, Path(folder)), encoding="utf-8")
        print(picture.name)


if __name__ == "__main__":
    asyncio.run(main())
