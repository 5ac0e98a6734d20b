"""Audit: does a case's record verify, and does the projection say what the record says."""

from collections.abc import Sequence

from casework.canonical import BrokenLink, Link, verify_chain
from casework.case import Case
from casework.errors import CaseworkError
from casework.events import from_link
from casework.history import replay
from casework.signature import Verifier
from casework.signing import ORDERS, doubt_about


def audit_case(
    case_id: str, links: Sequence[Link], projection: Case | None, verifier: Verifier | None = None
) -> BrokenLink | None:
    """The first bad record of a case, or None. Needs nothing but the record itself, and keys to trust.

    Removing records from the end is found by the projection, which names the newest hash. A record
    that was made anew, hashes and all, is found by the signatures under the orders in it.
    """
    broken = verify_chain(links)
    if broken is not None:
        return broken
    try:
        events = [from_link(link) for link in links]
        stray = next((event for event in events if event.case_id != case_id), None)
        if stray is not None:
            return BrokenLink(stray.seq, f"belongs to case {stray.case_id}")
        replayed = replay(events)
    except (ValueError, CaseworkError) as error:
        return BrokenLink(len(links), f"the record does not describe a possible case: {error}")
    for event, link in zip(events, links, strict=True):
        if verifier is None or event.body.type not in ORDERS:
            continue
        if (doubt := doubt_about(link.text, verifier)) is not None:
            return BrokenLink(event.seq, f"{event.body.type} by {event.actor.label[:60]}: {doubt}")
    if projection is not None and not _says(projection, replayed):
        return BrokenLink(len(links), "the projection does not say what the record says")
    return None


def _says(projection: Case, replayed: Case | None) -> bool:
    """Whether a projection is what the record gives; an earlier release's knows no linked customers."""
    if replayed is not None and projection.linked_customers is None:
        replayed = replayed.model_copy(update={"linked_customers": None})
    return replayed == projection
