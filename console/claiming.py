"""Taking cases, giving them back, and notes on them: what is done to one case or to all that are marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from casework.transitions import AWAITING
from casework.views import CaseSummary
from console import news as n
from console.bulk import Bulk
from console.drafts import of_marked
from console.format import plural
from console.lines import Line, said
from console.pages.sheet import Sheet
from console.problems import CaseNotFoundError

if TYPE_CHECKING:
    from console.app import ConsoleApp
    from console.desk import Desk


ASKED_ABOVE = 20
"""More marked cases than this are claimed only after a question: it takes them from everybody else."""


@dataclass(slots=True)
class _Asked:
    """A request for the next case that is on its way."""

    given_up: bool = False


class Claiming:
    """The conversations about who holds which case, and what is noted on it."""

    def __init__(self, app: "ConsoleApp", bulk: Bulk) -> None:
        self._app = app
        self._bulk = bulk
        self._handed: str | None = None
        self._asked: _Asked | None = None
        self._reminded: frozenset[str] = frozenset()

    async def claim(self, desk: "Desk", seen: CaseSummary) -> None:
        """Take the case, or give it back if it is ours."""
        with self._app.dealing_with((seen.case_id,)):  # a list of unclaimed cases loses it by our own doing
            if self._is_ours(seen):
                await desk.release(seen.case_id)
                told = f"Recorded: the claim on {seen.case_id} is given back."
            else:
                await desk.claim(seen.case_id)
                told = f"Recorded: {seen.case_id} is yours."
        self._app.say(told, "good")

    async def claim_all(self, desk: "Desk", marked: Sequence[CaseSummary]) -> None:
        """Take all marked cases; if all of them are ours already, give them back."""
        ids = [row.case_id for row in self._bulk.idle(marked, "claim", "release")]
        free = [row.case_id for row in marked if row.case_id in ids and not self._is_ours(row)]
        also = self._bulk.out_of_sight(marked)
        if len(free) > ASKED_ABOVE and not await self._sure_to_claim(free):
            return
        if free:
            claimed = await desk.many.each("claim", free, desk.claim)
            self._bulk.tell(claimed, "Claimed", keep_marks=True, also=also)
        elif ids:
            again = partial(self._give_back_if_ours, desk)
            given_back = await desk.many.each("release", ids, desk.release, again)
            self._bulk.tell(given_back, "Claims given back", keep_marks=True, also=also)

    async def _sure_to_claim(self, free: Sequence[str]) -> bool:
        def page(width: int) -> Sequence[Line]:
            return [said("Nobody else can take them until the claims end or are given back.")]

        self._app.work.expect_panel()
        return await self._app.confirm(f"Claim {plural(len(free), 'case')}?", page) is True

    async def _give_back_if_ours(self, desk: "Desk", case_id: str) -> CaseSummary:
        """Give a claim back after a try that failed: by now it may be given back, and somebody else's."""
        row = (await desk.read(case_id)).summary
        return await desk.release(case_id) if self._holds(row) else row

    async def next_case(self, desk: "Desk") -> None:
        """Take the most urgent case, of those that are filtered for, and open it; say what is unexpected."""
        asked = self._asked = _Asked()
        wanted = self._app.queue.filtered_by if self._app.queue else ""
        try:
            summary = await desk.next_case(wanted)
        except CaseNotFoundError:
            self._go_on_with_own(wanted, asked)
            return
        finally:
            self._asked = self._asked if self._asked is not asked else None
        if asked.given_up:
            self._tell_of(summary.case_id)
        else:
            self._open(summary.case_id)

    def _go_on_with_own(self, wanted: str, asked: _Asked) -> None:
        """Nothing else waits: what we hold already is next, unless it is in front of us, or narrowed away."""
        own = [row.case_id for row in self._waiting_for_us() if row.case_id != self._app.opening.case_id]
        if wanted or asked.given_up or not own:
            self._app.say(_nothing(wanted, besides=bool(self._waiting_for_us())), "good")
            return
        self._app.opening.open(own[0], unseen=True)
        self._app.say_also("Nothing else waits for you: this is a case you hold.")

    def give_up(self) -> bool:
        """Do not open the case that is being asked for; False if none is.

        The request goes on: the server may have claimed a case by now, and then that has to be said.
        """
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.given_up = True
        return asked is not None

    def _tell_of(self, case_id: str) -> None:
        """That a case is ours which nobody waits for any more."""
        keys = Sheet(0, self._app.now(), self._app.glyphs, self._app.actions)
        where = f"{keys.view(1, 'mine')} has it, {keys.key('claim')} gives it back"
        self._app.say(f"{case_id} was claimed for you meanwhile: {where}.", "warn")

    def _open(self, case_id: str) -> None:
        """Show the case that was handed out."""
        told = [*self._again(case_id), *self._left_behind(case_id)]
        self._handed = case_id
        self._app.opening.open(case_id, unseen=True)
        if told:
            self._app.say_also(" ".join(told))

    def _again(self, case_id: str) -> list[str]:
        """That it is the case one just had, which looks as if nothing had happened."""
        if case_id not in (self._handed, self._app.opening.case_id):
            return []
        if case_id != self._handed:
            return [f"This case, {case_id}, is what is due first: it is yours now."]
        free = (row for row in self._app.state.cases.values() if row.case_id != case_id)
        others = any(row.status in AWAITING and row.claim is None and row.deferral is None for row in free)
        why = "it is still what is due first" if others else "nothing else waits for you"
        return [f"The same case again, {case_id}: {why}."]

    def _left_behind(self, case_id: str) -> list[str]:
        """Which cases one holds besides that wait for a decision; each is told of once."""
        own = [row.case_id for row in self._waiting_for_us() if row.case_id != case_id]
        fresh = not self._reminded.issuperset(own)
        self._reminded = frozenset(own)
        return [f"You also hold {plural(len(own), 'case')}, first of them {own[0]}."] if fresh else []

    def _waiting_for_us(self) -> list[CaseSummary]:
        """The cases we hold that wait for a decision, what is due first in front."""
        return [row for row in self._app.own_claims() if row.status in AWAITING]

    async def note(self, desk: "Desk", seen: CaseSummary, words: str = "") -> None:
        """A note on the case."""

        def page(width: int) -> Sequence[Line]:
            return [said(seen.case_id, "strong"), said("A note stays in the record for ever.", "dim")]

        text = await self._app.write("Note", page, (seen.case_id, "note"), typed=words)
        if isinstance(text, str):
            await desk.note(seen.case_id, text)
            self._app.tell_now(n.DraftKept(seen.case_id, "note", ""))
            self._app.say(f"Recorded: your note on {seen.case_id}.", "good")

    async def note_all(self, desk: "Desk", marked: Sequence[CaseSummary], words: str = "") -> None:
        """The same note on all marked cases."""

        def page(width: int) -> Sequence[Line]:
            many = f"{plural(len(marked), 'marked case')} get the same note."
            return [
                said(many, "strong"),
                *beside(width),
                said("It stays in their records for ever.", "dim"),
            ]

        marked = self._bulk.idle(marked, "note")
        about = (of_marked(row.case_id for row in marked), "note")
        beside = self._bulk.beside_the_cursor(marked)
        text = marked and await self._app.write("Note on the marked cases", page, about, typed=words)
        if isinstance(text, str):
            response = await desk.many.each("note", [row.case_id for row in marked], desk.noting(text))
            self._bulk.tell(response, "Notes recorded", keep_marks=True)
            if response.accepted:
                self._app.tell_now(n.DraftKept(*about, ""))

    def _is_ours(self, seen: CaseSummary) -> bool:
        return self._holds(self._app.state.cases.get(seen.case_id, seen))

    def _holds(self, row: CaseSummary) -> bool:
        return row.claim is not None and row.claim.actor_id == self._app.state.actor_id


def _nothing(wanted: str, *, besides: bool) -> str:
    """That no case can be handed out, and that a filter narrows which."""
    if wanted:
        return f"Nothing under the filter /{wanted} waits for you."
    return "Nothing else waits for you." if besides else "Nothing waits for you."
