"""Deciding on many cases at once: one request, a result for each, and a typed number when they are many."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from casework.action import Action
from casework.views import BulkItem, BulkResponse, CaseSummary
from console.format import clean, plural, words
from console.lines import BLANK, Line, Span, said
from console.pages.sheet import Sheet

if TYPE_CHECKING:
    from console.app import ConsoleApp
    from console.desk import Desk

TYPED_ABOVE = 20
"""More cases than this are decided only after typing how many they are."""
MOST_LISTED = 12


class Bulk:
    """The conversation about the marked cases, each bound to the assessment that its row showed."""

    def __init__(self, app: "ConsoleApp") -> None:
        self._app = app

    async def approve(self, desk: "Desk", rows: Sequence[CaseSummary], action: Action | None = None) -> None:
        """Approve for each what is recommended, or one action for all."""
        items = [
            BulkItem(**_bound(row), approved=True, action=action or row.recommended_action)
            for row in rows
            if decidable(row)
        ]
        await self._ask(desk, rows, items, "")

    async def reject(self, desk: "Desk", rows: Sequence[CaseSummary]) -> None:
        """Reject all with the same feedback."""
        ready = [row for row in rows if decidable(row)]

        def page(width: int) -> Sequence[Line]:
            return [
                said(f"{plural(len(ready), 'marked case')} get the same feedback.", "strong"),
                BLANK,
                said("What is wrong, or missing? The agents look again with it."),
            ]

        feedback = await self._app.write("Reject the marked cases", page, ("marked", "feedback"))
        if isinstance(feedback, str):
            self._app.work.expect_panel()
            items = [BulkItem(**_bound(row), approved=False, feedback=feedback) for row in ready]
            await self._ask(desk, rows, items, feedback)

    async def _ask(
        self, desk: "Desk", rows: Sequence[CaseSummary], items: Sequence[BulkItem], feedback: str
    ) -> None:
        if not items:
            self._app.say("None of the marked cases waits for a decision.", "warn")
            return

        def page(width: int) -> Sequence[Line]:
            return preview(rows, items, Sheet(width, self._app.now(), self._app.glyphs, self._app.actions))

        title = f"{'Reject' if feedback else 'Approve'}: {plural(len(items), 'case')}?"
        if len(items) > TYPED_ABOVE:
            sure = await self._app.count(title, page, len(items))
        else:
            sure = await self._app.confirm(title, page) is True
        if sure:
            self._told(await desk.decide_many(items))

    def _told(self, response: BulkResponse) -> None:
        accepted = {result.case_id for result in response.results if result.accepted}
        self._app.unmark(accepted)
        self._app.say(f"Recorded: {response.accepted}, refused: {response.refused}.", "good")
        if response.refused:
            self._app.show_page(
                "What was refused", lambda width: results(response, Sheet(width, self._app.now()))
            )


def decidable(row: CaseSummary) -> bool:
    """Whether a decision is asked for, as the row shows it."""
    return row.stage is not None and row.assessment_hash is not None and row.recommended_action is not None


def _bound(row: CaseSummary) -> dict[str, object]:
    return {"case_id": row.case_id, "attempt": row.attempt, "assessment_hash": row.assessment_hash}


def preview(rows: Sequence[CaseSummary], items: Sequence[BulkItem], sheet: Sheet) -> list[Line]:
    """What will be ordered, how often, and on which cases."""
    actions = Counter(words(item.action) if item.action else "reject" for item in items)
    lines: list[Line] = [
        (Span(f"  {count:>4}  "), Span(action, "strong")) for action, count in actions.most_common()
    ]
    if left_out := len(rows) - len(items):
        lines.append(said(f"  {plural(left_out, 'marked case')} not waiting for a decision, left out", "dim"))
    risks = {row.case_id: row for row in rows}
    four_eyes = sum(risks[item.case_id].second_approver for item in items)
    if four_eyes:
        lines.append(said(f"  {plural(four_eyes, 'case')} will need a second person", "warn"))
    lines.append(BLANK)
    for item in items[:MOST_LISTED]:
        row = risks[item.case_id]
        lines.append((Span(f"  {row.risk or 0:.2f}  "), Span(clean(row.case_id))))
    if len(items) > MOST_LISTED:
        lines.append(said(f"        and {len(items) - MOST_LISTED:,} more", "dim"))
    return lines


def results(response: BulkResponse, sheet: Sheet) -> list[Line]:
    """What became of each case that was not recorded, in the server's words."""
    lines = [said(f"{response.accepted} recorded, {response.refused} refused:", "strong")]
    for result in response.results:
        if not result.accepted:
            lines += [(Span(clean(result.case_id), "warn"),), *sheet.text(result.detail, "    ")]
    return lines
