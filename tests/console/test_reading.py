"""Reading a case: what fails is told once, as itself, whatever fails beside it."""

import asyncio
from typing import Any

import pytest

from console import news as n
from console.desk import Desk
from console.problems import UnreachableError


class Away:
    """An API that fails: the case at once, the record a moment later."""

    def __init__(self, case: Exception, record: Exception) -> None:
        self._case, self._record = case, record

    async def case(self, case_id: str) -> Any:
        raise self._case

    async def timeline(self, case_id: str) -> Any:
        try:
            await asyncio.sleep(0)
        finally:
            raise self._record


def _desk(case: Exception, record: Exception) -> tuple[Desk, list[n.News]]:
    told: list[n.News] = []
    return Desk(Away(case, record), told.append), told  # type: ignore[arg-type]


async def test_a_case_that_cannot_be_read_is_one_error_and_is_told() -> None:
    desk, told = _desk(UnreachableError("no line"), UnreachableError("no line either"))
    with pytest.raises(UnreachableError, match="no line"):
        await desk.read("c-1")
    assert told == [n.CaseUnread("c-1", "no line")]


async def test_a_defect_is_not_hidden_behind_a_broken_line() -> None:
    desk, told = _desk(UnreachableError("no line"), KeyError("a defect"))
    with pytest.raises(KeyError):
        await desk.read("c-1")
    assert told == []
