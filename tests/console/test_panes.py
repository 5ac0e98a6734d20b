"""The panes beside the queue: what is cut says so and where the rest is."""

import pytest
from conftest import Running
from fakedesk import stories
from fakedesk.record import now
from screens import console

from console.lines import said
from console.pages.preview import in_view
from console.pages.sheet import Sheet


@pytest.mark.parametrize(
    ("height", "last"),
    [
        (9, "line 9"),
        (12, "line 9"),
        (4, "... 6 more lines: enter opens it"),
        (8, "... 2 more lines: enter opens it"),
        (1, "line 9"),
    ],
)
def test_a_pane_that_is_cut_says_how_much_more_there_is(height: int, last: str) -> None:
    shown = in_view([said(f"line {n}") for n in range(1, 10)], height, Sheet(40, now()))
    assert shown[-1][0].text == last
    assert height == 1 or len(shown) <= height


async def test_beside_a_preview_the_list_has_all_its_columns_and_a_cut_preview_says_so(
    running: Running,
) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings(), (120, 30)) as screen:
        seen = await screen.sees("age", "claim", "more lines: enter opens it")
        telemetry = next(at for at, line in enumerate(seen.splitlines()) if line.startswith("telemetry"))
        assert all(line.strip() for line in seen.splitlines()[telemetry:])


async def test_the_record_beside_the_list_has_a_title_and_says_what_is_before_its_end(
    running: Running,
) -> None:
    await stories.queue(running.record, 3)
    async with console(running.settings(), (200, 30)) as screen:
        await screen.sees("timeline of fraud-ALERT-", " before: enter 4 shows them", "telemetry")


@pytest.mark.parametrize("size", [(100, 24), (119, 30), (120, 30), (160, 30)])
async def test_the_preview_keeps_room_to_be_read(running: Running, size: tuple[int, int]) -> None:
    await stories.queue(running.record, 2)
    async with console(running.settings(), size) as screen:
        await screen.sees("why this risk")
        assert screen.app.screen.query_one("#preview").size.width >= 30
