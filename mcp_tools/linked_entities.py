"""Finds customers who share a device, an address or a payment card with one customer."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from casework.customers import Row
from mcp_tools.security_text import parse_security_text

Shared = Literal["device", "ip", "card", "phone", "address"]
Trait = tuple[Shared, str]
Citation = dict[str, str | int]

_MAX_ROWS_PER_SIDE = 10
_MAX_LINKS = 50


def traceable_parts(own_log: Iterable[Row]) -> tuple[str, ...]:
    """The devices, addresses and cards in a customer's own log: what to look for in everybody else's."""
    return tuple(sorted({value for row in own_log for _, value in _log_traits(row)}))


def linked_entities(customer: Row, everyone: Iterable[Row], log: Sequence[Row]) -> Row:
    """Other customers with something in common as `links`, strongest first, and how many more there are.

    `log` must hold the customer's own rows and all that mention a traceable part of them. Strength is
    the number of different things shared; equal ones are in order of customer id.
    """
    own_id = customer["customer_id"]
    own = _own_traits(customer, [row for row in log if row["customer_id"] == own_id])
    found: dict[int, dict[Trait, list[Citation]]] = defaultdict(lambda: defaultdict(list))
    for other, trait, citation in _sightings(everyone, log):
        if other != own_id and trait in own:
            found[other][trait].append(citation)
    ordered = sorted(found.items(), key=lambda link: (-len(link[1]), link[0]))
    links = [
        {
            "customer_id": other,
            "in_common": [_shared(trait, own[trait], traits[trait]) for trait in sorted(traits)],
        }
        for other, traits in ordered[:_MAX_LINKS]
    ]
    return {"links": links, "more_links": max(0, len(ordered) - _MAX_LINKS)}


def _shared(trait: Trait, own: list[Citation], theirs: list[Citation]) -> Row:
    evidence = [*own[:_MAX_ROWS_PER_SIDE], *theirs[:_MAX_ROWS_PER_SIDE]]
    return {"shared": trait[0], "value": trait[1], "evidence": evidence}


def _own_traits(customer: Row, own_log: Iterable[Row]) -> dict[Trait, list[Citation]]:
    own: dict[Trait, list[Citation]] = defaultdict(list)
    for _, trait, citation in _sightings([customer], own_log):
        own[trait].append(citation)
    return own


def _sightings(people: Iterable[Row], log: Iterable[Row]) -> Iterator[tuple[int, Trait, Citation]]:
    """Every trait that somebody shows, and the row that says so."""
    for row in people:
        for trait in _profile_traits(row):
            yield row["customer_id"], trait, {"table": "Customers", "row_id": row["customer_id"]}
    for row in log:
        for trait in _log_traits(row):
            yield row["customer_id"], trait, {"table": "SecurityLogs", "row_id": row["log_id"]}


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
