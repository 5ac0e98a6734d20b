"""What a customer shares with others: devices, addresses, cards; and who else is behind each of them."""

from collections.abc import Iterable
from typing import Any

from casework.alert import MOST_CUSTOMER_ID, Frozen
from casework.finding import Finding, RowRef
from casework.lookups import Lookups, rows_in

MOST_LINKED = 20
"""So many linked customers of a case are kept and looked at."""


class LinkedCustomer(Frozen):
    """Somebody else who uses the same thing, and the rows that say so."""

    customer_id: int
    rows: tuple[RowRef, ...]


class SharedThing(Frozen):
    """Something several customers use: a device, an address, a card, a phone."""

    kind: str
    value: str
    others: tuple[LinkedCustomer, ...]


class LinkedEntities(Frozen):
    """Everything shared, what most others use first; `missing` says why nothing is known."""

    things: tuple[SharedThing, ...] = ()
    more_links: int = 0
    missing: str = ""

    @property
    def customer_ids(self) -> tuple[int, ...]:
        """Everybody behind anything shared, once."""
        return tuple(dict.fromkeys(other.customer_id for thing in self.things for other in thing.others))


def linked_entities(findings: Iterable[Finding]) -> LinkedEntities:
    """The links that were looked up for a case, turned round: by what is shared."""
    found = Lookups(findings)
    answer = found.mapping("get_linked_entities")
    if not answer:
        return LinkedEntities(
            missing=found.missing("get_linked_entities") or "not in a form that can be read"
        )
    links = answer.get("links")
    things: dict[tuple[str, str], list[LinkedCustomer]] = {}
    for link in rows_in(links) or ():
        for common in rows_in(link.get("in_common")) or ():
            other = _other(link, common)
            if other is not None:
                key = (str(common.get("shared")), str(common.get("value")))
                things.setdefault(key, []).append(other)
    ordered = sorted(things.items(), key=lambda thing: (-len(thing[1]), thing[0]))
    more = answer.get("more_links")
    if not isinstance(links, list) or (links and not things):
        return LinkedEntities(missing="not in a form that can be read")
    return LinkedEntities(
        things=tuple(SharedThing(kind=kind, value=value, others=tuple(o)) for (kind, value), o in ordered),
        more_links=more if isinstance(more, int) else 0,
    )


def with_linked(known: tuple[int, ...], finding: Finding, customer_id: int) -> tuple[int, ...]:
    """The customers linked to a case's own after one more finding, in order of their ids.

    Links stay when the agents look again; of too many, those that were found first are kept.
    """
    found = (other for other in linked_entities([finding]).customer_ids if other != customer_id)
    return tuple(sorted(list(dict.fromkeys((*known, *found)))[:MOST_LINKED]))


def _other(link: dict[str, Any], common: dict[str, Any]) -> LinkedCustomer | None:
    customer_id = link.get("customer_id")
    if type(customer_id) is not int or not 1 <= customer_id <= MOST_CUSTOMER_ID:
        return None
    cited = [
        RowRef(table=str(row["table"]), row_id=row["row_id"])
        for row in rows_in(common.get("evidence")) or ()
        if "table" in row and isinstance(row.get("row_id"), int | str)
    ]
    return LinkedCustomer(customer_id=customer_id, rows=tuple(dict.fromkeys(cited)))
