"""Where and how the customer signed in, and who else used the same things."""

import datetime

from casework.customers import Between, CustomerStore, Mentions, Order, Row
from mcp_tools.linked_entities import linked_entities, traceable_parts
from mcp_tools.security_text import parse_security_text
from mcp_tools.tools.accounts import customer_row
from mcp_tools.tools.arguments import Days, Whole

_LOG_COLUMNS = ("log_id", "event_type", "event_timestamp", "description")
_MAX_PARTS = 200


class LocationTools:
    """Look-ups in the security log."""

    def __init__(self, customers: CustomerStore) -> None:
        self._customers = customers

    async def get_security_logs(self, customer_id: Whole) -> list[Row]:
        """Get a customer's security events, newest first."""
        rows = await self._log(customer_id)
        return [{column: row[column] for column in _LOG_COLUMNS} for row in rows]

    async def get_login_history(self, customer_id: Whole, days: Days = 30) -> list[Row]:
        """Get the security events of the last `days` days of data, newest first, with structured columns.

        Country, ip, device_id, card_id, method, channel and success are read from the description;
        null means the description does not say. Days count back from the day the data ends, not
        from today.
        """
        await customer_row(self._customers, customer_id)
        as_of = await self._customers.data_as_of()
        rows = await self._log(customer_id, since=as_of - datetime.timedelta(days=days) if as_of else None)
        return [_structured(row) for row in rows]

    async def get_linked_entities(self, customer_id: Whole) -> Row:
        """Find other customers who share a device, IP address, payment card, phone or postal address.

        Each link names what is shared and the rows, by table and key, on both sides. At most 50 links
        are returned; `more_links` counts the rest.
        """
        customer = await customer_row(self._customers, customer_id)
        everyone = await self._customers.rows("Customers")
        own_log = await self._log(customer_id)
        elsewhere = await self._customers.rows(
            "SecurityLogs", {"description": Mentions(traceable_parts(own_log)[:_MAX_PARTS])}
        )
        log = [*reversed(own_log), *(row for row in elsewhere if row["customer_id"] != customer_id)]
        return {"customer_id": customer_id, **linked_entities(customer, everyone, log)}

    async def _log(self, customer_id: Whole, since: datetime.date | None = None) -> list[Row]:
        recent = {"event_timestamp": Between(since.isoformat(), "9999")} if since else {}
        newest_first = Order("event_timestamp", newest_first=True)
        return await self._customers.rows(
            "SecurityLogs", {"customer_id": customer_id, **recent}, order=newest_first
        )


def _structured(row: Row) -> Row:
    said = parse_security_text(row["description"])
    return {
        "log_id": row["log_id"],
        "event_timestamp": row["event_timestamp"],
        "event_type": row["event_type"],
        "success": said.success,
        "country": said.country,
        "ip": said.ip,
        "device_id": said.device_id,
        "card_id": said.card_id,
        "method": said.method,
        "channel": said.channel,
        "description": row["description"],
    }
