"""Finds customers who share a device, an address or a payment card with one customer."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from casework.customers import Row
from mcp_tools.security_text import parse_security_text

Shared = Literal["device", "ip", "card", "phone", "address"]
Trait = tuple[Shared, str]
Citation = dict[str, str | int]

_MAX_ROWS_PER_SIDE = 10
_MAX_LINKS = 50


def linked_entities(customer: Row, everyone: Iterable[Row], log: Sequence[Row]) -> Row:
    """Other customers with something in common as `links`, strongest first, and how many more there are.

    Strength is the number of different things shared; equal ones are in order of customer id.
    """
    own_id = customer["customer_id"]
    own = _own_traits(customer, [row for row in log if row["customer_id"] == own_id])
    found: dict[int, dict[Trait, list[Citation]]] = defaultdict(lambda: defaultdict(list))
    for other, trait, citation in _sightings(own, everyone, log):
        if other != own_id:
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


def _own_traits(customer: Row, log: Iterable[Row]) -> dict[Trait, list[Citation]]:
    own: dict[Trait, list[Citation]] = defaultdict(list)
    for trait in _profile_traits(customer):
        own[trait].append({"table": "Customers", "row_id": customer["customer_id"]})
    for row in log:
        for trait in _log_traits(row):
            own[trait].append({"table": "SecurityLogs", "row_id": row["log_id"]})
    return own


def _sightings(
    own: Mapping[Trait, list[Citation]], everyone: Iterable[Row], log: Iterable[Row]
) -> Iterator[tuple[int, Trait, Citation]]:
    """Who else shows which of these traits, and the row that says so."""
    for row in everyone:
        for trait in _profile_traits(row):
            if trait in own:
                yield row["customer_id"], trait, {"table": "Customers", "row_id": row["customer_id"]}
    values = [value for kind, value in own if kind in {"device", "ip", "card"}]
    # Reading structure out of text is slow; most rows can be ruled out by a plain search first.
    mentions = re.compile("|".join(map(re.escape, values)) or r"(?!)", re.IGNORECASE)
    for row in log:
        if mentions.search(row["description"] or ""):
            for trait in _log_traits(row):
                if trait in own:
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
