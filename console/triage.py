"""Sorting cases without deciding on them: deferring one until a time, and tags."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from casework.tags import RULE
from casework.views import CaseSummary
from console import news as n
from console.bulk import Bulk
from console.drafts import of_marked
from console.format import clean, day_and_time, plural
from console.format import until as said_until
from console.lines import BLANK, Line, Span, said
from console.moments import WAYS, MomentError, moment_and_words
from console.on_many import accepted
from console.pages.decision import which_case
from console.pages.deferral import deferral_of_many
from console.pages.sheet import Sheet
from console.tagging import complaint_about, tag_request

if TYPE_CHECKING:
    from console.app import ConsoleApp
    from console.desk import Desk

BACK = "back"
"""Written in place of a time, it ends a deferral."""


class Triage:
    """The conversations about where a case belongs now."""

    def __init__(self, app: "ConsoleApp", bulk: Bulk) -> None:
        self._app = app
        self._bulk = bulk

    async def defer(self, desk: "Desk", seen: CaseSummary, words: str = "") -> None:
        """Ask until when, and why; a deferred case can be brought back the same way."""
        row = self._app.state.cases.get(seen.case_id, seen)

        def page(width: int) -> Sequence[Line]:
            return _about_deferring(row, Sheet(width, self._app.now(), self._app.glyphs, self._app.actions))

        def accept(text: str) -> str:
            return _complaint(text, row, self._app.now())

        about = (row.case_id, "deferral")

        def hint(text: str) -> str:
            return "brings it back now" if _is_back(text, row) else _understood(text, self._app.now())

        self._in_place_of_draft(about, words)
        text = await self._app.write("Defer until when?", page, about, typed=words, accept=accept, hint=hint)
        if not isinstance(text, str):
            return
        if _is_back(text, row):
            with self._app.dealing_with((row.case_id,)) as done:  # that it leaves the list is no news then
                await desk.end_deferral(row.case_id)
                done.add(row.case_id)
            self._app.say(f"Recorded: {row.case_id} is back.", "good")
        else:
            until, reason = moment_and_words(text, self._app.now())
            with self._app.dealing_with((row.case_id,)) as done:
                await desk.defer(row.case_id, until, reason)
                done.add(row.case_id)
            self._app.say(
                f"Recorded: {row.case_id} deferred until {said_until(until, self._app.now())}.", "good"
            )
        self._app.tell_now(n.DraftKept(*about, ""))

    def _in_place_of_draft(self, about: tuple[str, str], words: str) -> None:
        """A time that was typed already stands for an earlier one, and not beside it."""
        if words:
            self._app.tell_now(n.DraftKept(*about, ""))

    async def defer_all(self, desk: "Desk", rows: Sequence[CaseSummary], words: str = "") -> None:
        """Defer all marked cases until one time; the server refuses those due before it, one by one."""

        def page(width: int) -> Sequence[Line]:
            sheet = Sheet(width, self._app.now(), self._app.glyphs, self._app.actions)
            many = f"{plural(len(rows), 'marked case')} until the same time."
            lines: list[Line] = [said(many, "strong"), *beside(width)]
            dues = [row.deadline for row in rows if row.deadline is not None]
            if dues:
                lines.append(said(f"The first is to be decided before {day_and_time(min(dues))}.", "dim"))
            return [*lines, BLANK, *sheet.text(f"A time: {WAYS}; after it or below, if you like, why.")]

        def accept(text: str) -> str:
            return _bad_moment(text, self._app.now())

        def hint(text: str) -> str:
            understood = _understood(text, self._app.now())
            return understood and understood + _due_before(text, rows, self._app.now())

        rows = self._bulk.idle(rows, "deferral")
        about = (of_marked(row.case_id for row in rows), "deferral")
        self._in_place_of_draft(about, words)
        beside = self._bulk.beside_the_cursor(rows)
        text = rows and await self._app.write(
            "Defer the marked cases", page, about, typed=words, accept=accept, hint=hint
        )
        if isinstance(text, str):
            self._app.work.expect_panel()
            until, reason = moment_and_words(text, self._app.now())
            if not await self._sure_to_defer(rows, until, reason):
                return
            ids = [row.case_id for row in rows]
            with self._app.dealing_with(ids) as done:
                response = await desk.many.each(
                    "deferral", ids, lambda case_id: desk.defer(case_id, until, reason)
                )
                done.update(accepted(response))
            self._bulk.tell(response)
            if response.accepted:
                self._app.tell_now(n.DraftKept(*about, ""))

    async def _sure_to_defer(self, rows: Sequence[CaseSummary], until: datetime, reason: str) -> bool:
        """Show until when, how many and which would be refused; the words stay a draft until it is done."""

        def page(width: int) -> Sequence[Line]:
            known = self._app.state.cases
            now = [known.get(row.case_id, row) for row in rows]
            return deferral_of_many(now, until, reason, Sheet(width, self._app.now(), self._app.glyphs))

        return await self._app.confirm(f"Defer: {plural(len(rows), 'case')}?", page) is True

    async def tag_all(self, desk: "Desk", rows: Sequence[CaseSummary]) -> None:
        """Put the same tags on all marked cases, or take them off."""

        def page(width: int) -> Sequence[Line]:
            sheet = Sheet(width, self._app.now(), self._app.glyphs, self._app.actions)
            asked = f"vip or +vip puts one on, -vip takes it off. {RULE}."
            many = said(f"{plural(len(rows), 'marked case')}.", "strong")
            return [many, *beside(width), BLANK, *sheet.text(asked)]

        rows = self._bulk.idle(rows, "tag change")
        about = (of_marked(row.case_id for row in rows), "tags")
        beside = self._bulk.beside_the_cursor(rows)
        text = rows and await self._app.write("Tag the marked cases", page, about, accept=complaint_about)
        if isinstance(text, str):
            request, ids = tag_request(text), [row.case_id for row in rows]
            done = await desk.many.each("tag change", ids, lambda case_id: desk.tag(case_id, request))
            self._bulk.tell(done, keep_marks=True)  # tagged is not dealt with
            if done.accepted:
                self._app.tell_now(n.DraftKept(*about, ""))

    async def tag(self, desk: "Desk", seen: CaseSummary) -> None:
        """Ask which tags to put on and which to take off."""
        row = self._app.state.cases.get(seen.case_id, seen)

        def page(width: int) -> Sequence[Line]:
            sheet = Sheet(width, self._app.now(), self._app.glyphs, self._app.actions)
            has = "Tags: " + (" ".join(row.tags) or "none")
            asked = f"vip or +vip puts one on, -vip takes it off. {RULE}."
            return [(Span(clean(row.case_id), "strong"),), *sheet.text(has), BLANK, *sheet.text(asked)]

        about = (row.case_id, "tags")
        text = await self._app.write("Tags", page, about, accept=complaint_about)
        if isinstance(text, str):
            now = await desk.tag(row.case_id, tag_request(text))
            self._app.tell_now(n.DraftKept(*about, ""))
            self._app.say(f"Recorded: {row.case_id} has the tags {' '.join(now.tags) or 'none'}.", "good")


def _is_back(text: str, row: CaseSummary) -> bool:
    return row.deferral is not None and text.strip().lower() == BACK


def _complaint(text: str, row: CaseSummary, now: datetime) -> str:
    """Why these words cannot be a deferral; nothing when they can."""
    if _is_back(text, row):
        return ""
    if bad := _bad_moment(text, now):
        return bad
    until, _ = moment_and_words(text, now)
    if row.deadline is not None and until >= row.deadline:
        return f"It must be before the decision deadline, {day_and_time(row.deadline)}."
    return ""


def _understood(text: str, now: datetime) -> str:
    """The time that is meant, as it will be sent; nothing while it is none."""
    try:
        when, _ = moment_and_words(text, now)
    except MomentError:
        return ""
    return f"until {said_until(when, now)}"


def _due_before(text: str, rows: Sequence[CaseSummary], now: datetime) -> str:
    """How many cannot be deferred for so long, while the time is still being written."""
    until, _ = moment_and_words(text, now)
    due = sum(row.deadline is not None and until >= row.deadline for row in rows)
    return f"; {due} of {len(rows)} would be refused, due before that" if due else ""


def _bad_moment(text: str, now: datetime) -> str:
    try:
        moment_and_words(text, now)
    except MomentError as error:
        return str(error)
    return ""


def _about_deferring(row: CaseSummary, sheet: Sheet) -> list[Line]:
    lines = which_case(row, sheet)
    if row.deadline is not None:
        lines.append(said(f"To be decided before {day_and_time(row.deadline)}.", "dim"))
    if row.deferral is not None:
        until = day_and_time(row.deferral.until)
        lines += sheet.text(f"Deferred by {row.deferral.name} until {until}. {BACK} brings it back now.")
    lines.append(BLANK)
    return [*lines, *sheet.text(f"A time: {WAYS}; after it or below, if you like, why.")]
