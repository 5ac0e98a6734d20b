"""Deciding on many cases at once: one request, a result for each, and a typed number when they are many."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from casework.action import Action
from casework.decision import Stage
from casework.reasons import ReasonCode, Verdict, verdict_of
from casework.views import BulkItem, CaseSummary
from console import news as n
from console.batch import Batch
from console.codes import Codes
from console.decided import Made
from console.deciding import CHOICES, complaint_about_words
from console.drafts import of_marked
from console.format import plural
from console.lines import BLANK, Line, said
from console.marks import still_asking
from console.on_many import OnMany, accepted
from console.pages.bulk import consequences, preview, recommended_for
from console.pages.decision import in_words
from console.pages.marked import counted
from console.pages.meanwhile import happened_to, overtaken
from console.problems import ConsoleError
from console.screens.panels import Again

if TYPE_CHECKING:
    from console.desk import Desk
    from console.screens.panels import Page

TYPED_ABOVE = 20
"""More cases than this are decided only after typing how many they are."""
MOST_READ_AGAIN = 20
"""Of so many refused cases it is looked up what became of them."""
MANY_WENT_ON = "Not all cases are as they were"
_ASKED = {
    Verdict.REJECT: ("Reject", "feedback", "What is wrong, or missing? The agents look again with it."),
    Verdict.ESCALATE: ("Escalate", "reason", "Why shall a senior decide? They read it."),
}
"""For a verdict that needs words: what it does, what the words are, and how they are asked for."""


class Bulk(OnMany):
    """The conversation about the marked cases, each bound to the assessment that its row showed."""

    def batch(self, rows: Sequence[CaseSummary]) -> Batch:
        """The marked cases as they are now: marks whose cases went on since are taken off."""
        batch = Batch(rows, self.sight)
        self._drop_overtaken(batch)
        return batch

    def _drop_overtaken(self, batch: Batch) -> None:
        self._app.take_in()
        batch.drop_overtaken(self._app.state.cases)
        if batch.gone:
            self._app.unmark(set(batch.gone))
            self._app.say(batch.said(()), "warn")

    async def approve(
        self,
        desk: "Desk",
        rows: Sequence[CaseSummary],
        action: Action | None = None,
        code: ReasonCode | None = None,
    ) -> None:
        """Approve for each what is recommended, or one action for all."""
        batch = self.batch(rows)
        items = [
            BulkItem(**_bound(row), approved=True, action=action or row.recommended_action)
            for row in self._waiting(batch)
        ]
        codes = _codes_for(items, code)
        if sure := await self._sure("Approve", batch, items, codes):
            why = codes.picked if codes else None
            await self._send(desk, batch, [item.model_copy(update={"reason_code": why}) for item in sure])

    async def choose(self, desk: "Desk", rows: Sequence[CaseSummary]) -> None:
        """Approve for all an action chosen from the list."""
        batch = self.batch(rows)
        if not (ready := self._waiting(batch)):
            self._say_none_waits(batch)
            return
        names = [in_words(action) + recommended_for(ready, action) for action in CHOICES]

        def page(index: int, width: int) -> Sequence[Line]:
            sheet = self._sheet(width)
            return [*batch.head(ready, sheet), *consequences(ready, CHOICES[index], sheet)]

        title = f"Approve which action for {plural(len(ready), 'marked case')}?"
        picked = await self._app.choose(title, names, page)
        if isinstance(picked, int):
            await self.approve(desk, batch.rows, CHOICES[picked])

    async def repeat(self, desk: "Desk", rows: Sequence[CaseSummary], last: Made | None) -> None:
        """Decide on all as on the case before."""
        if last is None:
            self._app.say("There is no decision to repeat yet.", "warn")
        elif last.approved:
            await self.approve(desk, rows, last.action, last.reason_code)
        else:
            await self._with_words(desk, rows, Verdict.ESCALATE if last.escalate else Verdict.REJECT, last)

    async def reject(self, desk: "Desk", rows: Sequence[CaseSummary]) -> None:
        """Reject all with the same feedback."""
        await self._with_words(desk, rows, Verdict.REJECT)

    async def escalate(self, desk: "Desk", rows: Sequence[CaseSummary]) -> None:
        """Send all that are not there yet to the senior queue, for one reason."""
        await self._with_words(desk, rows, Verdict.ESCALATE)

    def _waiting(self, batch: Batch) -> list[CaseSummary]:
        """Those that ask for a decision, and on which none is on its way."""
        sending = self._app.state.sending("decision")
        return [row for row in batch.rows if decidable(row) and row.case_id not in sending]

    async def _with_words(
        self, desk: "Desk", rows: Sequence[CaseSummary], verdict: Verdict, before: Made | None = None
    ) -> None:
        """Decide with one text for all, at first that of a decision before."""
        what, words_are, asked = _ASKED[verdict]
        batch = self.batch(rows)
        risen = Stage.SENIOR if verdict is Verdict.ESCALATE else None
        ready = [row for row in self._waiting(batch) if risen is None or row.stage is not risen]
        if not ready:
            self._say_none_waits(batch)
            return

        def page(width: int) -> Sequence[Line]:
            many = f"{plural(len(ready), 'marked case')} get the same {words_are}."
            return [said(many, "strong"), *batch.head(ready, self._sheet(width)), BLANK, said(asked)]

        codes = Codes(verdict, before.reason_code if before else None)
        title, prefill = f"{what} the marked cases", before.feedback if before else ""
        about = (of_marked(row.case_id for row in ready), words_are)
        text = await self._app.write(
            title, page, about, prefill=prefill, accept=complaint_about_words, codes=codes
        )
        if not isinstance(text, str):
            return
        self._app.work.expect_panel()
        said_in_all = {
            "approved": False,
            "escalate": verdict is Verdict.ESCALATE,
            "feedback": text,
            "reason_code": codes.picked,
        }
        items = [BulkItem.model_validate({**_bound(row), **said_in_all}) for row in ready]
        self._drop_overtaken(batch)
        if sure := await self._sure(what, batch, [item for item in items if item.case_id not in batch.gone]):
            await self._send(desk, batch, sure)
            self._app.tell_now(n.DraftKept(*about, ""))

    async def _sure(
        self, what: str, batch: Batch, items: Sequence[BulkItem], codes: Codes | None = None
    ) -> Sequence[BulkItem]:
        """Show what would be ordered, and ask, anew when some went on; returns what is sure, or nothing."""
        while items:
            answer = await self._ask(what, batch, items, codes)
            if not isinstance(answer, Again):
                return items if answer else ()
            self._drop_overtaken(batch)
            items = [item for item in items if item.case_id not in batch.gone]
        self._say_none_waits(batch)
        return ()

    async def _ask(
        self, what: str, batch: Batch, items: Sequence[BulkItem], codes: Codes | None
    ) -> bool | Again:
        """Ask once; above a number of cases a yes is that number, typed."""
        sent = {item.case_id for item in items}
        about = [row for row in batch.rows if row.case_id in sent]

        def page(width: int) -> Sequence[Line]:
            sheet = self._sheet(width)
            head = batch.head(about, sheet)
            rows = batch.with_claims_of(self._app.state.cases)
            return [*head, *([BLANK] if head else []), *preview(rows, items, self._app.me, sheet)]

        def check() -> "Page | None":
            self._app.take_in()
            gone = {key: told for key, told in batch.overtaken(self._app.state.cases).items() if key in sent}
            return (lambda width: overtaken(gone, len(items), self._sheet(width))) if gone else None

        title = f"{what}: {counted(about, batch.sight)}?"
        if len(items) > TYPED_ABOVE:
            return await self._app.count(title, page, len(items), check, codes=codes, went_on=MANY_WENT_ON)
        return await self._app.confirm(title, page, check, codes=codes, went_on=MANY_WENT_ON)

    def _say_none_waits(self, batch: Batch) -> None:
        """Why nothing is asked: the cases went on, or a decision is on its way, or they wait for none."""
        if batch.gone and not batch.rows:
            self._app.say(batch.said(()), "warn")
        elif self.idle(batch.rows, "decision"):
            self._app.say(
                f"None of the marked cases waits for that. {batch.said(batch.rows)}".rstrip(), "warn"
            )

    async def _send(self, desk: "Desk", batch: Batch, items: Sequence[BulkItem]) -> None:
        with self._app.dealing_with(item.case_id for item in items) as done:
            response = await desk.many.decide(items)
            done.update(accepted(response))
        if recorded := [item for item in items if item.case_id in done]:
            self._app.work.decided.remember(Made.of(*recorded), done, self._app.state.cases, batch.rows)
        sent = {item.case_id for item in items}
        going = sent | self._app.state.sending("decision")
        left_out = {row.case_id for row in batch.rows if row.case_id not in going}
        refused = [row for row in batch.rows if row.case_id in sent - accepted(response)]
        held = all(item.approved for item in items) and all(row.hold_seconds != 0 for row in batch.rows)
        self.tell(response, left_out=left_out, meanwhile=await _gone_on(desk, refused), held=held)


async def _gone_on(desk: "Desk", refused: Sequence[CaseSummary]) -> dict[str, str]:
    """Of the first of what was refused, that which asks something else now, as far as that can be read."""
    cases: dict[str, CaseSummary] = {}
    for row in refused[:MOST_READ_AGAIN]:
        try:
            cases[row.case_id] = (await desk.read(row.case_id)).summary
        except ConsoleError:
            break
    return happened_to(still_asking(refused, cases)[1], cases)


def decidable(row: CaseSummary) -> bool:
    """Whether a decision is asked for, as the row shows it."""
    return row.stage is not None and row.assessment_hash is not None and row.recommended_action is not None


def _codes_for(items: Sequence[BulkItem], code: ReasonCode | None) -> Codes | None:
    """The codes that fit all the approvals, if they are approvals of one kind."""
    verdicts = {verdict_of(True, item.action, escalate=False) for item in items}
    return Codes(verdicts.pop(), code) if len(verdicts) == 1 else None


def _bound(row: CaseSummary) -> dict[str, object]:
    return {"case_id": row.case_id, "attempt": row.attempt, "assessment_hash": row.assessment_hash}
