"""What became of cases after they were marked, in words: who did what to them."""

from collections.abc import Mapping, Sequence

from casework.views import CaseSummary
from console.format import clean, plural, words
from console.lines import BLANK, Line, Span, said
from console.pages.sheet import Sheet


def what_happened(seen: CaseSummary, now: CaseSummary) -> str:
    """The last thing that was done to a case since it was looked at, as far as its row tells."""
    if now.rejected and now.rejected != seen.rejected and now.decided is None:
        return clean(now.rejected.partition(": ")[0])
    pairs = (
        (seen.decided, now.decided),
        (seen.proposed, now.proposed),
        (seen.passed_on, now.passed_on),
    )
    told = next((after for before, after in pairs if after and after != before), None)
    if told is not None:
        return clean(words(told.partition(": ")[0].rpartition(" at ")[0]))
    if now.deferral is not None:
        return f"put off by {clean(now.deferral.name)}"
    attempt = f", attempt {now.attempt}" if now.attempt != seen.attempt else ""
    return f"it is {words(now.status)} now{attempt}"


def happened_to(seen: Sequence[CaseSummary], cases: Mapping[str, CaseSummary]) -> dict[str, str]:
    """For each of these cases that is known what became of it."""
    known = (row for row in seen if row.case_id in cases)
    return {row.case_id: what_happened(row, cases[row.case_id]) for row in known}


def unmarked(what: Mapping[str, str], sheet: Sheet) -> list[Line]:
    """Which marks were taken off because their cases went on, and what became of each."""
    if not what:
        return []
    lines = sheet.text(f"{_went_on(what)}:", "", "warn")
    return lines + [(Span(f"  {clean(case_id)}  "), Span(told, "warn")) for case_id, told in what.items()]


def said_unmarked(what: Mapping[str, str]) -> str:
    """The same in a message: by name while it is one."""
    if len(what) == 1:
        (case_id, told), *_ = what.items()
        return f"{case_id} went on since you marked it ({told}): its mark is off."
    return f"{_went_on(what)}." if what else ""


def _went_on(what: Mapping[str, str]) -> str:
    theirs = "its mark is" if len(what) == 1 else "their marks are"
    return f"{plural(len(what), 'marked case')} went on, {theirs} off"


def overtaken(what: Mapping[str, str], of: int, sheet: Sheet) -> list[Line]:
    """That cases went on while a question about them and others was asked, and how."""
    lines = [
        said(f"Nothing was sent: {len(what)} of {plural(of, 'case')} went on meanwhile.", "bad"),
        BLANK,
        *((Span(f"{clean(case_id)}  "), Span(told, "warn")) for case_id, told in what.items()),
        BLANK,
    ]
    left = of - len(what)
    asks = f"The other {left} are asked about again." if left > 1 else "The other one is asked about again."
    return [*lines, *sheet.text(asks if left else "No other case is left.", "", "dim")]
