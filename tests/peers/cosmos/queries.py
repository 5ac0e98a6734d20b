"""Runs a query over ranges of a container, page by page, and says what a page costs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.peers.cosmos import charges
from tests.peers.cosmos.index_use import IndexUse, index_use
from tests.peers.cosmos.indexing import IndexPolicy
from tests.peers.cosmos.pages import Interval, Page, Position, is_full, items_in, resume, token_of
from tests.peers.cosmos.refusals import bad_request
from tests.peers.cosmos.sql.checks import order_paths, root_alias
from tests.peers.cosmos.sql.evaluate import Row, Scope, evaluate
from tests.peers.cosmos.sql.rows import aggregates_in, grouped, is_grouped, project, rows_of, run_nested
from tests.peers.cosmos.sql.syntax import Call, Expression, Literal, Query
from tests.peers.cosmos.sql.values import UNDEFINED, canonical, sort_key
from tests.peers.cosmos.storage import Container, Item


@dataclass
class _Work:
    """What was done for a page so far; `walks` when index entries are met one by one with the items."""

    walks: bool = False
    entries: int = 0
    loaded: int = 0
    loaded_size: int = 0

    def load(self, item: Item) -> None:
        self.entries += self.walks
        self.loaded += 1
        self.loaded_size += item.size


class QueryRun:
    """One checked query with its parameters, over one container."""

    def __init__(self, container: Container, query: Query, parameters: Mapping[str, Any]) -> None:
        policy = IndexPolicy(container.definition["indexingPolicy"])
        self._container = container
        self._query = query
        self._scope = Scope({}, parameters, None, run_nested)
        self._use: IndexUse = index_use(query, policy)
        self._descending = [item.descending for item in query.order_by]
        order = order_paths(query)
        self._walks = not order or self._use.seek_paths <= {path for path, _ in order}
        if order and not policy.serves(order):
            raise bad_request(
                "The order by query does not have a corresponding "
                f"{'composite ' if len(order) > 1 else ''}index that it can be served from."
            )

    def page(self, intervals: Sequence[Interval], most: int, continuation: str | None) -> Page:
        """The next page: at most one interval after the other, until the page is full."""
        page = Page()
        left, position = resume(intervals if self._query.sources else intervals[:1], continuation)
        while left:
            ended = self._fill(page, left[0], most, position)
            if ended is not None:
                page.continuation = token_of(left[0], ended)
                return page
            left, position = left[1:], Position()
            if left and is_full(page, most):
                page.continuation = token_of(left[0], position)
                return page
        return page

    def count(self, expression: Expression | None, default: int) -> int:
        """TOP, OFFSET or LIMIT. Raises 400 for what is no count."""
        if expression is None:
            return default
        count = evaluate(expression, self._scope)
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise bad_request("TOP, OFFSET and LIMIT take a number that is not negative.")
        return count

    def _fill(self, page: Page, interval: Interval, most: int, position: Position) -> Position | None:
        """Add what the interval has; the position where it stopped, or None when it has no more."""
        work, before = _Work(), page.size
        rows = self._given(interval, position, work)
        ended: Position | None = None
        for value, at in rows:
            if is_full(page, most):
                ended = position
                break
            page.add(value)
            position = at
        cost = charges.query(work.entries, work.loaded, work.loaded_size, page.size - before)
        page.charge = round(page.charge + cost, 2)
        return ended

    def _given(self, interval: Interval, position: Position, work: _Work) -> Iterator[tuple[Any, Position]]:
        """Values after the position, TOP, OFFSET and LIMIT applied."""
        offset = self.count(self._query.offset, 0)
        limit = min(self.count(self._query.top, 1 << 62), self.count(self._query.limit, 1 << 62))
        skipped, given = position.skipped, position.given
        if given >= limit:
            return
        for value, at in self._values(interval, position, work):
            if skipped < offset:
                skipped += 1
                continue
            given += 1
            at.skipped, at.given = skipped, given
            yield value, at
            if given >= limit:
                return

    def _values(self, interval: Interval, position: Position, work: _Work) -> Iterator[tuple[Any, Position]]:
        if not self._query.sources:
            yield project(self._query, self._scope), Position(number=1)
            return
        items = self._candidates(interval, position, work)
        if is_grouped(self._query):
            yield from self._groups(items, position, work)
        elif self._query.distinct:
            yield from self._distinct(items, position, work)
        else:
            for value, at in self._projected(items, position, work):
                if value is not UNDEFINED:
                    yield value, at

    def _groups(self, items: list[Item], position: Position, work: _Work) -> Iterator[tuple[Any, Position]]:
        loads = not self._counts_in_index()
        rows = (row for item in items for row in self._rows(item, work if loads else None))
        values = (value for value in grouped(self._query, rows, self._scope) if value is not UNDEFINED)
        for number, value in enumerate(values, 1):
            if number > position.number:
                yield value, Position(number=number)

    def _counts_in_index(self) -> bool:
        """Whether the index alone knows the answer: a count, of conditions that it all holds."""
        calls = aggregates_in(self._query.projections or ())
        constant = all(isinstance(each, Literal) for each in _arguments(self._query))
        return self._use.covers and set(calls) == {"COUNT"} and constant and not self._query.group_by

    def _distinct(self, items: list[Item], position: Position, work: _Work) -> Iterator[tuple[Any, Position]]:
        seen: set[Any] = set()
        for value, at in self._projected(items, Position(), work):
            key = canonical(value)
            if value is UNDEFINED or key in seen:
                continue
            seen.add(key)
            if self._is_after(at, position):
                yield value, at

    def _projected(
        self, items: list[Item], position: Position, work: _Work
    ) -> Iterator[tuple[Any, Position]]:
        for item in items:
            order = self._order_of(item)
            if not self._reaches(order, item, position):
                continue
            for row_number, row in enumerate(self._rows(item, work), 1):
                at = Position(order, item.number, row_number)
                if self._is_after(at, position):
                    yield project(self._query, self._scope.at(row)), at

    def _rows(self, item: Item, work: _Work | None) -> Iterator[Row]:
        if work is not None:
            work.load(item)
        return rows_of(self._query, item.document, self._scope)

    def _candidates(self, interval: Interval, position: Position, work: _Work) -> list[Item]:
        """The items that the index leaves, in the query's order; without one, only those still to come."""
        items = items_in(self._container, interval)
        if position.order == [] and not self._query.distinct:
            items = [item for item in items if item.number >= position.number]
        sought = self._use.sought(items, self._scope)
        work.walks = self._walks and bool(self._use.seeks) and not self._counts_in_index()
        work.entries += len(sought) if self._use.seeks and not work.walks else 0
        found, entries = self._use.read_through(sought, self._scope)
        work.entries += entries
        found.sort(key=lambda item: item.number)
        for by in reversed(self._query.order_by):
            found.sort(key=partial(self._sort_key, by.of), reverse=by.descending)
        return found

    def _sort_key(self, of: Expression, item: Item) -> Any:
        return sort_key(evaluate(of, self._scope.at({root_alias(self._query): item.document})))

    def _order_of(self, item: Item) -> list[Any]:
        scope = self._scope.at({root_alias(self._query): item.document})
        return [evaluate(by.of, scope) for by in self._query.order_by]

    def _reaches(self, order: list[Any], item: Item, position: Position) -> bool:
        """Whether some row of the item comes after the position."""
        return self._rank(order, position) > 0 or (
            self._rank(order, position) == 0 and item.number >= position.number
        )

    def _is_after(self, at: Position, position: Position) -> bool:
        rank = self._rank(at.order or [], position)
        return rank > 0 or (rank == 0 and (at.number, at.row) > (position.number, position.row))

    def _rank(self, order: list[Any], position: Position) -> int:
        if position.order is None:
            return 1 if position.number == 0 else 0
        for own, other, descending in zip(order, position.order, self._descending, strict=True):
            first, second = sort_key(own), sort_key(other)
            if first != second:
                return 1 if (first > second) != descending else -1
        return 0


def _arguments(query: Query) -> list[Expression]:
    projections = query.projections or ()
    return [argument for each in projections if isinstance(each.of, Call) for argument in each.of.arguments]
