"""Lists in the shell: an id can always be copied, and what does not fit gives way in a known order."""

from datetime import timedelta

import pytest
from fakedesk import stories
from fakedesk.record import Record, now

from casework.views import CaseSummary
from console.lines import page_text, plain, width_of
from console.pages.case_sections import result_rows
from console.pages.listing import listing
from console.pages.sheet import Sheet


async def rows() -> list[CaseSummary]:
    record = Record()
    for number, kind in enumerate(("dormant_account_reactivated", "sim_swap"), start=1):
        about = stories.alert(number, kind, alert_id=f"AUTO-{kind}-{number}-477f081081")
        await stories.investigated(record, about, now() - timedelta(minutes=5))
    return [record.row(case_id) for case_id in record.cases]


@pytest.mark.parametrize("width", [60, 80, 100, 200, None])
async def test_the_case_id_is_whole_at_every_width(width: int | None) -> None:
    cases = await rows()
    lines = listing(cases, Sheet(80, now()), width)
    for case, line in zip(cases, lines[1:], strict=True):
        assert plain(line).split()[0] == case.case_id
        assert width is None or width_of(line) <= width


async def test_what_is_least_needed_gives_way_first_and_nothing_in_a_pipe() -> None:
    cases = await rows()
    titles = [plain(listing(cases, Sheet(80, now()), width)[0]).split() for width in (80, 110, None)]
    assert titles[0] == ["case", "risk", "status", "left"]
    assert titles[1][: len(titles[0]) + 2] == ["case", "risk", "status", "left", "severity", "customer"]
    assert titles[2] == ["case", "risk", "status", "left", "severity", "customer", "claim", "type", "what"]
    assert "further apart than anybody travels" in page_text(listing(cases, Sheet(80, now()), None))


def test_nested_results_keep_their_indentation() -> None:
    result = {"name": "Ada", "lines": [{"id": 1, "opts": {"a": 1}}, {"id": 2, "opts": {}}], "none": []}
    assert result_rows(result) == [
        'name: "Ada"',
        "lines:",
        "  - id: 1",
        "    opts:",
        "      a=1",
        "  - id=2  opts={}",
        "none: []",
    ]


def test_flat_rows_stay_on_one_line_each() -> None:
    assert result_rows([{"a": 1, "b": "x"}, {"a": 2, "b": None}]) == ['a=1  b="x"', "a=2  b=null"]
    assert result_rows([]) == ["no rows"]
    assert result_rows("words") == ['"words"']
