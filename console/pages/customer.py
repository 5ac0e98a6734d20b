"""The customer behind a case: at a glance, what is shared with others, and their other cases."""

from collections.abc import Mapping, Sequence

from casework.glance import Glance, Series, glance
from casework.links import LinkedCustomer, LinkedEntities, SharedThing, linked_entities
from casework.views import CaseDetail, CaseSummary
from console.format import money, plural, risk_text, words
from console.lines import BLANK, Line, Span, Tone, outside, said
from console.pages.claims import rows_text
from console.pages.rows import row, status_text
from console.pages.sheet import Sheet, hanging
from console.sparks import sparkline

FEW = 4
"""Things shared, and customers behind each, that are shown unless all are asked for."""


def customer_section(detail: CaseDetail, sheet: Sheet, *, whole: bool = False) -> list[Line]:
    """Who the customer is, who else is near, and what was there before."""
    customer_id = detail.case.alert.customer_id
    return [
        *glance_lines(glance(customer_id, detail.findings), sheet),
        BLANK,
        *link_lines(detail, sheet, whole=whole),
        BLANK,
        *earlier_lines(detail, sheet),
    ]


def glance_lines(seen: Glance, sheet: Sheet) -> list[Line]:
    """The customer in a few lines and a sparkline for each of usage, spend and logins."""
    lines = [sheet.heading(f"customer {seen.customer_id} at a glance")]
    lines += hanging("  who      ", _who(seen), "", sheet, "dim")
    lines += hanging("  account  ", _account(seen), "", sheet, "dim")
    for series in seen.series:
        lines += _series(series, sheet)
    return lines


def _who(seen: Glance) -> str:
    known = [
        seen.name or "name not looked up",
        seen.loyalty,
        f"customer since {seen.since}" if seen.since else None,
        plural(seen.subscriptions, "subscription") if seen.subscriptions is not None else None,
    ]
    return ", ".join(part for part in known if part)


def _account(seen: Glance) -> str:
    since = f" since {seen.account_since}" if seen.account_since else ""
    known = [
        f"{seen.account}{since}" if seen.account else "not looked up",
        f"owes {money(seen.owes)}" if seen.owes is not None else None,
        plural(seen.open_tickets, "open ticket") if seen.open_tickets is not None else None,
        f"data ends {seen.data_as_of}" if seen.data_as_of else None,
    ]
    return ", ".join(part for part in known if part)


def _series(series: Series, sheet: Sheet) -> list[Line]:
    lead = f"  {series.name:<8} "
    if series.missing:
        return hanging(lead, series.missing, "warn", sheet, "dim")
    figures = _figures(series)
    room = max(4, sheet.width - len(lead) - len(figures) - 1)
    drawn = sparkline(series.values[-room:], sheet.glyphs)
    tone: Tone = "bad" if series.name == "failed" and any(series.values) else "accent"
    return [(Span(lead, "dim"), Span(drawn, tone), Span(f" {figures}"))]


def _figures(series: Series) -> str:
    """The latest figure beside what is usual and the highest, so that the line can be read as numbers."""
    known = sorted(value for value in series.values if value is not None)
    latest = series.values[-1]
    last = "none" if latest is None else f"{latest:,.0f}"
    unit = f" {series.unit}" if series.unit else ""
    return f"last {last}, usual {known[len(known) // 2]:,.0f}, most {known[-1]:,.0f}{unit} a {series.per}"


def link_lines(detail: CaseDetail, sheet: Sheet, *, whole: bool) -> list[Line]:
    """What is shared as a tree: the thing, who else uses it, and the cases about them."""
    links = linked_entities(detail.findings)
    lines = [sheet.heading("linked entities")]
    if links.missing:
        return [*lines, *sheet.text(links.missing, "  ", "warn")]
    if not links.things:
        return [*lines, said("  shares no device, address, card or phone with anybody", "good")]
    lines.append(said(f"  customer {detail.case.alert.customer_id} shares", "strong"))
    return [*lines, *_tree(links, _by_customer(detail.linked_cases), sheet, whole=whole)]


def _by_customer(cases: Sequence[CaseSummary]) -> Mapping[int, Sequence[CaseSummary]]:
    found: dict[int, list[CaseSummary]] = {}
    for case in cases:
        found.setdefault(case.customer_id, []).append(case)
    return found


def _tree(
    links: LinkedEntities, cases: Mapping[int, Sequence[CaseSummary]], sheet: Sheet, *, whole: bool
) -> list[Line]:
    shown = links.things if whole else links.things[:FEW]
    hidden = len(links.things) - len(shown)
    lines: list[Line] = []
    for number, thing in enumerate(shown, start=1):
        last = number == len(shown) and not hidden and not links.more_links
        lines += _thing(thing, cases, sheet, last=last, whole=whole)
    if hidden:
        lines.append(said(f"  ... {hidden} more shared, x shows them", "warn"))
    if links.more_links:
        lines.append(said(f"  ... {plural(links.more_links, 'more linked customer')} not looked up", "warn"))
    return lines


def _thing(
    thing: SharedThing,
    cases: Mapping[int, Sequence[CaseSummary]],
    sheet: Sheet,
    *,
    last: bool,
    whole: bool,
) -> list[Line]:
    glyphs = sheet.glyphs
    stem = f"  {glyphs.corner if last else glyphs.branch}{glyphs.rule} "
    below = "     " if last else f"  {glyphs.bar}  "
    others = thing.others if whole else thing.others[:FEW]
    more = len(thing.others) - len(others)
    lines = hanging(stem, f"{thing.kind} {thing.value}", "accent", sheet, "dim")
    for number, other in enumerate(others, start=1):
        end = number == len(others) and not more
        twig = f"{below}{glyphs.corner if end else glyphs.branch}{glyphs.rule} "
        lines += _other(other, cases.get(other.customer_id, ()), twig, sheet, whole=whole)
    if more:
        lines.append(said(f"{below}{glyphs.corner}{glyphs.rule} {more} more, x shows them", "warn"))
    return lines


def _other(
    other: LinkedCustomer, cases: Sequence[CaseSummary], twig: str, sheet: Sheet, *, whole: bool
) -> list[Line]:
    about = "; ".join(_case(case, sheet) for case in cases) or "no case"
    rows = f"  [{rows_text(other.rows)}]" if whole and other.rows else ""
    lead = f"{twig}customer {other.customer_id}  "
    return hanging(lead, f"{about}{rows}", "warn" if cases else "dim", sheet, "")


def _case(case: CaseSummary, sheet: Sheet) -> str:
    return f"{case.case_id} {words(status_text(case, sheet))} risk {risk_text(case.risk).strip()}"


def earlier_lines(detail: CaseDetail, sheet: Sheet) -> list[Line]:
    """Other cases of the same customer, newest first."""
    others = [other for other in detail.related if other.case_id != detail.case.case_id]
    if not others:
        return [said(f"Customer {detail.case.alert.customer_id} has no other case.", "dim")]
    lines: list[Line] = [sheet.heading(f"other cases of customer {detail.case.alert.customer_id}")]
    for other in others:
        lines += [row(other, sheet), (Span("    "), outside(other.case_id, "dim"))]
    return lines
