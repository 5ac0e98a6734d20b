"""The customer behind a case: at a glance, what is shared with others, and their other cases."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from casework.glance import Glance, Series, glance
from casework.links import LinkedCustomer, LinkedEntities, SharedThing, linked_entities
from casework.views import CaseDetail, CaseSummary
from console.format import money, plural, risk_text, words
from console.lines import BLANK, Line, Span, Tone, outside, said
from console.pages.claims import rows_text
from console.pages.rows import row, status_text
from console.pages.sheet import Sheet, hanging
from console.sparks import sparkline

Ring = Mapping[int, Sequence[CaseSummary]]
"""Linked customers and their cases as the queue knows them, whichever case's findings link them."""
FEW = 4
"""Things shared, customers behind each and cases of each, that are shown unless all are asked for."""
MOST_CASES = 40
"""Of one customer; whoever has more is looked for in the queue."""


def customer_section(
    detail: CaseDetail, sheet: Sheet, ring: Ring = MappingProxyType({}), *, whole: bool = False
) -> list[Line]:
    """Who the customer is, who else is near, and what was there before."""
    customer_id = detail.case.alert.customer_id
    return [
        *glance_lines(glance(customer_id, detail.findings), sheet),
        BLANK,
        *link_lines(detail, sheet, ring, whole=whole),
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
    line = (Span(lead, "dim"), Span(drawn, tone), Span(f" {figures}"))
    return [line, *sheet.text(series.left_out, " " * len(lead), "warn")] if series.left_out else [line]


def _figures(series: Series) -> str:
    """The latest figure beside what is usual and the highest, so that the line can be read as numbers."""
    known = sorted(value for value in series.values if value is not None)
    latest = series.values[-1]
    last = "none" if latest is None else f"{latest:,.0f}"
    unit = f" {series.unit}" if series.unit else ""
    return f"last {last}, usual {known[len(known) // 2]:,.0f}, most {known[-1]:,.0f}{unit} a {series.per}"


def link_lines(detail: CaseDetail, sheet: Sheet, ring: Ring, *, whole: bool) -> list[Line]:
    """What is shared as a tree: the thing, who else uses it, and the cases about them."""
    links = linked_entities(detail.findings)
    elsewhere = {customer: cases for customer, cases in ring.items() if customer not in links.customer_ids}
    return [
        sheet.heading("linked entities"),
        *_shared(detail, links, known_cases(detail, ring), sheet, whole=whole),
        *_linked_elsewhere(elsewhere, sheet, whole=whole),
    ]


def _shared(
    detail: CaseDetail, links: LinkedEntities, cases: Ring, sheet: Sheet, *, whole: bool
) -> list[Line]:
    if links.missing:
        return sheet.text(links.missing, "  ", "warn")
    if not links.things:
        return [said("  shares no device, address, card or phone with anybody", "good")]
    lead = said(f"  customer {detail.case.alert.customer_id} shares", "strong")
    return [lead, *_tree(links, cases, sheet, whole=whole)]


def _linked_elsewhere(ring: Ring, sheet: Sheet, *, whole: bool) -> list[Line]:
    """Customers who are linked by what other cases, or earlier attempts, found."""
    if not ring:
        return []
    lines = [said("  linked by findings of other cases or earlier attempts", "strong")]
    for number, (customer, cases) in enumerate(ring.items(), start=1):
        glyphs = sheet.glyphs
        twig = f"  {glyphs.corner if number == len(ring) else glyphs.branch}{glyphs.rule} "
        lines += _other(LinkedCustomer(customer_id=customer, rows=()), cases, twig, sheet, whole=whole)
    return lines


def known_cases(detail: CaseDetail, ring: Ring) -> dict[int, list[CaseSummary]]:
    """Each linked customer's cases once, as the queue has them where it does."""
    cases = {case.case_id: case for case in detail.linked_cases}
    cases |= {case.case_id: case for held in ring.values() for case in held}
    found: dict[int, list[CaseSummary]] = {}
    for case in cases.values():
        found.setdefault(case.customer_id, []).append(case)
    return found


def _tree(links: LinkedEntities, cases: Ring, sheet: Sheet, *, whole: bool) -> list[Line]:
    shown = links.things if whole else links.things[:FEW]
    hidden = len(links.things) - len(shown)
    lines: list[Line] = []
    for number, thing in enumerate(shown, start=1):
        last = number == len(shown) and not hidden and not links.more_links
        lines += _thing(thing, cases, sheet, last=last, whole=whole)
    if hidden:
        lines.append(said(f"  ... {hidden} more shared, {sheet.key('expand')} shows them", "warn"))
    if links.more_links:
        lines.append(said(f"  ... {plural(links.more_links, 'more linked customer')} not looked up", "warn"))
    return lines


def _thing(
    thing: SharedThing,
    cases: Ring,
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
        expand = sheet.key("expand")
        lines.append(said(f"{below}{glyphs.corner}{glyphs.rule} {more} more, {expand} shows them", "warn"))
    return lines


def _other(
    other: LinkedCustomer, cases: Sequence[CaseSummary], twig: str, sheet: Sheet, *, whole: bool
) -> list[Line]:
    shown = cases[: MOST_CASES if whole else FEW]
    more = [f"{len(cases) - len(shown)} more"] if len(cases) > len(shown) else []
    about = "; ".join([*(_case(case, sheet) for case in shown), *more]) or "no case"
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
