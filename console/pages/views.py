"""The saved views above the queue as one line: whole where there is room, shorter step by step where not."""

from collections.abc import Sequence

from console.format import clean
from console.lines import Line, Span, Tone, width_of
from console.pages.sheet import Sheet
from console.saved_views import SavedView

Form = tuple[str, str, str]
"""What a view is written as: whole, without its count, and by its key alone where it has one."""


def views_line(views: Sequence[SavedView], counts: Sequence[int], at: int, sheet: Sheet) -> Line:
    """The saved views by key, with how many cases each shows; the one at a place is the one in use.

    Where not all of it fits, views that show none have their name as far as there is room, or only the key;
    then others lose their counts and then their names, the last first. The one in use stays whole, in sight.
    """
    forms = [
        _forms(sheet.key_alone(f"view_{index + 1}"), clean(view.name), count)
        for index, (view, count) in enumerate(zip(views, counts, strict=True))
    ]
    line = [
        Span(f"[{form[0].strip()}]", "heading") if index == at else Span(form[0], _tone(count))
        for index, (form, count) in enumerate(zip(forms, counts, strict=True))
    ]
    if width_of(line) > sheet.width:
        _shorten_empty(line, forms, [i for i, count in enumerate(counts) if i != at and not count], sheet)
    filled = [index for index, count in enumerate(counts) if index != at and count]
    for form in (1, 2):
        for index in reversed(filled):
            if width_of(line) > sheet.width:
                line[index] = Span(forms[index][form])
    return _in_sight(line, at, sheet)


def _forms(key: str, name: str, count: int) -> Form:
    named = f" {key} {name}" if key else f" {name}"
    return f"{named} {count} ", f"{named} ", f" {key}" if key else f"{named} "


def _tone(count: int) -> Tone:
    return "" if count else "dim"


def _shorten_empty(line: list[Span], forms: Sequence[Form], empty: Sequence[int], sheet: Sheet) -> None:
    """Views that show nothing by their keys, and those by their names for which there is room."""
    for index in empty:
        line[index] = Span(forms[index][2], "dim")
    for index in empty:
        before, line[index] = line[index], Span(forms[index][1], "dim")
        if width_of(line) > sheet.width:
            line[index] = before
            return


def _in_sight(line: Sequence[Span], at: int, sheet: Sheet) -> Line:
    """A line that begins so far on that the view in use can be seen, where it is too wide as a whole."""
    first = 0
    while first < at and width_of(line[first : at + 1]) >= sheet.width < width_of(line):
        first += 1
    return tuple(line) if first == 0 else (Span(sheet.glyphs.ellipsis, "dim"), *line[first:])
