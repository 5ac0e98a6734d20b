"""Reading everything again: it is done, also over a line that is live, and it ends with a word."""

from datetime import timedelta

from conftest import Running
from fakedesk import stories
from fakedesk.record import now
from screens import console


async def test_reading_again_reads_the_queue_and_says_how_many_cases_there_are(running: Running) -> None:
    await stories.investigated(running.record, stories.alert(1), now() - timedelta(minutes=9))
    async with console(running.settings()) as screen:
        await screen.sees("1/1", "live")
        running.desk.mute = True
        await stories.investigated(running.record, stories.alert(2), now() - timedelta(minutes=9))
        await screen.press("R")
        await screen.sees("Read again: 2 open cases.", "waiting 2")


async def test_reading_again_says_when_it_cannot(running: Running) -> None:
    await stories.investigated(running.record, stories.alert(1), now() - timedelta(minutes=9))
    async with console(running.settings()) as screen:
        await screen.sees("1/1", "live")
        running.desk.refuse_all = True
        await screen.press("R")
        await screen.sees("Could not be read again: ", "AWAY")
