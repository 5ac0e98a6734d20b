"""Line mode from beginning to end: follow the server beside a conversation on standard input and output."""

import asyncio
import sys
from typing import TextIO

from console.api import HttpApi
from console.feed import Feed
from console.format import ascii_only, clean
from console.logins import LoginBook
from console.plain.commands import QUIT, obey
from console.plain.lines_in import LineReader
from console.plain.looking import say_list, status
from console.plain.talk import Talk
from console.plain.writing import recall
from console.session import remember_login
from console.settings import ConsoleSettings


class Teletype:
    """Standard input and output, or what a test puts in their place. Nothing moves a cursor."""

    def __init__(self, source: TextIO, sink: TextIO, *, ascii_forced: bool = False) -> None:
        self._reader = LineReader(source)
        self._sink = sink
        self._echo = not source.isatty()
        self._ascii = ascii_forced or "utf" not in (sink.encoding or "utf").lower()

    def write(self, text: str) -> None:
        """A line."""
        self._put(f"{text}\n")

    async def read(self, prompt: str) -> str | None:
        """Ask for a line; one from a pipe is shown behind its prompt, so that the output reads by itself."""
        self._put(prompt)
        line = await self._reader.line()
        if self._echo:
            self._put(f"{clean(line or '')}\n")
        return line

    def _put(self, text: str) -> None:
        self._sink.write(ascii_only(text) if self._ascii else text)
        self._sink.flush()


async def converse(talk: Talk) -> None:
    """Until quit or the end of input. Changes are said between a command and the next prompt."""
    talk.say("fraud-console, line by line. Type help for the commands.")
    await talk.heard.wait()
    talk.catch_up()
    await status(talk, "")
    recall(talk)
    await say_list(talk, "")
    while True:
        talk.announce()
        line = await talk.ask("> ")
        if line is None or line.lower() in QUIT:
            return
        if line:
            await obey(talk, line)


async def follow_and_converse(talk: Talk) -> None:
    """A conversation, with the server followed beside it; an error of either ends both."""
    async with asyncio.TaskGroup() as group:
        feed = Feed(talk.api, talk.tell, queue_limit=talk.settings.queue_limit, now=talk.now)
        following = group.create_task(feed.run())
        settings = talk.settings
        book = LoginBook(settings.state_dir, settings.server, settings.operator)
        shift = group.create_task(book.keep(talk.now))
        await converse(talk)
        following.cancel()
        shift.cancel()


async def _run(settings: ConsoleSettings) -> None:
    api = HttpApi(settings)
    teletype = Teletype(sys.stdin, sys.stdout, ascii_forced=settings.ascii)
    try:
        await follow_and_converse(Talk(settings, api, teletype.read, teletype.write))
    finally:
        await api.aclose()


def open_plain(settings: ConsoleSettings) -> int:
    """Line mode on this terminal or pipe; returns the exit code."""
    remember_login(settings)
    try:
        asyncio.run(_run(settings))
    except KeyboardInterrupt:
        return 130
    return 0
