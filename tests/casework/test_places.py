"""Places in a record with several lanes: compared lane by lane, exact over splits, safe as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.errors import InvalidInputError
from casework.places import START, WHOLE, Lane, Mark, Place, at, parse_place

BOUNDS = [
    "0" * 31 + "1",
    "1" + "0" * 31,
    "05C1DFFFFFFFFC",
    "1" + "F" * 31,
    "2FF",
    "3F" + "F" * 30,
    "A0",
    "FEFF",
]


@st.composite
def places(draw: st.DrawFn, record: str = "abc123") -> Place:
    bounds = sorted(draw(st.sets(st.sampled_from(BOUNDS), max_size=4)))
    read_to = st.one_of(st.just((0, WHOLE)), st.tuples(st.integers(1, 9), st.integers(1, 3)))
    lanes = [Lane(*draw(read_to), until) for until in [*bounds, "~"]]
    return Place(tuple(lanes), record)


marks = st.builds(Mark, st.integers(1, 9), st.integers(1, 3), st.sampled_from([*BOUNDS, "", "FE"]))


@given(places())
def test_a_place_survives_its_own_text(place: Place) -> None:
    assert parse_place(str(place)) == place
    assert set(str(place)) <= set("0123456789abcdefghijklmnopqrstuvwxyzABCDEF_-~")


@given(places(), places(), marks)
def test_what_covers_a_place_has_all_that_it_has(one: Place, other: Place, mark: Mark) -> None:
    if one.covers(other) and other.has(mark):
        assert one.has(mark)
    both = one.furthest(other)
    assert both.covers(one) and both.covers(other)
    assert both.has(mark) == (one.has(mark) or other.has(mark))


@given(places(), places(), marks)
def test_cutting_lanes_changes_nothing_but_the_lanes(one: Place, other: Place, mark: Mark) -> None:
    cut = one.cut_like(other)
    assert cut.has(mark) == one.has(mark)
    assert cut.covers(one) and one.covers(cut)
    assert {lane.until for lane in cut.lanes} >= {lane.until for lane in other.lanes}


@given(places(), marks, marks)
def test_an_entry_moves_its_own_lane_only(place: Place, entry: Mark, other: Mark) -> None:
    lanes = Place(tuple(Lane(until=bound) for bound in [*sorted(BOUNDS), "~"]), place.record)
    moved = place.cut_like(lanes).moved(entry)
    assert moved.has(entry)
    if lanes._index(other.key) != lanes._index(entry.key):
        assert moved.has(other) == place.has(other)


def test_the_start_is_in_every_record_and_no_other_place_is() -> None:
    here, there = Place((Lane(5),), "aaaaaa"), Place((Lane(3),), "bbbbbb")
    assert here.covers(START)
    assert not here.covers(there)
    assert not here.covers(at(3))
    assert not START.covers(here)
    assert START.cut_like(here).moved(Mark(5)) == here


NONE = [
    "x",
    "-1",
    "1-2",
    "abc123",
    "abc123_",
    "abc123_1-2",
    "abc123_~-1_~-2",
    "abc123_B-1_A-2_~-3",
    "abc123_~-1x",
    "ABC123_~-1",
    "abc123_~-1-2-3",
    "abc123_~-0-1",
    "abc123_-1_~-1",
    "abc123_FF-1_~-1",
    "abc123_g-1_~-1",
    "١",
]


@pytest.mark.parametrize("text", ["", *NONE, "abc123_~-" + "9" * 19, "abc123_" + "1-1_" * 2000 + "~-1"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="cursor"):
        parse_place(text)
