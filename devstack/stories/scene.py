"""Where a story writes its rows: the book, the day, and the customers' ordinary habits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta

from devstack.catalogue import PRICES, PRODUCT_IDS
from devstack.contoso_book import ContosoBook
from devstack.personas import Persona
from devstack.population import timestamp
from mcp_tools.security_text import SecurityText, security_text


@dataclass(frozen=True)
class Scene:
    """A half-written database that stories add to; days count back from `today`, times are UTC."""

    book: ContosoBook
    today: date
    personas: Mapping[int, Persona]

    def day(self, days_ago: int) -> str:
        """A date as the database writes it."""
        return (self.today - timedelta(days=days_ago)).isoformat()

    def moment(self, days_ago: int, at: str) -> str:
        """A date and a time ("HH:MM" or "HH:MM:SS") as the database writes it."""
        return timestamp(self.today - timedelta(days=days_ago), time.fromisoformat(at))

    def log(
        self, customer_id: int, event_type: str, when: str, what: str, said: SecurityText | None = None
    ) -> int:
        """A security event."""
        return self.book.add(
            "SecurityLogs",
            customer_id=customer_id,
            event_type=event_type,
            event_timestamp=when,
            description=security_text(what, said or SecurityText()),
        )

    def login(self, customer_id: int, when: str, said: SecurityText | None = None, *, ok: bool = True) -> int:
        """A sign-in, from the customer's own phone at home unless `said` says otherwise."""
        what = "Successful login" if ok else "Failed login"
        return self.log(customer_id, "login_attempt", when, what, said or self.at_home(customer_id))

    def at_home(self, customer_id: int) -> SecurityText:
        """The customer's own country, address and phone."""
        persona = self.personas[customer_id]
        return SecurityText(country=persona.country, ip=persona.ip, device_id=persona.device_id)

    def order(
        self, customer_id: int, product: str, when: str, status: str = "pending", amount: float | None = None
    ) -> int:
        """An order of one piece, at list price unless `amount` is given."""
        return self.book.add(
            "Orders",
            customer_id=customer_id,
            product_id=PRODUCT_IDS[product],
            order_date=when,
            amount=PRICES[product] if amount is None else amount,
            order_status=status,
        )

    def use(self, customer_id: int, days_ago: int, **figures: int) -> None:
        """Replace figures (data_used_mb, voice_minutes, sms_count) of a day's usage."""
        for row in self.book.rows("DataUsage", subscription_id=customer_id, usage_date=self.day(days_ago)):
            self.book.change("DataUsage", row["usage_id"], **figures)

    def forget_usage(self, customer_id: int, since_days_ago: int) -> None:
        """Remove the usage rows of the most recent days, as if the collector had stopped then."""
        first_missing = self.day(since_days_ago)
        self.book.remove(
            "DataUsage",
            lambda row: row["subscription_id"] == customer_id and row["usage_date"] >= first_missing,
        )

    def ticket(
        self,
        customer_id: int,
        when: str,
        subject: str,
        description: str,
        *,
        category: str = "account",
        priority: str = "normal",
        status: str = "open",
    ) -> int:
        """A support ticket."""
        return self.book.add(
            "SupportTickets",
            customer_id=customer_id,
            subscription_id=customer_id,
            category=category,
            opened_at=when,
            closed_at=None if status == "open" else when,
            status=status,
            priority=priority,
            subject=subject,
            description=description,
            cs_agent="L. Chang",
        )

    def invoice(self, customer_id: int, days_ago: int, amount: float, description: str) -> int:
        """An invoice outside the monthly cycle."""
        return self.book.add(
            "Invoices",
            subscription_id=customer_id,
            invoice_date=self.day(days_ago),
            amount=amount,
            description=description,
            due_date=self.day(days_ago - 14),
        )

    def payment(self, invoice_id: int, days_ago: int, amount: float, status: str = "successful") -> int:
        """A payment attempt by card."""
        return self.book.add(
            "Payments",
            invoice_id=invoice_id,
            payment_date=self.day(days_ago),
            amount=amount,
            method="credit_card",
            status=status,
        )
