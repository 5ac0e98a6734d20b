"""Whatever a row of the queue shows, the filter understands, and finds that row by it."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from fakedesk import stories
from fakedesk.record import Record
from hypothesis import given
from hypothesis import strategies as st

from casework.action import Action, Step
from casework.alert import Severity
from casework.case import Progress
from casework.events import Outcome
from casework.filters import FilterError, View, parse
from casework.finding import Specialist
from casework.transitions import AWAITING, Status
from casework.views import CaseSummary, ClaimView, DeferralView, UndoneView
from console.lines import plain
from console.pages.rows import columns, row, shown
from console.pages.sheet import Sheet

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
VIEW = View("local:ana", NOW)
WIDE = 200

_FIGURES = re.compile(r" (over .*|\d+(?!nd).*|u\S*)$")
"""What stands behind a status: how long, or how far each specialist has come."""


@cache
def waiting() -> CaseSummary:
    async def told() -> CaseSummary:
        record = Record()
        return record.row(await stories.investigated(record, stories.alert(51), NOW - timedelta(hours=3)))

    return asyncio.run(told())


@pytest.fixture
def base() -> CaseSummary:
    return waiting()


def _claims() -> st.SearchStrategy[ClaimView | None]:
    return st.none() | st.builds(
        ClaimView, actor_id=st.just("local:bob"), name=st.sampled_from(["bob", "Zoë K."]), until=st.just(NOW)
    )


def _deferrals() -> st.SearchStrategy[DeferralView | None]:
    later = st.integers(1, 400_000).map(lambda seconds: NOW + timedelta(seconds=seconds))
    return st.none() | st.builds(
        DeferralView,
        actor_id=st.just("local:ana"),
        name=st.just("ana"),
        since=st.just(NOW),
        until=later,
        reason=st.just(""),
    )


def _undoings() -> st.SearchStrategy[UndoneView]:
    return st.builds(
        UndoneView,
        actor_id=st.just("local:ana"),
        name=st.just("ana"),
        at=st.just(NOW),
        reason=st.just("mistake"),
        steps=st.just((Step.LOCK_ACCOUNT,)),
    )


_moments = st.floats(-400_000, 400_000).map(lambda seconds: NOW + timedelta(seconds=seconds))
_closings = st.sampled_from([(status, None) for status in Status if status is not Status.CLOSED]) | (
    st.sampled_from(list(Outcome)).map(lambda outcome: (Status.CLOSED, outcome))
)


_rows = st.tuples(
    _closings,
    st.fixed_dictionaries(
        {
            "severity": st.sampled_from(list(Severity)),
            "risk": st.none() | st.floats(0, 1),
            "deadline": st.none() | _moments,
            "opened_at": st.floats(0, 900_000).map(lambda seconds: NOW - timedelta(seconds=seconds)),
            "claim": _claims(),
            "deferral": _deferrals(),
            "returned": _deferrals(),
            "attempt": st.integers(1, 3),
            "tags": st.sets(st.sampled_from(["vip", "tor-exit", "sim_swap"])).map(sorted).map(tuple),
            "other_cases": st.integers(0, 40),
            "hold_until": st.none() | _moments,
            "action_taken": st.none() | st.sampled_from(list(Action)),
            "decided": st.sampled_from([None, "Zoë K. approved lock account at noon"]),
            "undone": st.none() | _undoings(),
        }
    ),
)


@given(_rows)
def test_every_word_that_a_column_shows_finds_its_row(
    drawn: tuple[tuple[Status, Outcome | None], dict[str, object]],
) -> None:
    (status, outcome), changes = drawn
    if status is Status.CLOSED:
        changes["deferral"] = None
    if status not in AWAITING or changes["deferral"]:
        changes["returned"] = None
    case = waiting().model_copy(update={"status": status, "outcome": outcome, **changes})
    sheet = Sheet(width=WIDE, now=NOW)
    closed = status is Status.CLOSED
    if closed:
        changes["closed_at"] = NOW - timedelta(hours=2)
        case = case.model_copy(update=changes)
    for column in (*columns(WIDE), *(columns(WIDE, closed=True) if closed else ())):
        for term in _terms(column.title, " ".join(shown(case, column.title, sheet).split())):
            found = parse(f"status:open,closed {term}")
            assert found.matches(case, VIEW), term


def _terms(title: str, cell: str) -> list[str]:
    """Every word of a cell, under its heading and, where it is no figure, alone."""
    if title == "risk":
        return [f"risk:{cell.rsplit(maxsplit=1)[-1]}"]
    if title in ("left", "age", "closed"):
        return [f'{title}:"{cell}"']
    if title == "status":
        cell = _FIGURES.sub("", cell)
    alone = [word for word in cell.split() if word != "-"]
    return [
        f'{title}:"{cell}"',
        *(f'{title}:"{word}"' for word in cell.split()),
        *(_quoted(w) for w in alone),
    ]


def _quoted(word: str) -> str:
    return word if word.startswith("#") else f'"{word}"'


def test_the_words_are_those_of_the_drawn_row(base: CaseSummary) -> None:
    sheet = Sheet(width=WIDE, now=NOW)
    drawn = plain(row(base, sheet))
    for column in columns(WIDE):
        assert shown(base, column.title, sheet) in drawn


@pytest.mark.parametrize(
    ("status", "attempt", "back", "shown_as"),
    [
        (Status.AWAITING_REVIEW, 2, False, "decide try 2"),
        (Status.AWAITING_REVIEW, 1, True, "decide back"),
        (Status.AWAITING_REVIEW, 2, True, "try 2 back"),
        (Status.AWAITING_SECOND, 2, False, "2nd try 2"),
        (Status.ESCALATED, 2, False, "senior try 2"),
        (Status.ESCALATED, 3, True, "senior back"),
        (Status.INVESTIGATING, 2, False, "agents u2l2b2"),
    ],
)
def test_a_row_says_that_its_case_was_there_before(
    base: CaseSummary, status: Status, attempt: int, back: bool, shown_as: str
) -> None:
    before = DeferralView(actor_id="local:ana", name="ana", since=NOW, until=NOW, reason="") if back else None
    progress = {specialist: Progress(tool_calls=2) for specialist in Specialist}
    changes = {"status": status, "attempt": attempt, "returned": before, "progress": progress}
    case = base.model_copy(update=changes)
    assert shown(case, "status", Sheet(width=WIDE, now=NOW)) == shown_as
    if status in AWAITING:
        assert parse(f'status:"{shown_as}"').matches(case, VIEW)
        assert not parse(f'status:"{shown_as}"').matches(base, VIEW)


def test_a_status_word_means_what_it_is_shown_for_and_nothing_beside_it(base: CaseSummary) -> None:
    cleared = base.model_copy(
        update={"status": Status.CLOSED, "outcome": Outcome.CLEARED, "action_taken": Action.CLEAR}
    )
    put_off = base.model_copy(
        update={
            "deferral": DeferralView(
                actor_id="local:ana",
                name="ana",
                since=NOW,
                until=NOW + timedelta(hours=1),
                reason="",
            )
        }
    )
    decided = base.model_copy(update={"status": Status.DECIDED})

    def found(text: str) -> list[CaseSummary]:
        return [case for case in (base, cleared, put_off, decided) if parse(text).matches(case, VIEW)]

    assert found("status:cleared") == found("outcome:cleared") == found("decided:clear") == [cleared]
    assert found("status:closed action:clear") == [cleared]
    assert found("status:deferred") == found("is:deferred") == [put_off]
    assert found("status:decide") == [base, put_off]
    assert found("status:decided") == [decided]
    assert found("status:actioned") == []


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("age>2h55m", True),
        ("age>3h5m", False),
        ("age>3h05", False),
        ("age<1d2h", True),
        ("age:3h00", True),
        ("age:180m", True),
        ("cust:251,7", True),
        ("cust:7,8", False),
        ("sev:hi", True),
        ("left:over", False),
        ("left:-", False),
        ("decided:ana", False),
        ("risk:-", False),
    ],
)
def test_durations_and_alternatives(base: CaseSummary, text: str, matches: bool) -> None:
    assert parse(text).matches(base, VIEW) is matches


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("custmer:1", "customer"),
        ("statsu:open", "status"),
        ("status:cleard", "nearest: cleared"),
        ("status:defered", "nearest: deferred"),
        ("sev:hgh", "nearest: high"),
        ("age>soon", "15m, 1h30m or 2d3h"),
    ],
)
def test_a_complaint_names_the_nearest_words_first(text: str, guess: str) -> None:
    with pytest.raises(FilterError, match=guess):
        parse(text)


@given(
    field=st.sampled_from(["risk", "age", "status", "severity", "claimed", "tag", "is", "type", "bogus"]),
    value=st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=200),
)
def test_a_complaint_fits_on_a_line_of_80(field: str, value: str) -> None:
    try:
        parse(f'{field}:"{value}"')
    except FilterError as error:
        assert len(str(error)) <= 72


@given(st.from_regex(r"[a-z]{1,80}", fullmatch=True))
def test_a_complaint_about_any_field_fits_too(name: str) -> None:
    try:
        parse(f"{name}:x")
    except FilterError as error:
        assert len(str(error)) <= 72
