"""The saved views above the queue: what each shows, and what is left of that where it does not fit."""

from datetime import UTC, datetime

from console.lines import plain
from console.pages.sheet import Sheet
from console.pages.status import views_line
from console.saved_views import SAVED

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def _line(width: int, *counts: int) -> str:
    shown = (*counts, *(0 for _ in SAVED))[: len(SAVED)]
    return plain(views_line(SAVED, shown, 0, Sheet(width, NOW)))


def test_all_names_and_counts_are_shown_where_there_is_room() -> None:
    assert "[1 desk 0] 2 mine 0  3 decide 0 " in _line(200)


def test_at_80_columns_views_with_cases_come_first_and_names_fill_what_is_left() -> None:
    assert _line(80).startswith("[1 desk 0] 2 mine  3 decide  4 urgent  5 senior ")
    full = _line(80, *(999 for _ in SAVED[:6]))
    assert " 6 agents 999 " in full
    for width in range(40, 130):
        assert len(_line(width, 3, 0, 2)) <= width


def test_a_view_that_is_not_named_keeps_its_key() -> None:
    assert _line(50).endswith(" 8 9 0")
