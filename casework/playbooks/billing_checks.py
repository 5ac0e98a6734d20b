"""Checks over orders, invoices, payments and refunds: where the money went, and whether that is usual."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from statistics import median

from casework.finding import Claim
from casework.playbooks.evidence import RECENT_DAYS, Evidence
from casework.playbooks.location_checks import CREDENTIALS, REMOTE
from casework.playbooks.playbook import claim
from casework.playbooks.typed_rows import InvoiceRow, LogRow, OrderRow, refs
from casework.rules.durations import in_words

RAPID = timedelta(hours=1)
LARGE = 500.0
NEW_CUSTOMER_DAYS = 60
AFTER_INTRUSION = timedelta(hours=24)
STORED_VALUE = "gift card"
RETURN_WINDOW = timedelta(days=400)
SMALL_PAYMENT = 5.0
SIMILAR = 0.4
"""Of an order's amount: what was spent at once before for it to be nothing new."""


def rapid_orders(evidence: Evidence) -> Iterator[Claim]:
    """Several orders within an hour that add up."""
    recent = _recent_orders(evidence)
    best: Sequence[OrderRow] = ()
    for start, first in enumerate(recent):
        run = [order for order in recent[start:] if order.at - first.at <= RAPID]
        best = run if len(run) > len(best) else best
    total = sum(order.amount for order in best)
    if len(best) >= 3 and total >= LARGE:
        time = in_words((best[-1].at - best[0].at).total_seconds())
        text = f"{len(best)} orders for ${total:,.2f} within {time}"
        yield claim("rapid_orders", text, 0.5, refs(best))


def orders_after_intrusion(evidence: Evidence) -> Iterator[Claim]:
    """Orders within a day after a stranger came in or changed the credentials."""
    intrusions = [row for row in evidence.recent_log if _is_intrusion(evidence, row)]
    if not intrusions:
        return
    first = intrusions[0]
    orders = [o for o in _recent_orders(evidence) if first.at <= o.at <= intrusions[-1].at + AFTER_INTRUSION]
    if orders:
        total = sum(order.amount for order in orders)
        text = f"{_orders(len(orders))} for ${total:,.2f} after {_named(first)} at {first.at:%H:%M}"
        yield claim("orders_after_intrusion", text, 0.5, [*refs(orders), *refs(intrusions)])


def unusual_order(evidence: Evidence) -> Iterator[Claim]:
    """A large order, and what makes it likelier that the customer placed it."""
    recent = _recent_orders(evidence)
    large = [order for order in recent if order.amount >= LARGE]
    if not large:
        return
    top = max(large, key=lambda order: order.amount)
    text = f"order of {top.product} for ${top.amount:,.2f}"
    earlier = [order for order in evidence.orders if order.at < evidence.recent_since]
    yield claim("unusual_order", text, 0.2, refs([top]))
    alike = [o for o in earlier if o.amount >= SIMILAR * top.amount and o.status != "returned"]
    if alike:
        text = f"{_orders(len(alike))} of ${SIMILAR * top.amount:,.2f} or more before, not returned"
        yield claim("bought_alike_before", text, -0.15, refs(alike))
    own = [
        row
        for row in evidence.recent_log
        if row.signed_in
        and row.device_id in evidence.usual_devices
        and timedelta() <= top.at - row.at <= RAPID
    ]
    if own:
        text = "placed within an hour of a sign-in on the customer's own device"
        yield claim("ordered_from_own_device", text, -0.1, refs([*own, top]))
    paid = [
        payment
        for invoice in evidence.invoices
        for payment in invoice.payments
        if payment.status == "successful" and abs(payment.amount - top.amount) < 0.01
    ]
    if paid:
        yield claim("paid_at_once", f"a payment of ${top.amount:,.2f} went through", -0.1, refs(paid))


def new_customer_large_orders(evidence: Evidence) -> Iterator[Claim]:
    """A new account that orders for a lot of money."""
    since = evidence.customer_since
    orders = _recent_orders(evidence)
    total = sum(order.amount for order in orders)
    if since is None or total < 2 * LARGE:
        return
    age = (evidence.now.date() - since).days
    if age <= NEW_CUSTOMER_DAYS:
        text = f"{_orders(len(orders))} for ${total:,.2f} on an account {age} days old"
        yield claim("new_customer_large_orders", text, 0.4, refs(orders))


def failed_payments(evidence: Evidence) -> Iterator[Claim]:
    """Invoices on which payment after payment fails."""
    for invoice in evidence.invoices:
        failed = [payment for payment in invoice.payments if payment.status == "failed"]
        paid = [payment for payment in invoice.payments if payment.status == "successful"]
        if len(failed) >= 3 and not paid and invoice.amount >= LARGE:
            text = f"{len(failed)} failed payments and no successful one on ${invoice.amount:,.2f}"
            yield claim("failed_payments", text, 0.4, [invoice.ref, *refs(failed)])
            return


def stored_value(evidence: Evidence) -> Iterator[Claim]:
    """Gift cards: money in a form that cannot be called back."""
    cards = [order for order in _recent_orders(evidence) if STORED_VALUE in order.product.lower()]
    if cards:
        total = sum(order.amount for order in cards)
        yield claim("stored_value", f"${total:,.2f} turned into gift cards", 0.2, refs(cards))


def refund_habit(evidence: Evidence) -> Iterator[Claim]:
    """How much of what was bought went back, and how many refunds are asked for at once."""
    bought = [order for order in evidence.orders if evidence.now - order.at <= RETURN_WINDOW]
    returned = [order for order in bought if order.status == "returned"]
    if returned:
        share = len(returned) / len(bought)
        text = f"{len(returned)} of {len(bought)} orders returned"
        habitual = len(returned) >= 4 and share >= 0.6
        weight = 0.5 if habitual else 0.15 if len(returned) >= 3 else 0.0
        yield claim("refund_habit", text, weight, refs(returned))
    requests = [row for row in evidence.recent_log if row.event_type == "refund_request"]
    if len(requests) >= 3:
        text = f"{len(requests)} refund requests within {RECENT_DAYS} days"
        yield claim("refund_requests", text, 0.3, refs(requests))
    handled = [
        ticket
        for ticket in evidence.tickets
        if returned
        and ticket.category == "billing"
        and ticket.status == "closed"
        and ticket.opened >= returned[-1].at
    ]
    if handled:
        text = "a billing ticket opened after the last returned order was closed by support"
        yield claim("returns_handled", text, -0.1, refs(handled))


def promotions(evidence: Evidence) -> Iterator[Claim]:
    """Many promotion codes at once, and bills that come to nothing."""
    redeemed = [row for row in evidence.recent_log if row.event_type == "promo_redeemed"]
    if len(redeemed) >= 3:
        weight = 0.6 if len(redeemed) >= 5 else 0.35
        yield claim("promotions", f"{len(redeemed)} promotion codes redeemed", weight, refs(redeemed))
        nothing_due = [i for i in _recent_invoices(evidence) if i.amount <= 0]
        if nothing_due:
            yield claim("nothing_due", "the bill came to nothing", 0.2, refs(nothing_due))


def linked_accounts(evidence: Evidence) -> Iterator[Claim]:
    """Other customers on the same device or card, seen from the money's side."""
    linked = [link for link in evidence.links if link.shared & {"device", "card"}]
    if len(linked) >= 2:
        who = ", ".join(str(link.customer_id) for link in linked[:10])
        rows = [ref for link in linked for ref in link.refs]
        text = f"one of {len(linked) + 1} accounts that share a device or card: {who}"
        yield claim("linked_accounts", text, 0.3, rows)


def cards_tried(evidence: Evidence) -> Iterator[Claim]:
    """Many payment cards, many tiny payments."""
    added = [row for row in evidence.recent_log if row.card_id]
    cards = {row.card_id for row in added}
    if len(cards) >= 3:
        time = in_words((added[-1].at - added[0].at).total_seconds())
        text = f"{len(cards)} different cards within {time}"
        yield claim("cards_tried", text, 0.45, refs(added))
    tiny = [
        payment
        for invoice in evidence.invoices
        for payment in invoice.payments
        if payment.amount <= SMALL_PAYMENT
        and payment.day is not None
        and payment.day >= evidence.recent_since.date()
    ]
    if len(tiny) >= 5:
        failed = sum(payment.status == "failed" for payment in tiny)
        text = f"{len(tiny)} payments of at most ${SMALL_PAYMENT:.2f}, {failed} of them refused"
        yield claim("tiny_payments", text, 0.45 if failed >= len(tiny) / 2 else 0.2, refs(tiny))


def unusual_invoice(evidence: Evidence) -> Iterator[Claim]:
    """A bill far above the usual one."""
    older = [invoice.amount for invoice in evidence.invoices if invoice not in _recent_invoices(evidence)]
    usual = median(older) if len(older) >= 3 else 0.0
    large = [i for i in _recent_invoices(evidence) if usual and i.amount >= max(LARGE, 5 * usual)]
    unpaid = [i for i in large if not any(p.status == "successful" for p in i.payments)]
    if unpaid:
        text = f"${unpaid[-1].amount:,.2f} billed where ${usual:,.2f} is usual, unpaid"
        yield claim("unusual_invoice", text, 0.4, refs(unpaid))


def urgent_ticket(evidence: Evidence) -> Iterator[Claim]:
    """An urgent account ticket right before the credentials changed; its words count for nothing."""
    changes = [row for row in evidence.recent_log if row.event_type in CREDENTIALS | {"sim_swap"}]
    for ticket in evidence.tickets:
        if ticket.priority != "urgent":
            continue
        after = [row for row in changes if timedelta() <= row.at - ticket.opened <= timedelta(hours=2)]
        if after:
            text = "an urgent ticket was opened less than two hours before the credentials changed"
            yield claim("urgent_ticket", text, 0.15, [ticket.ref, *refs(after)])
            return


def travel_pass(evidence: Evidence) -> Iterator[Claim]:
    """A travel pass was ordered before going abroad."""
    passes = [
        order
        for order in evidence.orders
        if "roaming" in order.product.lower() and evidence.now - order.at <= timedelta(days=21)
    ]
    if passes:
        text = f"{passes[-1].product} was ordered on {passes[-1].at:%d %B}"
        yield claim("travel_pass", text, -0.1, refs(passes))


def ordinary_money(evidence: Evidence) -> Iterator[Claim]:
    """What was ordered lately, said for the record."""
    if not _recent_orders(evidence) and evidence.orders:
        text = f"no orders since {evidence.recent_since:%d %B}"
        yield claim("ordinary_money", text, 0.0, refs(evidence.orders[-2:]))


def _is_intrusion(evidence: Evidence, row: LogRow) -> bool:
    if row.signed_in:
        return evidence.is_stranger(row)
    changed = row.event_type in CREDENTIALS | {"sim_swap", "reactivated"}
    return changed and (evidence.is_stranger(row) or (row.device_id is None and row.channel in REMOTE))


def _named(row: LogRow) -> str:
    what = "a sign-in" if row.signed_in else row.event_type.replace("_", " ")
    return f"{what} on {row.device_id}" if row.device_id else f"{what} through channel {row.channel}"


def _orders(number: int) -> str:
    return "1 order" if number == 1 else f"{number} orders"


def _recent_orders(evidence: Evidence) -> list[OrderRow]:
    return [order for order in evidence.orders if order.at >= evidence.recent_since]


def _recent_invoices(evidence: Evidence) -> list[InvoiceRow]:
    since = (evidence.recent_since - timedelta(days=4)).date()
    return [invoice for invoice in evidence.invoices if invoice.day >= since]


PURCHASES = (rapid_orders, orders_after_intrusion, unusual_order, stored_value, ordinary_money)
DEBTS = (new_customer_large_orders, failed_payments, unusual_invoice)
