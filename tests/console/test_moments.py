"""Moments as people write them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.moments import MomentError, moment, moment_and_words

NOW = datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30m", 1800), ("2h", 7200), (" 1D ", 86400), ("2026-03-02T10:00:30Z", 3600)]
)
def test_a_span_counts_from_now_and_a_moment_is_itself(text: str, seconds: int) -> None:
    assert moment(text, NOW) == NOW + timedelta(seconds=seconds)


@given(st.integers(0, 23), st.integers(0, 59))
def test_a_time_of_day_is_the_next_one_on_ones_own_clock(hour: int, minute: int) -> None:
    found = moment(f"{hour}:{minute:02d}", NOW)
    assert (found.astimezone().hour, found.astimezone().minute) == (hour, minute)
    assert NOW < found <= NOW + timedelta(hours=25)


def test_a_date_alone_is_its_beginning_and_one_with_a_time_that_time() -> None:
    assert moment("2026-03-09", NOW) == datetime(2026, 3, 9).astimezone(UTC)
    words = "2026-03-09 14:30 the bank opens"
    assert moment_and_words(words, NOW) == (datetime(2026, 3, 9, 14, 30).astimezone(UTC), "the bank opens")
    assert moment_and_words("2h 14:30 is too late", NOW)[1] == "14:30 is too late"


def here(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of March 2026 on the clock on the wall."""
    return datetime(2026, 3, day, hour, minute).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("tomorrow", here(3, 9)),
        ("Tomorrow 17:15", here(3, 17, 15)),
        ("today 23:30", here(2, 23, 30)),
        ("fri", here(6, 9)),
        ("Friday 8:00", here(6, 8)),
        ("mon 00:01", here(9, 0, 1)),
        ("monday 23:59", here(2, 23, 59)),
    ],
)
def test_days_have_names_and_begin_at_nine(text: str, at: datetime) -> None:
    assert moment(text, NOW) == at
    assert moment_and_words(f"{text} the bank\nopens", NOW) == (at, "the bank\nopens")


def test_a_line_break_ends_the_time() -> None:
    assert moment_and_words("2h\nwhy", NOW) == (NOW + timedelta(hours=2), "why")
    assert moment_and_words("tomorrow\n17:00 is too late", NOW) == (here(3, 9), "17:00 is too late")


@given(st.text(max_size=90))
def test_what_is_quoted_of_wrong_words_never_breaks_a_line(text: str) -> None:
    for words in (text, f"x{text}", f"\u202e\x1b[2J\r\n{text}\U0001f468\u200d\U0001f469"):
        try:
            moment(words, NOW)
        except MomentError as error:
            assert str(error).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "25:00",
        "14:60",
        "2h30",
        "2026-02-30",
        "-2h",
        "99999d" * 9,
        "tomorrow 25:00",
        "mo",
        "fri noon",
    ],
)
def test_what_is_no_moment_is_told_what_is_one(text: str) -> None:
    with pytest.raises(MomentError, match="is no time; write 30m"):
        moment(text, NOW)


@pytest.mark.parametrize("text", ["0m", "2026-03-01", "2026-03-02T09:00:30+00:00"])
def test_what_is_past_is_said_to_be_past(text: str) -> None:
    with pytest.raises(MomentError, match="is past"):
        moment(text, NOW)


@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_a_complaint_never_a_crash(text: str) -> None:
    try:
        found, _ = moment_and_words(text, NOW)
    except MomentError:
        return
    assert found > NOW
