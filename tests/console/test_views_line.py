"""The saved views above the queue: what each shows, and what is left of that where it does not fit."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from console.keymap import remapped
from console.lines import plain
from console.pages.sheet import Sheet
from console.pages.views import views_line
from console.saved_views import SAVED

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def _line(width: int, *counts: int, at: int = 0, keys: Mapping[str, Sequence[str]] | None = None) -> str:
    shown = (*counts, *(0 for _ in SAVED))[: len(SAVED)]
    return plain(views_line(SAVED, shown, at, Sheet(width, NOW, actions=remapped(keys or {}))))


def test_all_names_and_counts_are_shown_where_there_is_room() -> None:
    assert "[1 desk 0] 2 mine 0  3 decide 0 " in _line(200)


def test_at_80_columns_views_with_cases_come_first_and_names_fill_what_is_left() -> None:
    assert _line(80).startswith("[1 desk 0] 2 mine  3 decide  4 urgent  5 senior ")
    assert _line(80, 3, 0, 2, 0, 0, 4).endswith(" 6 agents 4  7 held  8 9 0")


def test_where_that_is_too_much_others_lose_their_counts_and_then_their_names_the_last_first() -> None:
    full = [999 for _ in SAVED]
    assert _line(80, *full[:6]).startswith("[1 desk 999] 2 mine 999  3 decide 999  4 urgent 999  5 senior  6")
    assert _line(60, 30, 1, 26, 0, 0, 4, 0, 30).startswith(
        "[1 desk 30] 2 mine 1  3 decide  4 5 6 agents  7 8"
    )
    assert _line(60, *full) == "[1 desk 999] 2 mine  3 decide  4 urgent  5 senior  6 7 8 9 0"


@pytest.mark.parametrize("at", range(len(SAVED)))
def test_from_60_columns_nothing_is_cut_and_the_view_in_use_is_whole(at: int) -> None:
    for count in (0, 7, 31_000):
        for width in range(60, 150):
            line = _line(width, *(count for _ in SAVED), at=at)
            assert len(line) <= width and f" {SAVED[at].name} {count}]" in line


def test_where_even_names_are_too_much_the_line_begins_so_far_on_that_the_view_in_use_is_seen() -> None:
    nameless = {f"view_{at + 1}": [] for at in range(len(SAVED))}
    assert _line(60, keys=nameless).startswith("[desk 0] mine  decide  urgent  senior  agents")
    assert _line(60, keys=nameless, at=9).startswith("\N{HORIZONTAL ELLIPSIS} urgent  senior ")
    assert _line(60, keys=nameless, at=9).endswith(" closed [deferred 0]")


def test_a_view_that_is_not_named_keeps_its_key() -> None:
    assert _line(50).endswith(" 8 9 0")
