"""Marks by themselves: a range from where it began to the cursor, beside the marks that are kept."""

import asyncio
from collections.abc import Sequence

from fakedesk import stories
from fakedesk.record import Record
from fakedesk.stories import case

from casework.views import CaseSummary
from console.marks import Marks, still_asking
from console.ordering import QueueOrder


def desk(count: int) -> Sequence[CaseSummary]:
    record = Record()
    asyncio.run(stories.queue(record, count))
    return [record.row(case(number)) for number in range(1, count + 1)]


ROWS = desk(6)


def listed(rows: Sequence[CaseSummary]) -> QueueOrder:
    order = QueueOrder()
    order.rebuild({row.case_id: row for row in rows}, lambda row: True)
    return order


def numbers(marks: Marks) -> list[int]:
    return sorted(int(case_id[-3:]) for case_id in marks)


def test_a_range_reaches_down_and_up_from_where_it_began() -> None:
    marks, order = Marks(), listed(ROWS)
    marks.begin_range(ROWS[2])
    assert numbers(marks) == [3]
    for here, wanted in ((4, [3, 4, 5]), (3, [3, 4]), (0, [1, 2, 3]), (2, [3])):
        marks.extend_range(order, here)
        assert numbers(marks) == wanted
        assert (case(3) in marks) is True
    assert marks.said(order, {}, "v", 1) == "range of 1, v ends it"


def test_a_range_that_shrinks_leaves_what_was_marked_before() -> None:
    marks, order = Marks(), listed(ROWS)
    marks.toggle(ROWS[3])
    marks.begin_range(ROWS[2])
    marks.extend_range(order, 4)
    assert marks.said(order, {}, "v", 1) == "range of 3, v ends it"
    marks.extend_range(order, 1)
    assert numbers(marks) == [2, 3, 4]
    assert marks.said(order, {}, "v", 1) == "3 marked, range of 2, v ends it"
    marks.drop_range()
    assert numbers(marks) == [4]


def test_a_range_whose_first_case_left_goes_on_from_where_that_was() -> None:
    marks = Marks()
    marks.begin_range(ROWS[2])
    order = listed([*ROWS[:2], *ROWS[3:]])
    marks.extend_range(order, 3)
    assert numbers(marks) == [4, 5]
    marks.extend_range(order, 0)
    assert numbers(marks) == [1, 2]


def test_a_case_that_comes_between_is_not_in_the_range_before_the_cursor_moves() -> None:
    marks = Marks()
    marks.begin_range(ROWS[0])
    marks.extend_range(listed([ROWS[0], ROWS[2], ROWS[3]]), 1)
    assert numbers(marks) == [1, 3]
    order = listed(ROWS)
    assert marks.said(order, {}, "v", 1) == "range of 2, v ends it"
    assert numbers(marks) == [1, 3]
    marks.extend_range(order, 3)
    assert numbers(marks) == [1, 2, 3, 4]


def test_what_is_in_a_range_stays_as_it_was_looked_at() -> None:
    marks = Marks()
    marks.begin_range(ROWS[0])
    marks.extend_range(listed(ROWS), 2)
    again = ROWS[1].model_copy(update={"attempt": 2})
    now_listed = {row.case_id: row for row in (ROWS[0], again, *ROWS[2:])}
    order = listed(list(now_listed.values()))
    marks.extend_range(order, 3)
    marks.keep_range()
    assert marks.rows[case(2)].attempt == 1
    assert marks.said(order, now_listed, "v", 1) == "4 marked, 1 went on"
    same, gone = still_asking(marks.rows.values(), now_listed)
    assert [row.case_id for row in same] == [case(1), case(3), case(4)]
    assert [row.case_id for row in gone] == [case(2)]


def test_a_mark_that_is_taken_off_leaves_an_open_range_too() -> None:
    marks = Marks()
    marks.begin_range(ROWS[0])
    marks.extend_range(listed(ROWS), 2)
    marks.remove([case(2)])
    assert numbers(marks) == [1, 3]
