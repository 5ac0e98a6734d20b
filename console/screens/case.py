"""One case: its head on top, and below it one section at a time, kept current by the stream."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message

from casework.views import CaseSummary
from console.actions import BY_NAME, Scope, key_of, keys_of
from console.clock import ticks
from console.finding import Place, Sought, Words, found_in
from console.lines import Line, Span, said, width_of
from console.pages import sending, status
from console.pages.case_head import head
from console.pages.case_sections import assessment_section, tools_section
from console.pages.customer import customer_section
from console.pages.decision import question
from console.pages.findings import findings_section
from console.pages.sheet import Sheet
from console.pages.tabs import tabs
from console.pages.timeline import timeline_section
from console.pages.trigger import trigger_section
from console.rows import with_other_cases
from console.saying import MESSAGE_SECONDS
from console.screens.work import BANNER_ROWS, MESSAGE_ROWS, WorkScreen, bindings_for
from console.state import ConsoleState, OpenCase
from console.widgets.find_input import FindInput
from console.widgets.line_pane import LinePane
from console.widgets.line_view import LineView
from console.widgets.toasts import Toasts

SECTIONS = ("assessment", "findings", "tools", "timeline", "customer", "alert")
EXPANDABLE = frozenset({"assessment", "findings", "tools", "customer"})
"""Sections with more to show; from the others `x` goes to the tools."""


class CaseScreen(WorkScreen):
    """The case that is open in the state."""

    scope: ClassVar[Scope] = "case"
    CSS_PATH = "../styles/case.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for("case")]
    WHILE_TYPING = (("enter", "find the next line with these words"), ("esc", "back to the case"))

    def __init__(self, case_id: str) -> None:
        super().__init__()
        self._case_id = case_id
        self._section = 0
        self._whole = False
        self._tops: dict[int, int] = {}
        self._shown: CaseSummary | None = None
        self._ready = False
        self._sought = Sought()
        self._in_vain: float | None = None
        """When words were looked for in vain: while that is said, the key for next is no wish for a case."""

    class Ready(Message):
        """The case is on the screen, or why it is not, and keys can be taken."""

    def compose(self) -> ComposeResult:
        yield LineView(id="head")
        yield LineView(id="tabs", classes="bar")
        yield LineView(id="page", margin=True)
        yield LineView(id="banner", classes="bar")
        yield FindInput(self.find, self.stop_finding, keys_of("back", self.console_app.actions))
        yield LineView(id="footer", classes="bar")
        yield Toasts()

    def on_mount(self) -> None:
        for view in self.query(LinePane):
            view.glyphs = self.console_app.glyphs

    def on_resize(self) -> None:
        self.call_after_refresh(self.console_app.repaint)

    @property
    def case_shown(self) -> CaseSummary | None:
        return self._shown

    @property
    def case_in_hand(self) -> str | None:
        return self._case_id

    def show(self, state: ConsoleState, *, force: bool = False) -> None:
        """Render the head, the section, and what to know about the line."""
        opened = self._opened(state)
        self._shown = _shown(opened, state.cases.get(self._case_id))
        self._show_head(state)
        self._show_tabs(opened)
        page = self.query_one("#page", LineView)
        page.show(self._page(state, self._section, self.sheet(page), whole=self._whole))
        position = (*self._going_on(), Span(f"{page.position} ", "dim"))
        line = self.console_app.message or self.footer_line(self.size.width, position)
        below = self.query_one("#footer", LineView).tell(line, MESSAGE_ROWS) + self._show_banner(state)
        self.show_toasts(self.size.height - below)
        if not self._ready and (self.console_app.desk is None or _settled(opened)):
            self._ready = True
            self.post_message(self.Ready())

    def _going_on(self) -> Line:
        """Beside the keys: those that go on with what was found."""
        if not self._found:
            return ()
        onward, back, end = (
            key_of(name, self.console_app.actions) for name in ("next_case", "find_before", "back")
        )
        return (Span(f"/{' '.join(self._sought.words)}: {onward} {back} {end} ", "accent"),)

    def _opened(self, state: ConsoleState) -> OpenCase | None:
        """What is known of our case. Another one's findings under this one's head would be decided upon."""
        opened = state.opened
        return opened if opened is not None and opened.case_id == self._case_id else None

    def _show_head(self, state: ConsoleState) -> None:
        pane = self.query_one("#head", LineView)
        row = self._shown
        lines = head(row, self.sheet(pane)) if row else [said(f"Reading {self._case_id} ...", "dim")]
        pane.styles.height = len(lines)
        pane.show(lines)

    def _show_tabs(self, opened: OpenCase | None) -> None:
        pane = self.query_one("#tabs", LineView)
        sheet = self.sheet(pane)
        named = [
            (sheet.key_alone(f"section_{index + 1}"), name, _count(opened, name))
            for index, name in enumerate(SECTIONS)
        ]
        mine = self._mine()
        line = tabs(named, self._section, sheet.width - (width_of((mine,)) + 1 if mine.text else 0))
        gap = sheet.width - width_of(line) - width_of((mine,))
        pane.show([(*line, Span(" " * max(1, gap)), mine)])

    def _mine(self) -> Span:
        """How many cases we hold, where this is not the only one."""
        own = self.console_app.state.own_claims()
        others = any(row.case_id != self._case_id for row in own)
        return Span(f"mine {len(own)}" if others else "", "warn")

    def _page(  # noqa: PLR0911 (one per section)
        self, state: ConsoleState, section: int, sheet: Sheet, *, whole: bool
    ) -> list[Line]:
        opened = self._opened(state)
        if opened is None or opened.detail is None:
            reason = opened.error if opened else ""
            return sheet.text(reason, "", "warn") if reason else [said("Reading the case ...", "dim")]
        detail, events = opened.detail, opened.events
        match SECTIONS[section]:
            case "assessment":
                return assessment_section(detail, events, sheet, whole=whole)
            case "findings":
                hint = f"{sheet.key('expand')}: {'only the claims' if whole else 'the rows behind them'}"
                return findings_section(detail, sheet, events, whole=whole, hint=hint)
            case "tools":
                return tools_section(detail, events, sheet, whole=whole)
            case "timeline":
                return timeline_section(events, sheet)
            case "customer":
                ring = state.ring(detail.case.alert.customer_id)
                return customer_section(detail, sheet, ring, whole=whole)
            case _:
                return trigger_section(detail, events, sheet)

    def _show_banner(self, state: ConsoleState) -> int:
        """A decision on its way, or the line to the server when that is not as it should be.

        Returns how many rows that takes.
        """
        pane = self.query_one("#banner", LineView)
        sheet = self.sheet(pane)
        line = (
            sending.on_this_case(state, self._case_id)
            or status.away_banner(state, sheet)
            or status.silence_banner(state, sheet)
        )
        return pane.tell(line, BANNER_ROWS)

    def _turn_to(self, section: int) -> None:
        page = self.query_one("#page", LineView)
        self._tops[self._section] = page.top
        self._section = section % len(SECTIONS)
        self.console_app.repaint()
        self._point()
        page.to_line(self._tops.get(self._section, 0))
        self.console_app.repaint()

    def action_next_section(self) -> None:
        self._turn_to(self._section + 1)

    def action_previous_section(self) -> None:
        self._turn_to(self._section - 1)

    def action_section_1(self) -> None:
        self._turn_to(0)

    def action_section_2(self) -> None:
        self._turn_to(1)

    def action_section_3(self) -> None:
        self._turn_to(2)

    def action_section_4(self) -> None:
        self._turn_to(3)

    def action_section_5(self) -> None:
        self._turn_to(4)

    def action_section_6(self) -> None:
        self._turn_to(5)

    def action_find(self) -> None:
        self.query_one(FindInput).begin(" ".join(self._sought.words))
        self.console_app.repaint()

    @property
    def _found(self) -> bool:
        """Whether a line is pointed at; until that is left, the next line is what comes next, and no case."""
        return self._sought.at is not None

    def action_next_case(self) -> None:
        if self._found or (self._in_vain is not None and ticks() - self._in_vain < MESSAGE_SECONDS):
            self.find("")
        else:
            super().action_next_case()

    def action_find_before(self) -> None:
        if self._found:
            self.find("", back=True)

    def with_case(self, what: str, words: str = "") -> None:
        if BY_NAME[what].changes:
            self.stop_finding()
        super().with_case(what, words)

    def find(self, text: str, *, back: bool = False) -> None:
        """Go to the next line that has the words, here or in a later section, or back to one before."""
        sought = self._sought.typed(text)
        places = self._places(sought.words, whole=self._whole)
        page, at = self.query_one("#page", LineView), sought.at
        seen = at is not None and at[0] == self._section and page.in_view(at[1])
        here = at if at is not None and seen else (self._section, page.top - 1)
        self._sought = sought.next(places, here, back=back)
        if self._sought.at is not None and self._sought.at[0] != self._section:
            self._turn_to(self._sought.at[0])
        self._point()
        self._in_vain = ticks() if sought.words and not places else None
        if sought.words:
            self._tell_found(places)

    def _places(self, words: Words, *, whole: bool) -> list[Place]:
        """Where in the case the words are, as it is shown or as it is with all its rows."""
        state, sheet = self.console_app.state, self.sheet(self.query_one("#page", LineView))
        pages = [self._page(state, at, sheet, whole=whole) for at in range(len(SECTIONS))]
        return found_in(pages, words)

    def _tell_found(self, places: Sequence[Place]) -> None:
        at = self._sought.at
        told = self._sought.told(places, f", section {SECTIONS[at[0]]}" if at else "")
        if at is None and not self._whole and self._places(self._sought.words, whole=True):
            told += f" {key_of('expand', self.console_app.actions)} shows more, and there it is."
        self.console_app.say(told, "" if at else "warn")

    def stop_finding(self) -> None:
        """Mark nothing any more. The words can still be gone on with."""
        self._in_vain = None
        self._sought = Sought(self._sought.words)
        self.query_one("#page", LineView).point_at((), None)
        self.console_app.repaint()

    def _point(self) -> None:
        """Mark what was found in the section that is shown."""
        at = self._sought.at
        line = at[1] if at is not None and at[0] == self._section else None
        self.query_one("#page", LineView).point_at(self._sought.words if at else (), line)

    def action_expand(self) -> None:
        self._whole = not self._whole
        if SECTIONS[self._section] not in EXPANDABLE:
            self._turn_to(SECTIONS.index("tools"))
        self.console_app.repaint()

    def action_down(self) -> None:
        self._scroll(1)

    def action_up(self) -> None:
        self._scroll(-1)

    def action_half_down(self) -> None:
        self._scroll(self.query_one("#page", LineView).half_page)

    def action_half_up(self) -> None:
        self._scroll(-self.query_one("#page", LineView).half_page)

    def action_page_down(self) -> None:
        self._scroll(self.query_one("#page", LineView).whole_page)

    def action_page_up(self) -> None:
        self._scroll(-self.query_one("#page", LineView).whole_page)

    def action_top(self) -> None:
        self.query_one("#page", LineView).to_top()
        self.console_app.repaint()

    def action_bottom(self) -> None:
        self.query_one("#page", LineView).to_bottom()
        self.console_app.repaint()

    def _scroll(self, rows: int) -> None:
        self.query_one("#page", LineView).scroll_lines(rows)
        self.console_app.repaint()

    def action_next_listed(self) -> None:
        self.console_app.opening.open_beside(self._case_id, 1)

    def action_previous_listed(self) -> None:
        self.console_app.opening.open_beside(self._case_id, -1)

    def action_back(self) -> None:
        if self._found:
            self.stop_finding()
        else:
            self.console_app.opening.leave()

    def action_close(self) -> None:
        self.console_app.opening.leave()


def _settled(opened: OpenCase | None) -> bool:
    """Whether a case has been read, or could not be."""
    return opened is not None and bool(opened.detail or opened.error)


def _shown(opened: OpenCase | None, row: CaseSummary | None) -> CaseSummary | None:
    """The row of the case that fits the assessment on the screen, even where a newer one is known."""
    detail = opened.detail if opened else None
    if detail is None or (row is not None and question(row) == question(detail.summary)):
        return row
    return with_other_cases(detail.summary, row.other_cases) if row else detail.summary


def _count(opened: OpenCase | None, section: str) -> int:
    """How much there is in a section, for its tab."""
    if opened is None or opened.detail is None:
        return 0
    match section:
        case "findings":
            newest = max((finding.attempt for finding in opened.detail.findings), default=0)
            return sum(finding.attempt == newest for finding in opened.detail.findings)
        case "timeline":
            return len(opened.events)
        case "customer":
            return sum(other.case_id != opened.case_id for other in opened.detail.related)
        case _:
            return 0
