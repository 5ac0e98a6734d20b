"""The chain finds and names every change to a record."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.audit import audit_case
from casework.canonical import GENESIS, Link, canonical_json, verify_chain
from casework.case import Case
from casework.events import CaseEvent, NewEvent, from_link, seal
from casework.history import replay
from tests.builders import CASE_ID, case_in_review, grow, story_until_review

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def record() -> list[Link]:
    links: list[Link] = []
    case: Case | None = None
    for item in story_until_review():
        before = case
        case = grow(before, [item])
        links.append(_sealed(before, item).link)
    return links


def _sealed(case: Case | None, item: NewEvent) -> CaseEvent:
    return seal(item, CASE_ID, (case.seq if case else 0) + 1, case.head_hash if case else GENESIS)


RECORD = record()


@given(JSON)
def test_equal_values_have_one_spelling(value: object) -> None:
    assert canonical_json(json.loads(canonical_json(value))) == canonical_json(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {"a": {1, 2}}])
def test_what_is_not_json_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(value)


def test_an_untouched_record_verifies() -> None:
    assert verify_chain(RECORD) is None
    assert audit_case(CASE_ID, RECORD, case_in_review()) is None


@given(st.data())
def test_a_flipped_byte_is_found_and_its_record_named(data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(RECORD) - 1))
    raw = bytearray(RECORD[index].text.encode())
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= data.draw(st.integers(1, 127))
    flipped = dataclasses.replace(RECORD[index], text=raw.decode("utf-8", "replace"))
    broken = verify_chain([*RECORD[:index], flipped, *RECORD[index + 1 :]])
    assert broken is not None
    assert broken.seq == index + 1


@given(st.data())
def test_a_flipped_hash_is_found(data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(RECORD) - 1))
    digits = list(RECORD[index].hash)
    position = data.draw(st.integers(0, 63))
    digits[position] = "0" if digits[position] != "0" else "1"
    changed = dataclasses.replace(RECORD[index], hash="".join(digits))
    broken = verify_chain([*RECORD[:index], changed, *RECORD[index + 1 :]])
    assert broken is not None
    assert broken.seq == index + 1


@given(st.data())
def test_a_removed_or_moved_record_is_found(data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(RECORD) - 2))
    without = RECORD[:index] + RECORD[index + 1 :]
    broken = verify_chain(without)
    assert broken is not None
    assert broken.seq == index + 1
    assert verify_chain([*without, RECORD[index]]) is not None


def test_records_removed_from_the_end_are_found_by_the_projection() -> None:
    broken = audit_case(CASE_ID, RECORD[:-1], case_in_review())
    assert broken is not None
    assert "projection" in broken.reason


def test_an_edited_projection_is_found() -> None:
    edited = case_in_review().model_copy(update={"notes": 5})
    assert audit_case(CASE_ID, RECORD, edited) is not None


def test_a_record_of_another_case_is_found() -> None:
    broken = audit_case("fraud-OTHER", RECORD, None)
    assert broken is not None
    assert broken.seq == 1


def test_a_stored_record_comes_back_as_the_event_it_was() -> None:
    assert replay(map(from_link, RECORD)) == case_in_review()
