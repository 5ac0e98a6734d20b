"""The analyst's work on one case: which conversation a key begins, and those that decide nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from casework.action import ActionReceipt
from casework.views import CaseDetail, CaseSummary
from console import news as n
from console.actions import BY_NAME, key_of
from console.bulk import Bulk
from console.claiming import Claiming
from console.clipboard import fields
from console.decided import Decided
from console.deciding import Deciding, complaint_about_words
from console.format import plural
from console.format import words as in_words_of
from console.lines import BLANK, Line, said
from console.pages.health import health_page
from console.pages.reversal import reversal, undoable
from console.pages.sheet import Sheet
from console.problems import ConsoleError
from console.taking_back import TakingBack
from console.triage import Triage
from console.typeahead import TypeAhead
from console.waiting import told_while_waiting

if TYPE_CHECKING:
    from textual.worker import Worker

    from console.app import ConsoleApp
    from console.desk import Desk

_OPENS_SOMETHING = frozenset(
    {
        "approve",
        "choose",
        "reject",
        "repeat",
        "escalate",
        "defer",
        "tag",
        "note",
        "next_case",
        "reverse",
        "health",
        "copy",
    }
)
"""What puts something new on the screen; keys typed until then are meant for that."""


class Work:
    """Conversations between analyst and server. Each one is a worker; panels ask, the desk acts."""

    def __init__(self, app: "ConsoleApp") -> None:
        self._app = app
        self._deciding = Deciding(app)
        self._bulk = Bulk(app)
        self._triage = Triage(app, self._bulk)
        self._claiming = Claiming(app, self._bulk)
        self.decided = Decided()
        self.taking_back = TakingBack(app, self._bulk, self.decided)
        self._opening: Worker[None] | None = None
        self.ahead = TypeAhead()
        self._asking: set[asyncio.Task[object] | None] = set()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """While the present piece of work waits for the analyst."""
        task = asyncio.current_task()
        self._asking.add(task)
        try:
            yield
        finally:
            self._asking.discard(task)

    def expect_panel(self) -> None:
        """The present piece of work will show a panel next; keys wait for it."""
        self.ahead.hold(asyncio.current_task())

    def give_up_opening(self) -> None:
        """Stop waiting for what has not come yet. A case that is being claimed is claimed all the same."""
        if self._opening is not None and not self._claiming.give_up():
            self._opening.cancel()
        self.ahead.drop()

    def start(
        self,
        what: str,
        seen: CaseSummary | None = None,
        marked: Sequence[CaseSummary] = (),
        words: str = "",
    ) -> None:
        """Begin a piece of work on what the screen shows, the marked cases if there are any.

        Unless one may only look. `words` were typed already, for the panel that asks for some.
        """
        if BY_NAME[what].changes and self._app.settings.readonly:
            self._app.say("This console is read-only.", "warn")
        elif (desk := self._app.desk) is None:
            self._app.say("Not connected yet.", "warn")
        else:
            opens = what in _OPENS_SOMETHING
            if opens:
                self.ahead.hold(None)
            doing = self._guarded(self._step(what, desk, seen, marked, words), opens=opens)
            worker = self._app.run_worker(doing, group="work", exit_on_error=True)
            self._opening = worker if opens else self._opening

    def converse(self, doing: Awaitable[None]) -> None:
        """Begin a piece of work that asks something by itself."""
        self._app.run_worker(self._guarded(doing, opens=False), group="work", exit_on_error=True)

    def _step(
        self,
        what: str,
        desk: "Desk",
        seen: CaseSummary | None,
        marked: Sequence[CaseSummary],
        words: str,
    ) -> Awaitable[None]:
        """The conversation a key begins."""
        on_many: dict[str, Callable[[], Awaitable[None]]] = {
            "approve": lambda: self._bulk.approve(desk, marked),
            "choose": lambda: self._bulk.choose(desk, marked),
            "reject": lambda: self._bulk.reject(desk, marked),
            "escalate": lambda: self._bulk.escalate(desk, marked),
            "defer": lambda: self._triage.defer_all(desk, marked, words),
            "tag": lambda: self._triage.tag_all(desk, marked),
            "repeat": lambda: self._bulk.repeat(desk, marked, self.decided.last),
            "withdraw": lambda: self.taking_back.withdraw_all(desk, marked),
            "claim": lambda: self._claiming.claim_all(desk, marked),
            "note": lambda: self._claiming.note_all(desk, marked, words),
            "reverse": self._one_at_a_time,
        }
        on_a_case: dict[str, Callable[[Desk, CaseSummary], Awaitable[None]]] = {
            "approve": self._deciding.approve,
            "choose": self._deciding.choose,
            "reject": self._deciding.reject,
            "repeat": self._deciding.repeat,
            "escalate": self._deciding.escalate,
            "withdraw": self.taking_back.withdraw,
            "defer": partial(self._triage.defer, words=words),
            "tag": self._triage.tag,
            "claim": self._claiming.claim,
            "note": partial(self._claiming.note, words=words),
            "reverse": self._reverse,
            "copy": self._copy,
        }
        if marked and what in on_many:
            return on_many[what]()
        if seen is not None:
            return on_a_case[what](desk, seen)
        return self._health(desk) if what == "health" else self._claiming.next_case(desk)

    async def _guarded(self, doing: Awaitable[None], *, opens: bool) -> None:
        try:
            if opens:
                self.expect_panel()
            task = asyncio.current_task()

            def waits() -> bool:
                told_above = bool(self._app.state.pending)
                waited_for = self.ahead.held_for(task) if opens else not told_above
                return task not in self._asking and waited_for

            async with told_while_waiting(waits, self._app.say, self._app.unsay):
                await doing
        except ConsoleError as error:
            self._app.say(str(error), "bad")
        finally:
            self._release_keys()

    def _release_keys(self) -> None:
        """The present piece of work is done: what was typed after its last answer are commands again."""
        if not self.ahead.held_for(asyncio.current_task()):
            return
        if self.ahead.answered:
            self._app.call_later(self._app.give_commands)
        elif dropped := self.ahead.drop():
            self._app.say_also(f"{plural(dropped, 'key')} typed ahead not taken.")

    async def _one_at_a_time(self) -> None:
        back = key_of("back", self._app.actions)
        self._app.say(f"Steps are undone case by case; {back} takes the marks off.", "warn")

    async def _reverse(self, desk: "Desk", seen: CaseSummary) -> None:
        detail = await desk.read(seen.case_id)
        receipts = undoable(detail.case)
        if not receipts:
            self._app.say("There is nothing to undo: no executed step of a closed case is left.", "warn")
            return
        receipt = await self._which_step(detail, receipts)
        if receipt is not None:
            await self._undo(desk, detail, receipt)

    async def _which_step(
        self, detail: CaseDetail, receipts: Sequence[ActionReceipt]
    ) -> ActionReceipt | None:
        if len(receipts) == 1:
            return receipts[0]

        def page(index: int, width: int) -> Sequence[Line]:
            return reversal(detail.case, receipts[index], self._app.me, self._sheet(width))

        picked = await self._app.choose("Undo which step?", [in_words_of(r.step) for r in receipts], page)
        return receipts[picked] if isinstance(picked, int) else None

    async def _undo(self, desk: "Desk", detail: CaseDetail, receipt: ActionReceipt) -> None:
        def page(width: int) -> Sequence[Line]:
            lines = reversal(detail.case, receipt, self._app.me, self._sheet(width))
            return [*lines, BLANK, said("Why? It stays in the record.")]

        case_id, undo = detail.case.case_id, in_words_of(receipt.step.inverse)
        text = await self._app.write(
            f"Undo: {undo}", page, (case_id, "reversal"), accept=complaint_about_words
        )
        if isinstance(text, str):
            await desk.reverse(case_id, receipt.action_id, text)
            self._app.tell_now(n.DraftKept(case_id, "reversal", ""))
            self._app.say(f"Ordered: {undo}, {case_id}; its timeline says when it is done.", "good")

    async def _copy(self, desk: "Desk", seen: CaseSummary) -> None:
        found = fields(seen)

        def page(index: int, width: int) -> Sequence[Line]:
            return self._sheet(width).text(found[index][1], "", "strong")

        picked = await self._app.pick("Copy which field?", [name for name, _ in found], page)
        if picked is not None:
            self._app.copy(found[picked][1])

    async def _health(self, desk: "Desk") -> None:
        health = await desk.health()
        self._app.show_asked("Health", lambda width: health_page(health, self._app.state, self._sheet(width)))

    def _sheet(self, width: int) -> Sheet:
        return Sheet(width, self._app.now(), self._app.glyphs, self._app.actions)
