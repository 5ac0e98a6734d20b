"""What deciding on many cases would do, group by group and then case by case, before it is done."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from casework.action import Action
from casework.actor import Actor
from casework.decision import Stage
from casework.views import BulkItem, BulkResponse, CaseSummary
from console.format import clean, money, plural, span, words
from console.lines import BLANK, Line, Span, Tone, said
from console.pages.decision import UNDO, in_words
from console.pages.sheet import Sheet, hanging

MOST_OF_WHY = 3
MOST_NAMED = 3

Order = Action | Literal["reject", "escalate"]
Pair = tuple[Order, CaseSummary]
"""What is ordered for a case, and its row as it was on the screen."""


def preview(
    rows: Sequence[CaseSummary], items: Sequence[BulkItem], me: Actor | None, sheet: Sheet
) -> list[Line]:
    """What will become of each group, what may stand in the way, and on which cases."""
    by_id = {row.case_id: row for row in rows}
    pairs = [(_order(item), by_id[item.case_id]) for item in items]
    lines: list[Line] = []
    for order, group in _groups(pairs).items():
        lines += [*_group(order, group, sheet), BLANK]
    if left_out := len(rows) - len(items):
        lines += sheet.text(f"{plural(left_out, 'marked case')} not waiting for that, left out", "", "dim")
    lines += _warnings(pairs, me, sheet)
    if code := items[0].reason_code:
        lines += sheet.text(f"reason: {words(code)}", "", "dim")
    if why := items[0].feedback:
        lines += sheet.text(f"why: {why}", "", "dim")[:MOST_OF_WHY]
    if lines[-1] != BLANK:
        lines.append(BLANK)
    return [*lines, sheet.heading(f"the {plural(len(items), 'case')}"), *_listed(pairs, me)]


def consequences(rows: Sequence[CaseSummary], action: Action, sheet: Sheet) -> list[Line]:
    """What one action for all of them would do, while it is being chosen."""
    return [*_effects(action, rows, sheet), *_override([(action, row) for row in rows], sheet)]


def recommended_for(rows: Sequence[CaseSummary], action: Action) -> str:
    """For how many of them an action is what is recommended, to stand behind its name."""
    count = sum(row.recommended_action is action for row in rows)
    if not count:
        return ""
    return "  (recommended)" if count == len(rows) else f"  (recommended for {count} of {len(rows)})"


def results(response: BulkResponse, sheet: Sheet, meanwhile: Mapping[str, str]) -> list[Line]:
    """Why each was refused, in the server's words, and what was done to it `meanwhile` if that is known."""
    lines = [said(f"{response.accepted} recorded, {response.refused} refused:", "strong")]
    for result in response.results:
        if not result.accepted:
            lines += [(Span(clean(result.case_id), "warn"),), *sheet.text(result.detail, "    ")]
            if told := meanwhile.get(result.case_id):
                lines += sheet.text(f"{told} meanwhile", "    ", "warn")
    return lines


def _order(item: BulkItem) -> Order:
    if item.action is not None:
        return item.action
    return "escalate" if item.escalate else "reject"


def _groups(pairs: Iterable[Pair]) -> Mapping[Order, list[CaseSummary]]:
    """The cases by what is ordered for them, the largest group first."""
    groups: dict[Order, list[CaseSummary]] = {}
    for order, row in pairs:
        groups.setdefault(order, []).append(row)
    return dict(sorted(groups.items(), key=lambda group: -len(group[1])))


def _group(order: Order, rows: Sequence[CaseSummary], sheet: Sheet) -> list[Line]:
    recommended = all(row.recommended_action is order for row in rows)
    title: Line = (
        Span(f"{len(rows):,} x {in_words(order) if isinstance(order, Action) else order}", "strong"),
        Span("  (recommended)" if recommended else "", "dim"),
    )
    if isinstance(order, Action):
        return [title, *_effects(order, rows, sheet)]
    return [title, *hanging("  does    ", _passing_on(order, rows), "", sheet, "dim")]


def _effects(action: Action, rows: Sequence[CaseSummary], sheet: Sheet) -> list[Line]:
    lines = hanging("  does    ", _does(action, rows), "strong", sheet, "dim")
    if undo := [UNDO[step] for step in action.steps]:
        lines += hanging("  undo    ", ", ".join(undo), "", sheet, "dim")
    return [*lines, *hanging("  when    ", _when(rows, sheet), "", sheet, "dim")]


def _does(action: Action, rows: Sequence[CaseSummary]) -> str:
    many = len({row.customer_id for row in rows})
    customers, accounts = plural(many, "customer"), "account" if many == 1 else "accounts"
    at_stake = sum(row.amount or 0 for row in rows)
    amount = f" ({money(at_stake)} in all)" if at_stake else ""
    match action:
        case Action.LOCK_ACCOUNT:
            return f"locks the {accounts} of {customers}"
        case Action.REFUND_CHARGES:
            return f"refunds the disputed charges of {customers}{amount}"
        case Action.BOTH:
            return f"locks the {accounts} of {customers} and refunds their disputed charges{amount}"
        case _:
            return "touches nothing; the cases end as cleared"


def _when(rows: Sequence[CaseSummary], sheet: Sheet) -> str:
    holds = sorted({row.hold_seconds for row in rows if row.hold_seconds is not None})
    until = f"until then {sheet.key('withdraw')} withdraws"
    if not holds:
        return f"after the hold that each case has; {until}"
    if holds[-1] == 0:
        return "at once"
    least = "" if len(holds) == 1 else f"{span(holds[0])} to "
    return f"after a hold of {least}{span(holds[-1])}; {until}"


def _passing_on(order: str, rows: Sequence[CaseSummary]) -> str:
    if order == "escalate":
        return "a senior decides from here on, within the senior deadline; it cannot be taken back"
    last = sum(row.attempt >= row.max_attempts for row in rows)
    again = "the agents begin again at once, with your feedback; it cannot be taken back"
    they = "has no attempt left and goes" if last == 1 else "have no attempt left and go"
    return f"{again}; {last} of them {they} to a senior" if last else again


def _warnings(pairs: Sequence[Pair], me: Actor | None, sheet: Sheet) -> list[Line]:
    """What may stand in the way of some, each with how many they are."""
    lines = _override(pairs, sheet)
    rows = [row for _, row in pairs]
    counted: tuple[tuple[int, str, Tone], ...] = (
        (sum(map(_needs_second, pairs)), "will need a second person (four-eyes)", "warn"),
        (sum(_beyond(row, me) for row in rows), "{needs} a role that you do not have", "bad"),
        (sum(bool(row.degraded) for row in rows), "{was} assessed degraded", "warn"),
    )
    for count, text, tone in counted:
        if count:
            verbs = {"needs": "needs", "was": "was"} if count == 1 else {"needs": "need", "was": "were"}
            lines += sheet.text(f"{plural(count, 'case')} {text.format(**verbs)}", "", tone)
    others = {name for row in rows if (name := _somebody_else(row, me))}
    if others:
        named = ", ".join(sorted(others)[:MOST_NAMED]) + (", ..." if len(others) > MOST_NAMED else "")
        lines += sheet.text(f"Others are working on some of them: {named}", "", "warn")
    return lines


def _somebody_else(row: CaseSummary, me: Actor | None) -> str:
    """Who holds a case, if that is not us."""
    return clean(row.claim.name) if row.claim and me and row.claim.actor_id != me.actor_id else ""


def _override(pairs: Sequence[Pair], sheet: Sheet) -> list[Line]:
    against = [order for order, row in pairs if _against(order, row)]
    if not against:
        return []
    asks = "; policy may ask for a second person" if set(against) - {Action.CLEAR} else ""
    return sheet.text(f"{len(against)} of {len(pairs)} against the recommendation{asks}", "", "bad")


def _against(order: Order, row: CaseSummary) -> bool:
    return isinstance(order, Action) and order is not row.recommended_action


def _needs_second(pair: Pair) -> bool:
    order, row = pair
    acts = isinstance(order, Action) and order is not Action.CLEAR
    return row.second_approver and acts and row.stage is not Stage.SECOND


def _beyond(row: CaseSummary, me: Actor | None) -> bool:
    needed = row.required_role
    return me is not None and needed is not None and (me.role is None or not me.role.includes(needed))


def _listed(pairs: Sequence[Pair], me: Actor | None) -> list[Line]:
    """Every case, numbered, with what is recommended where that is not what is ordered."""
    lines: list[Line] = []
    for at, (order, row) in enumerate(pairs, 1):
        spans = [
            Span(f"{at:>{len(str(len(pairs)))}} of {len(pairs)}  ", "dim"),
            Span(f"{row.risk or 0:.2f}  "),
            Span(clean(row.case_id)),
            Span(f"  customer {row.customer_id}", "dim"),
        ]
        spans += [Span(f"  {remark}", "warn") for remark in _remarks(row)]
        if holder := _somebody_else(row, me):
            spans.append(Span(f"  {holder} is working on it", "warn"))
        if _against(order, row):
            spans.append(Span(f"  recommended {in_words(row.recommended_action)}", "warn"))
        lines.append(tuple(spans))
    return lines


def _remarks(row: CaseSummary) -> list[str]:
    """What makes a case other than the usual one: that it was looked at before, and who is asked."""
    attempt = [f"attempt {row.attempt}"] if row.attempt > 1 else []
    if row.stage is Stage.SENIOR:
        return [*attempt, "senior"]
    if row.stage is Stage.SECOND:
        return [*attempt, "second approval"]
    return [*attempt, "four-eyes"] if row.second_approver else attempt
