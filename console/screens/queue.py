"""The queue: every open case in the order it matters, live, with a filter and a preview."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.geometry import Region
from textual.widgets import Input

from casework.filters import FilterError
from casework.views import CaseSummary
from console.actions import BY_NAME, Scope, key_of, keys_of
from console.case_list import CaseList
from console.clock import ticks
from console.format import clean
from console.lines import Line, Span, said, width_of
from console.ordering import QueueOrder
from console.pages import sending, status
from console.pages.preview import in_view, preview, recent
from console.pages.views import views_line
from console.places import Listed
from console.saved_views import SAVED
from console.screens.marking import MarkingScreen
from console.screens.work import BANNER_ROWS, MESSAGE_ROWS, bindings_for
from console.slipping import Slip, why_it_left
from console.state import ConsoleState
from console.widgets.case_table import CaseTable
from console.widgets.filter_input import FilterInput
from console.widgets.line_pane import LinePane
from console.widgets.line_view import LineView
from console.widgets.toasts import Toasts

PREVIEW_FROM = 100
THREE_PANES_FROM = 160
WIDE_TABLE_FROM = 120
WIDE_TABLE = 81
"""From here on a list with all its columns leaves a preview that can be read."""


class QueueScreen(MarkingScreen):
    """One pane on a small terminal, list and preview from 100 columns, three panes from 160."""

    scope: ClassVar[Scope] = "queue"
    CSS_PATH = "../styles/queue.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for("queue")]
    WHILE_TYPING = (("enter", "keep the filter"), ("esc", "clear it"))

    def __init__(self) -> None:
        super().__init__()
        self._typed = ""
        self._complaint = ""
        self._list = CaseList()
        self._slip = Slip()

    def compose(self) -> ComposeResult:
        yield LineView(id="status", classes="bar")
        yield LineView(id="views", classes="bar")
        yield LineView(id="banner", classes="bar")
        back = keys_of("back", self.console_app.actions)
        yield FilterInput(self.keep_filter, self.action_back, back)
        with Horizontal(id="panes"):
            yield CaseTable(id="table")
            yield LineView(id="preview")
            yield LineView(id="stream")
        with Vertical(id="bottom"):
            yield LineView(id="telemetry", classes="bar")
            yield LineView(id="footer", classes="bar")
        yield Toasts()

    @property
    def case_shown(self) -> CaseSummary | None:
        return self.query_one(CaseTable).selected

    @property
    def row_in_hand(self) -> Region:
        return self.query_one(CaseTable).cursor_row

    @property
    def filtered_by(self) -> str:
        """What was typed to narrow the list, as far as it can be understood."""
        return self._typed

    @property
    def listed(self) -> QueueOrder:
        return self._list.order

    def on_mount(self) -> None:
        for view in self.query(LinePane):
            view.glyphs = self.console_app.glyphs
        box = self.query_one("#filter", Input)
        box.display = box.cursor_blink = False
        self.query_one("#banner").display = False

    def on_resize(self) -> None:
        wide = self.size.width
        self.query_one(CaseTable).styles.min_width = WIDE_TABLE if wide >= WIDE_TABLE_FROM else None
        self.query_one("#preview").display = wide >= PREVIEW_FROM
        self.query_one("#stream").display = wide >= THREE_PANES_FROM
        self.call_after_refresh(self.console_app.repaint)

    def show(self, state: ConsoleState, *, force: bool = False) -> None:
        """Render the state; every pane sends only the lines that differ from what it shows."""
        table = self.query_one(CaseTable)
        sheet = self.sheet(table)
        self._list.follow(state, self.console_app.now())
        self.unfinished = self._list.unfinished
        shown, view = len(self._list.order), self._list.view
        in_view = self._list.view_counts[self._list.at]
        notice = status.queue_notice(
            state, shown, self._typed, view, sheet, in_view=in_view, elsewhere=self._list.elsewhere
        )
        which, loading = Listed(self._list.at, self._typed), state.loaded_at is None
        table.show(self._list.order, sheet, notice, self._marks, which=which, loading=loading)
        self._tell_of_slip(state, table.slipped_off())
        below = self._show_bars(state)
        self._show_preview(state, table.selected)
        self.show_toasts(self.size.height - below)

    def _tell_of_slip(self, state: ConsoleState, case_id: str | None) -> None:
        """Somebody else took the case from under the cursor: say so, and beware of keys meant for it."""
        if case_id is not None and not self._marks and self.console_app.top is self:
            self._slip.happened(case_id, ticks())
            told = f"{case_id} left this list: {why_it_left(state.cases.get(case_id))}."
            self.call_later(self.console_app.say, told, "warn")

    def with_case(self, what: str, words: str = "") -> None:
        slipped = self._slip.takes(ticks()) if BY_NAME[what].changes else ""
        if slipped:
            self.console_app.say(f"Not taken: {slipped} had just left from under the cursor.", "warn")
        else:
            super().with_case(what, words)

    def _show_bars(self, state: ConsoleState) -> int:
        """Everything around the list; returns how many rows the keys or the message take."""
        bar = self.query_one("#status", LineView)
        sheet = self.sheet(bar)
        readonly = self.console_app.settings.readonly
        due = self._list.due
        bar.show([status.status_line(state, self._list.counts, sheet, due=due, readonly=readonly)])
        views = self.query_one("#views", LineView)
        line = views_line(self._list.views, self._list.view_counts, self._list.at, self.sheet(views))
        views.show([line])
        told = sending.from_the_queue(state, sheet.now) or status.away_banner(state, sheet)
        self.query_one("#banner", LineView).tell(told, BANNER_ROWS)
        rows = self.query_one("#footer", LineView).tell(self._bottom_line(state), MESSAGE_ROWS)
        self._show_telemetry(state, rows)
        return rows

    def _bottom_line(self, state: ConsoleState) -> Line:
        """What was said last, what is wrong with the filter, or the keys and where the cursor is."""
        position = self._position(state)
        if self.console_app.message or not self._complaint:
            return self.console_app.message or self.footer_line(self.size.width, position)
        beside = width_of(position) <= self.size.width // 2
        return self.footer_line(self.size.width, position) if beside else said(f" {self._complaint}", "bad")

    def _show_telemetry(self, state: ConsoleState, rows_below: int) -> None:
        """Telemetry gives its rows to a message that needs more than one, so that the list stays."""
        strip = self.query_one("#telemetry", LineView)
        most = 1 if self.size.height < 30 else min(4, 1 + len(state.telemetry.latest))  # none are left blank
        rows = most - (rows_below - 1)
        strip.display = self.size.width < THREE_PANES_FROM and rows > 0
        strip.styles.height = max(1, rows)
        sheet = self.sheet(strip)
        if strip.size.height <= 1:
            newest = status.telemetry_lines(state.telemetry, sheet, 1)
            strip.show(
                [(*status.telemetry_heading(state.telemetry, sheet)[:2], *(newest[0] if newest else ()))]
            )
            return
        lines = status.telemetry_lines(state.telemetry, sheet, strip.size.height - 1)
        strip.show([status.telemetry_heading(state.telemetry, sheet), *lines])

    def _show_preview(self, state: ConsoleState, selected: CaseSummary | None) -> None:
        pane, stream = self.query_one("#preview", LineView), self.query_one("#stream", LineView)
        opened = state.opened
        if selected is None or opened is None or opened.case_id != selected.case_id:
            opened = None
        if pane.display:
            sheet = self.sheet(pane)
            lines = preview(selected, opened, sheet) if selected else []
            pane.show(in_view(lines, pane.size.height, sheet))
        self.console_app.opening.look_soon(selected.case_id if selected else None, shown=pane.display)
        if stream.display:
            stream.show(recent(state, opened, self.sheet(stream), stream.size.height))

    def _position(self, state: ConsoleState) -> Line:
        if self._complaint:
            return (Span(f"{self._complaint} ", "bad"),)
        at, total = self.query_one(CaseTable).position
        shown = (state.version, self._list.at, self._typed, total)
        ends = key_of("mark_range", self.console_app.actions)
        marked = self._marks.said(self._list.order, state.cases, ends, *shown)
        filtered = f" /{clean(self._typed)}" if self._typed else ""
        beyond = f" of {state.open_total:,} open" if state.open_beyond else ""
        return (
            Span(f"{at}/{total:,}{beyond}", "strong"),
            Span(f" {marked}" if marked else "", "warn"),
            Span(f"{filtered} ", "accent"),
        )

    def on_input_changed(self, event: Input.Changed) -> None:
        self._filter_by(event.input.value)  # the news may be older than what the field holds by now
        self.console_app.repaint()

    def _filter_by(self, text: str) -> None:
        """Use a filter as soon as it can be understood; until then the last good one stays."""
        try:
            self._list.narrow(text)
            self._typed = text.strip()
            self._complaint = ""
        except FilterError as error:
            self._complaint = str(error)

    def keep_filter(self) -> None:
        """Keep the filter. Typed in a burst, enter comes before the changes are told, so it is read here."""
        box = self.query_one("#filter", Input)
        self._filter_by(box.value)
        box.display = bool(self._typed)
        self.set_focus(None)
        self._search()
        self.console_app.repaint()

    def action_filter(self) -> None:
        self._marks.keep_range()
        box = self.query_one("#filter", Input)
        box.display = True
        self.set_focus(box)
        self.console_app.repaint()

    def filter_to(self, text: str) -> None:
        """Filter by a text; without one, let it be typed."""
        self.action_filter()
        if text:
            self.query_one("#filter", Input).value = text
            self._filter_by(text)
            self.set_focus(None)
            self._search()
        self.console_app.repaint()

    def _search(self) -> None:
        """What was typed is meant: look for it at the server as well."""
        if self._typed and not self._complaint:
            self.console_app.searching.begin(self._list.filter)

    def action_back(self) -> None:
        """Leave the filter and clear it, or else take a range or all marks off; never quit."""
        box = self.query_one("#filter", Input)
        if not box.display:
            self.drop_marks()
        box.value = ""
        box.display = False
        self._filter_by("")
        self.set_focus(None)
        self.console_app.repaint()

    def action_view(self, at: int) -> None:
        """Show a saved view; what was typed into the filter stays, and so do marks."""
        self._marks.keep_range()
        self._list.choose(at)
        self.console_app.repaint()

    def show_view(self, name: str) -> None:
        """Show a saved view by its name."""
        self.action_view(next(at for at, view in enumerate(SAVED) if view.name == name))

    def action_open(self) -> None:
        if (case_id := self.case_in_hand) is not None:
            self.console_app.opening.open(case_id)

    def action_close(self) -> None:
        self.console_app.quit_if_meant()
