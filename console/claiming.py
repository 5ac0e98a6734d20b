"""Taking cases, giving them back, and notes on them: what is done to one case or to all that are marked."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from casework.views import CaseSummary
from console import news as n
from console.bulk import Bulk
from console.format import plural
from console.lines import Line, said

if TYPE_CHECKING:
    from console.app import ConsoleApp
    from console.desk import Desk


class Claiming:
    """The conversations about who holds which case, and what is noted on it."""

    def __init__(self, app: "ConsoleApp", bulk: Bulk) -> None:
        self._app = app
        self._bulk = bulk

    async def claim(self, desk: "Desk", seen: CaseSummary) -> None:
        """Take the case, or give it back if it is ours."""
        if self._is_ours(seen):
            await desk.release(seen.case_id)
            self._app.say(f"Recorded: the claim on {seen.case_id} is given back.", "good")
        else:
            await desk.claim(seen.case_id)
            self._app.say(f"Recorded: {seen.case_id} is yours.", "good")

    async def claim_all(self, desk: "Desk", marked: Sequence[CaseSummary]) -> None:
        """Take all marked cases; if all of them are ours already, give them back."""
        free = [row.case_id for row in marked if not self._is_ours(row)]
        if free:
            self._bulk.tell(await desk.each(free, desk.claim), "Claimed", keep_marks=True)
        else:
            ours = [row.case_id for row in marked]
            self._bulk.tell(await desk.each(ours, desk.release), "Claims given back", keep_marks=True)

    async def note(self, desk: "Desk", seen: CaseSummary) -> None:
        """A note on the case."""

        def page(width: int) -> Sequence[Line]:
            return [said(seen.case_id, "strong"), said("A note stays in the record for ever.", "dim")]

        text = await self._app.write("Note", page, (seen.case_id, "note"))
        if isinstance(text, str):
            await desk.note(seen.case_id, text)
            self._app.tell_now(n.DraftKept(seen.case_id, "note", ""))
            self._app.say(f"Recorded: your note on {seen.case_id}.", "good")

    async def note_all(self, desk: "Desk", marked: Sequence[CaseSummary]) -> None:
        """The same note on all marked cases."""

        def page(width: int) -> Sequence[Line]:
            many = f"{plural(len(marked), 'marked case')} get the same note."
            return [said(many, "strong"), said("It stays in their records for ever.", "dim")]

        text = await self._app.write("Note on the marked cases", page, ("marked", "note"))
        if isinstance(text, str):
            ids = [row.case_id for row in marked]
            response = await desk.each(ids, lambda case_id: desk.note(case_id, text))
            self._bulk.tell(response, "Notes recorded", keep_marks=True)
            self._app.tell_now(n.DraftKept("marked", "note", ""))

    def _is_ours(self, seen: CaseSummary) -> bool:
        row = self._app.state.cases.get(seen.case_id, seen)
        return row.claim is not None and row.claim.actor_id == self._app.state.actor_id
