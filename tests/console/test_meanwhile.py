"""What became of cases after they were marked, told from their rows."""

import pytest
from test_mark_ranges import ROWS

from casework.decision import Stage
from casework.transitions import Status
from console.pages.meanwhile import said_unmarked, what_happened


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"decided": "ana approved lock_account at 2026-01-05 12:00:00 UTC"}, "ana approved lock account"),
        (
            {"attempt": 2, "rejected": "rejected by ana: look: again", "status": Status.INVESTIGATING},
            "rejected by ana",
        ),
        (
            {"stage": Stage.SENIOR, "passed_on": "ana escalated at 2026-01-05 12:00:00 UTC: kin"},
            "ana escalated",
        ),
        (
            {"stage": Stage.SECOND, "proposed": "ana approved both at 2026-01-05 12:00:00 UTC"},
            "ana approved both",
        ),
        ({"attempt": 2}, "it is awaiting review now, attempt 2"),
    ],
)
def test_who_did_what_is_told_as_far_as_the_row_has_it(changes: dict[str, object], told: str) -> None:
    assert what_happened(ROWS[0], ROWS[0].model_copy(update=changes)) == told


def test_one_mark_that_went_is_named_and_several_are_counted() -> None:
    assert said_unmarked({}) == ""
    assert said_unmarked({"x": "rejected by ana"}).startswith(
        "x went on since you marked it (rejected by ana)"
    )
    assert said_unmarked({"x": "", "y": ""}) == "2 marked cases went on, their marks are off."
