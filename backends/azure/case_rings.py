"""How many cases customers have, and those who are linked to them."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from backends.azure.cosmos import Requests

AT_ONCE = 100
"""So many customers are asked for in one query: a condition for each."""


async def count_customers(requests: Requests, customers: Collection[int]) -> Mapping[int, int]:
    """Counted here: a query cannot group what it finds over partitions."""
    parts = await asyncio.gather(*(_cases_of(requests, part) for part in _parts(customers)))
    return Counter(customer for part in parts for customer in part)


async def _cases_of(requests: Requests, customers: list[int]) -> list[int]:
    """The customer of each of their cases."""
    names = _named(customers)
    return await requests.query(
        "customer_counts", f"SELECT VALUE c.customer_id FROM c WHERE {_of(names)}", names
    )


async def count_linked(requests: Requests, customers: Collection[int]) -> Mapping[int, int]:
    """How many cases those have who are linked to customers; most are linked to nobody, and cost no count."""
    rings = await _rings(requests, customers)
    counts = await count_customers(requests, frozenset[int]().union(*rings.values()))
    found = {customer: sum(counts.get(other, 0) for other in ring) for customer, ring in rings.items()}
    return {customer: number for customer, number in found.items() if number}


async def _rings(requests: Requests, customers: Collection[int]) -> Mapping[int, frozenset[int]]:
    """Whom a case links to each of some customers: a case of their own, or one of the other's."""
    parts = await asyncio.gather(*(_links(requests, part) for part in _parts(customers)))
    rings: dict[int, set[int]] = {customer: set() for customer in customers}
    for one, other in (link for part in parts for link in part):
        for mine, theirs in ((one, other), (other, one)):
            if mine in rings and mine != theirs:
                rings[mine].add(theirs)
    return {customer: frozenset(ring) for customer, ring in rings.items()}


async def _links(requests: Requests, customers: list[int]) -> list[tuple[int, int]]:
    """The links in cases of customers, and those to them in the cases of others: the index answers both."""
    names = _named(customers)
    theirs = " OR ".join(f"ARRAY_CONTAINS(c.linked, @{name})" for name in names)
    rows = await requests.query(
        "links", f"SELECT c.customer_id, c.linked FROM c WHERE {_of(names)} OR {theirs}", names
    )
    return [(row["customer_id"], other) for row in rows for other in row.get("linked", ())]


def _of(names: Collection[str]) -> str:
    return f"c.customer_id IN ({', '.join(f'@{name}' for name in names)})"


def _parts(customers: Collection[int]) -> Iterator[list[int]]:
    """Each customer once, so many at a time as one query asks for."""
    several = sorted(set(customers))
    for at in range(0, len(several), AT_ONCE):
        yield several[at : at + AT_ONCE]


def _named(customers: Collection[int]) -> dict[str, object]:
    return {f"customer{number}": customer for number, customer in enumerate(customers)}
