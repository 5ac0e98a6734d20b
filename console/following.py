"""The case on the screen: its record and its projection, kept current change by change. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from casework.errors import CaseworkError
from casework.events import CaseEvent, FindingRecorded
from casework.history import apply
from casework.views import CaseChange, CaseDetail
from console.keeping import same_record
from console.state import OpenCase


def followed(opened: OpenCase | None, changes: tuple[CaseChange, ...]) -> OpenCase | None:
    """The case on screen after changes: each one applied in order, a gap noted where one is missing."""
    if opened is None:
        return None
    mine = [change for change in changes if change.event.case_id == opened.case_id]
    for change in mine:
        opened = _follow(opened, change)
    return opened


def _follow(opened: OpenCase, change: CaseChange) -> OpenCase:
    event = change.event
    opened = replace(opened, events=merged(opened.events, (event,)))
    detail = opened.detail
    if detail is None or event.seq <= detail.case.seq:
        return opened
    try:
        case = apply(detail.case, event)
    except CaseworkError:
        return replace(opened, gap=True)
    findings = detail.findings
    if isinstance(event.body, FindingRecorded):
        findings = (*findings, event.body.finding)
    summary = change.summary if change.summary.seq >= detail.summary.seq else detail.summary
    update = {"case": case, "findings": findings, "summary": summary}
    return replace(opened, detail=detail.model_copy(update=update))


def merged(events: tuple[CaseEvent, ...], more: Iterable[CaseEvent]) -> tuple[CaseEvent, ...]:
    """A case's record with more events in it: each sequence number once, in order."""
    by_seq = {event.seq: event for event in events}
    for event in more:
        by_seq.setdefault(event.seq, event)
    if len(by_seq) == len(events):
        return events
    return tuple(by_seq[seq] for seq in sorted(by_seq))


def read_anew(opened: OpenCase, detail: CaseDetail, events: tuple[CaseEvent, ...]) -> OpenCase:
    if opened.detail is not None and not same_record(opened.detail.summary, detail.summary):
        opened = OpenCase(opened.case_id)
    if opened.detail is not None and opened.detail.case.seq > detail.case.seq:
        return replace(opened, events=merged(opened.events, events), gap=False, error="")
    seen = merged(opened.events, events)
    beyond = any(event.seq > detail.case.seq for event in seen)
    return OpenCase(opened.case_id, detail=detail, events=seen, gap=beyond)
