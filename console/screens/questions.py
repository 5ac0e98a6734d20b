"""Panels that ask: yes or no, one of several, and what was refused to be read."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from console.codes import Codes
from console.format import UNICODE, Glyphs
from console.lines import Line, Span, Tone
from console.screens.panels import AGAIN, WENT_ON, Again, Check, Keys, Page
from console.screens.reading import SCROLLING, TURNING, ReadingPanel


class ConfirmPanel(ReadingPanel[bool | Again]):
    """A question answered with enter or esc. No letter says yes: each means something else elsewhere."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "answer(True)", show=False, priority=True),
        Binding("escape,q", "answer(False)", show=False, priority=True),
        Binding("a", "again", show=False, priority=True),
        Binding("tab,right", "code(1)", show=False, priority=True),
        Binding("shift+tab,left", "code(-1)", show=False, priority=True),
        *SCROLLING,
    ]

    def __init__(
        self,
        title: str,
        page: Page,
        glyphs: Glyphs = UNICODE,
        *,
        check: Check | None = None,
        codes: Codes | None = None,
        over: Callable[[], bool] | None = None,
        went_on: str = WENT_ON,
    ) -> None:
        super().__init__(title, page, glyphs, check=check, codes=codes, went_on=went_on)
        self._over = over
        """Says that there is nothing left to ask; until then the page is about time, and kept up with it."""

    def recheck(self) -> bool:
        """Go away by itself once there is nothing left to ask."""
        if self._over is None:
            return super().recheck()
        if not self._ready:
            return False
        if self._over():
            self.on_answer = None  # nobody answered: keys that come now are commands, as the screen shows
            self.dismiss(False)
            return True
        self._fill()
        return False

    def keys(self) -> Keys:
        return (("enter", "do it"), ("esc", "back, nothing happens"))

    def action_code(self, by: int) -> None:
        self.step_code(by)

    def action_answer(self, yes: bool) -> None:
        if not (yes and self.recheck()):
            self.dismiss(yes)

    def action_again(self) -> None:
        if self._overtaken:
            self.dismiss(AGAIN)


class NoticePanel(ReadingPanel[bool]):
    """Something to be read; where it makes sense, `a` asks again on what is shown now."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,escape,q", "answer(False)", show=False, priority=True),
        Binding("a", "again", show=False, priority=True),
        *SCROLLING,
    ]

    def __init__(
        self, title: str, page: Page, glyphs: Glyphs = UNICODE, *, again: bool = False, tone: Tone = "heading"
    ) -> None:
        super().__init__(title, page, glyphs, tone)
        self._again = again

    def keys(self) -> Keys:
        again = (("a", "decide again, on this"),) if self._again else ()
        return (*again, ("esc", "back"))

    def action_answer(self, again: bool) -> None:
        self.dismiss(again)

    def action_again(self) -> None:
        if self._again:
            self.dismiss(True)


class ChoicePanel(ReadingPanel[int | Again | None]):
    """One of a few numbered choices; the page shows what the one under the cursor would do."""

    TAKES_AHEAD = frozenset({"escape", "j", "k", "up", "down", *"123456789"})

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", show=False, priority=True),
        Binding("k,up", "move(-1)", show=False, priority=True),
        Binding("enter", "take", show=False, priority=True),
        Binding("escape,q", "leave", show=False, priority=True),
        Binding("a", "again", show=False, priority=True),
        *TURNING,
        *(Binding(str(digit), f"pick({digit - 1})", show=False, priority=True) for digit in range(1, 10)),
    ]

    def __init__(
        self,
        title: str,
        choices: Sequence[str],
        page: Callable[[int, int], Sequence[Line]],
        glyphs: Glyphs,
        check: Check | None = None,
        *,
        at: int = 0,
    ) -> None:
        super().__init__(title, self._lines, glyphs, check=check)
        self._choices = choices
        self._about = page
        self._index = at

    def _lines(self, width: int) -> Sequence[Line]:
        lines: list[Line] = []
        for index, choice in enumerate(self._choices):
            mark = self.glyphs.cursor if index == self._index else " "
            tone: Tone = "strong" if index == self._index else ""
            lines.append((Span(f"{mark} ", "accent"), Span(f"{index + 1} ", "key"), Span(choice, tone)))
        pages = [self._about(index, width) for index in range(len(self._choices))]
        tallest = max(map(len, pages), default=0)
        told = pages[self._index]
        return [*lines, (), *told, *[()] * (tallest - len(told))]  # so that choosing moves nothing else

    def keys(self) -> Keys:
        return (("1-9 j k", "choose"), ("enter", "go on"), ("esc", "back"))

    def action_move(self, rows: int) -> None:
        self._index = (self._index + rows) % len(self._choices)
        self.hush()

    def action_pick(self, index: int) -> None:
        if index < len(self._choices):
            self._index = index
            self.hush()

    def action_take(self) -> None:
        if not self.recheck():
            self.dismiss(self._index)

    def action_again(self) -> None:
        if self._overtaken:
            self.dismiss(AGAIN)

    def action_leave(self) -> None:
        self.dismiss(None)


class HarmlessChoice(ChoicePanel):
    """A choice that decides nothing: enter may be typed before it is seen."""

    TAKES_AHEAD = ChoicePanel.TAKES_AHEAD | {"enter"}
