"""The ordinary life of every customer: plan, bills, payments, daily usage, orders, sign-ins."""

from datetime import date, datetime, time, timedelta
from random import Random

from devstack.catalogue import DATA_CAP_GB, ORDINARY_ORDERS, PRICES, PRODUCT_IDS
from devstack.contoso_book import ContosoBook
from devstack.personas import Persona
from mcp_tools.security_text import SecurityText, security_text

USAGE_DAYS = 60
BILLED_MONTHS = 12
LOGIN_DAYS = 45

_TICKETS = (
    ("billing", "Question about my invoice", "Could you explain the roaming line on my last invoice?"),
    ("technical", "Slow data in the evening", "Speed drops after eight in the evening at home."),
    ("account", "Change of contact details", "I would like invoices by e-mail instead of by post."),
    ("technical", "No coverage in the cellar", "Calls drop when I am downstairs."),
    ("billing", "Autopay date", "Please move my autopay to the first of the month."),
)
_INCIDENTS = ("Cell outage in the area", "Planned maintenance overran", "Degraded speed on the access line")
_AGENTS = ("M. Ortiz", "L. Chang", "P. Novak", "S. Berger")


def live_ordinarily(book: ContosoBook, persona: Persona, today: date, seed: int) -> None:
    """Write one customer's whole ordinary history; the same arguments write the same rows."""
    rng = Random(f"life:{seed}:{persona.customer_id}")
    _join(book, persona, today)
    _be_billed(book, persona, today, rng)
    _use_data(book, persona, today, rng)
    _sign_in(book, persona, today, rng)
    _order(book, persona, today, rng)
    _have_trouble(book, persona, today, rng)


def timestamp(day: date, at: time) -> str:
    """A moment as the database writes it."""
    return datetime.combine(day, at).strftime("%Y-%m-%d %H:%M:%S")


def _join(book: ContosoBook, persona: Persona, today: date) -> None:
    book.add(
        "Customers",
        customer_id=persona.customer_id,
        first_name=persona.first_name,
        last_name=persona.last_name,
        email=persona.email,
        phone=persona.phone,
        address=persona.street,
        loyalty_level=persona.loyalty,
    )
    book.add(
        "Subscriptions",
        subscription_id=persona.customer_id,
        customer_id=persona.customer_id,
        product_id=PRODUCT_IDS[persona.plan],
        start_date=(today - timedelta(days=persona.tenure_days)).isoformat(),
        end_date=(today + timedelta(days=365)).isoformat(),
        status="active",
        roaming_enabled=int(persona.plan in {"Mobile Plus", "Mobile Unlimited"}),
        service_status="normal",
        speed_tier="1 Gbps"
        if persona.plan == "Home Fiber 1000"
        else "500 Mbps"
        if "Fiber" in persona.plan
        else "5G",
        data_cap_gb=DATA_CAP_GB.get(persona.plan),
        autopay_enabled=int(persona.customer_id % 4 != 0),
    )


def _be_billed(book: ContosoBook, persona: Persona, today: date, rng: Random) -> None:
    billing_day = 1 + persona.customer_id % 28
    for months_ago in reversed(range(BILLED_MONTHS)):
        invoiced = _months_before(today, months_ago).replace(day=billing_day)
        if not (today - timedelta(days=persona.tenure_days) < invoiced <= today):
            continue
        amount = round(PRICES[persona.plan] + rng.choice((0, 0, 0, 2.5, 4.0, 8.0)), 2)
        invoice_id = book.add(
            "Invoices",
            subscription_id=persona.customer_id,
            invoice_date=invoiced.isoformat(),
            amount=amount,
            description=f"{persona.plan}, {invoiced:%B %Y}",
            due_date=(invoiced + timedelta(days=14)).isoformat(),
        )
        _pay(book, persona, invoice_id, today, rng)


def _pay(book: ContosoBook, persona: Persona, invoice_id: int, today: date, rng: Random) -> None:
    invoice = book.row("Invoices", invoice_id)
    paid_on = date.fromisoformat(invoice["invoice_date"]) + timedelta(days=rng.randint(3, 13))
    if paid_on > today:
        return  # not due yet
    payment = {"invoice_id": invoice_id, "amount": invoice["amount"], "method": persona.method}
    if rng.random() < 0.04:
        book.add("Payments", payment_date=paid_on.isoformat(), status="failed", **payment)
        paid_on = min(paid_on + timedelta(days=2), today)
    book.add("Payments", payment_date=paid_on.isoformat(), status="successful", **payment)


def _use_data(book: ContosoBook, persona: Persona, today: date, rng: Random) -> None:
    for days_ago in reversed(range(min(USAGE_DAYS, persona.tenure_days))):
        day = today - timedelta(days=days_ago)
        weekend = 1.15 if day.weekday() >= 5 else 1.0
        book.add(
            "DataUsage",
            subscription_id=persona.customer_id,
            usage_date=day.isoformat(),
            data_used_mb=int(persona.daily_mb * weekend * rng.uniform(0.75, 1.25)),
            voice_minutes=int(persona.voice_minutes * rng.uniform(0.4, 1.6)),
            sms_count=0 if persona.plan.startswith("Home") else rng.randint(0, 9),
        )


def _sign_in(book: ContosoBook, persona: Persona, today: date, rng: Random) -> None:
    reach = min(LOGIN_DAYS, persona.tenure_days - 1)
    usual = SecurityText(country=persona.country, ip=persona.ip, device_id=persona.device_id)
    for days_ago in sorted(rng.sample(range(2, reach + 2), min(reach, rng.randint(4, 8))), reverse=True):
        at = time(rng.randint(7, 21), rng.randint(0, 59), rng.randint(0, 59))
        what = "Successful login" if rng.random() > 0.04 else "Failed login, mistyped password,"
        when = timestamp(today - timedelta(days=days_ago), at)
        _log(book, persona, "login_attempt", when, security_text(what, usual))
    if persona.customer_id > 60 and rng.random() < 0.06:
        day = today - timedelta(days=min(reach, rng.randint(20, 40)))
        locked = security_text("Account locked after failed logins", SecurityText(ip=persona.ip))
        _log(book, persona, "account_locked", timestamp(day, time(10, 5)), locked)
        unlocked = security_text("Account unlocked after identity check", SecurityText(channel="phone"))
        _log(book, persona, "account_unlocked", timestamp(day, time(11, 30)), unlocked)


def _log(book: ContosoBook, persona: Persona, event_type: str, when: str, description: str) -> None:
    book.add(
        "SecurityLogs",
        customer_id=persona.customer_id,
        event_type=event_type,
        event_timestamp=when,
        description=description,
    )


def _order(book: ContosoBook, persona: Persona, today: date, rng: Random) -> None:
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        name = rng.choice(ORDINARY_ORDERS)
        days_ago = rng.randint(4, 240)
        if days_ago < persona.tenure_days:
            book.add(
                "Orders",
                customer_id=persona.customer_id,
                product_id=PRODUCT_IDS[name],
                order_date=(today - timedelta(days=days_ago)).isoformat(),
                amount=PRICES[name],
                order_status=rng.choice(("delivered", "delivered", "completed")),
            )


def _have_trouble(book: ContosoBook, persona: Persona, today: date, rng: Random) -> None:
    if rng.random() < 0.4 and persona.tenure_days > 90:
        category, subject, description = rng.choice(_TICKETS)
        opened = today - timedelta(days=rng.randint(6, 85))
        closed = opened + timedelta(days=rng.randint(1, 5))
        book.add(
            "SupportTickets",
            customer_id=persona.customer_id,
            subscription_id=persona.customer_id,
            category=category,
            opened_at=timestamp(opened, time(9, rng.randint(0, 59))),
            closed_at=timestamp(closed, time(16, rng.randint(0, 59))),
            status="closed",
            priority=rng.choice(("low", "normal", "normal", "high")),
            subject=subject,
            description=description,
            cs_agent=rng.choice(_AGENTS),
        )
    if rng.random() < 0.25 and persona.tenure_days > 90:
        book.add(
            "ServiceIncidents",
            subscription_id=persona.customer_id,
            incident_date=(today - timedelta(days=rng.randint(3, 85))).isoformat(),
            description=rng.choice(_INCIDENTS),
            resolution_status=rng.choice(("resolved", "resolved", "investigating")),
        )


def _months_before(day: date, months: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(years, month + 1, 1)
