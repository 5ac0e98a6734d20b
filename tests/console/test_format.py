"""Values as text: durations and money read well, and no outside text can command a terminal."""

import json
import unicodedata
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from fakedesk.stories import HOSTILE
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from console import format as f
from console.lines import Span, drawn, folded, outside, plain, wrap

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (0, "0s"), (59, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h00"), (90061, "1d1h")],
)
def test_a_span_names_its_two_largest_units(seconds: int, text: str) -> None:
    assert f.span(seconds) == text


@pytest.mark.parametrize(
    ("left", "text"), [(-180, "over 3m"), (0, "0s"), (65, "1m05"), (3599, "59m59"), (7260, "2h01")]
)
def test_a_countdown_counts_seconds_only_below_an_hour(left: int, text: str) -> None:
    assert f.countdown(NOW + timedelta(seconds=left), NOW) == text


@pytest.mark.parametrize(("left", "text"), [(1199, "19m59 left"), (0, "0s left"), (-720, "12m overdue")])
def test_time_left_is_said_in_words_also_when_it_is_over(left: int, text: str) -> None:
    assert f.time_left(NOW + timedelta(seconds=left), NOW) == text


def test_money_has_separators_and_two_decimals() -> None:
    assert (f.money(Decimal("12345.5")), f.money(None)) == ("12,345.50", "-")


@pytest.mark.parametrize("risk", [0.0, 0.31, 0.6, 1.0])
def test_a_risk_bar_is_as_wide_as_asked_and_as_full_as_the_risk(risk: float) -> None:
    bar = f.risk_bar(risk, 10)
    assert (len(bar), bar.count(f.UNICODE.full)) == (10, round(risk * 10))


def test_an_unknown_risk_has_no_bar_at_all() -> None:
    assert f.risk_bar(None, 5) == "     "


def test_the_hostile_text_loses_every_byte_a_terminal_obeys_and_keeps_its_letters() -> None:
    cleaned = f.clean(HOSTILE)
    assert (
        "\x1b" not in cleaned and "\x9b" not in cleaned and "\u202e" not in cleaned and "\x00" not in cleaned
    )
    assert "pwned" in cleaned and "[bold red]" in cleaned


@given(st.text())
def test_clean_text_holds_no_control_no_format_and_no_joiner(text: str) -> None:
    cleaned = f.clean(text)
    assert not [c for c in cleaned if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")]
    assert not [c for c in cleaned if "\ufe00" <= c <= "\ufe0f"]


@given(st.dictionaries(st.text(), st.text()))
@example({"\x7f": "\x9b"})
def test_json_for_a_terminal_means_the_same_and_holds_nothing_it_would_obey(value: dict[str, str]) -> None:
    shown = f.visible_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(shown) == value
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Co", "Cn", "Zl", "Zp"}


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert f.clean(f.clean(text)) == f.clean(text)


@given(st.text(), st.integers(0, 60))
def test_fitted_text_is_exactly_as_wide_as_asked(text: str, width: int) -> None:
    assert cell_len(f.fit(f.clean(text), width)) == width


@given(st.text(), st.integers(12, 90))
def test_wrapped_text_stays_within_the_width_and_loses_no_letter(text: str, width: int) -> None:
    lines = wrap(text, width, indent="  ")
    assert all(cell_len(plain(line)) <= width for line in lines)
    kept = "".join(plain(line) for line in lines).replace(" ", "")
    assert kept == f.clean(text).replace(" ", "")


@given(st.text(), st.integers(1, 40))
def test_an_ascii_line_is_ascii_and_within_the_width(text: str, width: int) -> None:
    line = drawn((outside(text), Span("│ ok")), width, f.ASCII)
    assert plain(line).isascii()
    assert cell_len(plain(line)) <= width


ODD = st.text(
    alphabet=st.sampled_from("a\u202e\u2066\n\r\t\x1b\x9b\x07\u200d\u0301\u4e2d\U0001f600\ufe0f "),
    max_size=40,
)
"""Controls, line breaks, marks of direction, joiners, and characters of no width or of two cells."""


@given(st.lists(ODD | st.text(max_size=20), max_size=4), st.integers(1, 40))
def test_a_line_is_one_row_within_its_width_whatever_was_put_into_it(texts: list[str], width: int) -> None:
    line = plain(drawn(tuple(Span(text) for text in texts), width))
    assert line.isprintable()
    assert cell_len(line) <= width


@given(st.lists(ODD, min_size=1, max_size=4), st.integers(10, 60))
def test_a_folded_line_stays_within_the_width_and_loses_no_letter(texts: list[str], width: int) -> None:
    line = tuple(Span(f.clean(text)) for text in texts)
    rows = folded([line], width)
    assert all(cell_len(plain(row)) <= width for row in rows)
    assert "".join(map(plain, rows)).replace(" ", "") == plain(line).replace(" ", "")


def test_a_moment_to_come_is_told_with_its_day_and_zone_and_how_far_off_it_is() -> None:
    zone = f"{NOW.astimezone():%Z}"
    told = f.until(NOW + timedelta(hours=23, minutes=28), NOW)
    assert told.endswith(", in 23h28") and zone in told
    assert "2027" in f.until(NOW + timedelta(days=365), NOW)
