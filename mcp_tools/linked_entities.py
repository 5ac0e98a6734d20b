"""Finds customers who share a device, an address or a payment card with one customer."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from casework.customers import Row
from mcp_tools.security_text import parse_security_text

Shared = Literal["device", "ip", "card", "phone", "address"]
Trait = tuple[Shared, str]
Citation = dict[str, str | int]

_MAX_ROWS_PER_SIDE = 10


def linked_entities(customer: Row, everyone: Iterable[Row], log: Iterable[Row]) -> list[Row]:
    """Every other customer with something in common, strongest link first.

    Strength is the number of different things shared; equal ones are in order of customer id.
    """
    own_id = customer["customer_id"]
    owners = _owners(everyone, log)
    own = {trait: by_customer[own_id] for trait, by_customer in owners.items() if own_id in by_customer}
    found: dict[int, list[Row]] = defaultdict(list)
    for (kind, value), own_rows in sorted(own.items()):
        for other, rows in owners[(kind, value)].items():
            if other != own_id:
                evidence = own_rows[:_MAX_ROWS_PER_SIDE] + rows[:_MAX_ROWS_PER_SIDE]
                found[other].append({"shared": kind, "value": value, "evidence": evidence})
    ordered = sorted(found.items(), key=lambda link: (-len(link[1]), link[0]))
    return [{"customer_id": other, "in_common": common} for other, common in ordered]


def _owners(everyone: Iterable[Row], log: Iterable[Row]) -> Mapping[Trait, dict[int, list[Citation]]]:
    """Who has each trait, with the rows that say so."""
    owners: dict[Trait, dict[int, list[Citation]]] = defaultdict(lambda: defaultdict(list))
    for row in everyone:
        for trait in _profile_traits(row):
            owners[trait][row["customer_id"]].append({"table": "Customers", "row_id": row["customer_id"]})
    for row in log:
        for trait in _log_traits(row):
            owners[trait][row["customer_id"]].append({"table": "SecurityLogs", "row_id": row["log_id"]})
    return owners


def _profile_traits(row: Row) -> Iterator[Trait]:
    phone = "".join(character for character in row["phone"] or "" if character.isdigit())
    if phone:
        yield "phone", phone
    address = " ".join((row["address"] or "").lower().split())
    if address:
        yield "address", address


def _log_traits(row: Row) -> Iterator[Trait]:
    said = parse_security_text(row["description"])
    if said.device_id:
        yield "device", said.device_id
    if said.ip:
        yield "ip", said.ip
    if said.card_id:
        yield "card", said.card_id
