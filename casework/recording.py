"""Change a case safely while others change it too: load, decide, append; again if somebody was first."""

from collections.abc import Callable, Sequence

from casework.case import Case
from casework.errors import SequenceError
from casework.events import NewEvent
from casework.ports import Appended, CaseStore

Decide = Callable[[Case], Sequence[NewEvent]]


async def record(store: CaseStore, case_id: str, decide: Decide, *, tries: int = 10) -> Appended:
    """Append what `decide` makes of the case as it is now.

    `decide` is called again with the newer case when another writer was first, so it must be pure.
    Raises whatever `decide` raises, NotFoundError, and SequenceError after `tries` lost races.
    """
    for _ in range(tries - 1):
        try:
            return await _once(store, case_id, decide)
        except SequenceError:
            continue
    return await _once(store, case_id, decide)


async def _once(store: CaseStore, case_id: str, decide: Decide) -> Appended:
    case = await store.load(case_id)
    events = decide(case)
    if not events:
        return Appended(case=case, events=())
    return await store.append(case_id, events, expected_seq=case.seq)
