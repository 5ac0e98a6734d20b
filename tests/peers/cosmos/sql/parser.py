"""Query text to syntax: clauses here, expressions in `expressions`."""

from functools import lru_cache

from tests.peers.cosmos.refusals import bad_query
from tests.peers.cosmos.sql.expressions import ExpressionParser
from tests.peers.cosmos.sql.syntax import (
    Expression,
    Literal,
    Member,
    Name,
    Parameter,
    Projection,
    Query,
    SortItem,
    Source,
)


@lru_cache(maxsize=500)
def parse(text: str) -> Query:
    """Raises 400 for text that is no query."""
    parser = QueryParser(text)
    query = parser.query()
    parser.expect_end()
    return query


def parse_condition(text: str) -> Query:
    """The `from c where …` of a conditional patch."""
    return parse(text if text.lstrip()[:6].upper() == "SELECT" else f"SELECT * {text}")


class QueryParser(ExpressionParser):
    """Reads the clauses of a query in their order."""

    def query(self) -> Query:
        self.expect_word("SELECT")
        distinct = self.take_word("DISTINCT")
        top = self._count() if self.take_word("TOP") else None
        value = self.take_word("VALUE")
        projections = None if self.take_sign("*") else self._projections(value)
        sources = self._sources() if self.take_word("FROM") else ()
        where = self.expression() if self.take_word("WHERE") else None
        group_by = self._list_of_expressions("GROUP")
        order_by = self._order_by()
        offset = self._count() if self.take_word("OFFSET") else None
        limit = self._count() if self.take_word("LIMIT") else None
        if (offset is None) != (limit is None):
            raise bad_query("Syntax error, OFFSET and LIMIT go together")
        if projections is None and len(sources) > 1:
            raise bad_query("'SELECT *' is only valid with a single input set")
        return Query(projections, value, distinct, top, sources, where, group_by, order_by, offset, limit)

    def _count(self) -> Expression:
        token = self.take()
        if token.kind == "parameter":
            return Parameter(token.text)
        if token.kind != "number":
            raise bad_query("Syntax error, expected a number or a parameter")
        return Literal(token.value)

    def _projections(self, value: bool) -> tuple[Projection, ...]:
        found = [self._projection()]
        while self.take_sign(","):
            found.append(self._projection())
        if value and len(found) > 1:
            raise bad_query("Syntax error, SELECT VALUE takes one expression")
        return tuple(found)

    def _projection(self) -> Projection:
        expression = self.expression()
        if self.take_word("AS"):
            return Projection(expression, self.name())
        if self.peek().kind == "name" and self.peek().keyword not in CLAUSES:
            return Projection(expression, self.name())
        return Projection(expression, None)

    def _sources(self) -> tuple[Source, ...]:
        found = [self._source(())]
        while self.take_word("JOIN"):
            found.append(self._source(tuple(found)))
        return tuple(found)

    def _source(self, earlier: tuple[Source, ...]) -> Source:
        if self.peek().text == "(":
            return self._derived()
        first = self.primary()
        if isinstance(first, Name) and self.take_word("IN"):
            if self.peek().text == "(":
                return Source(first.name, self.primary(), each=True)
            return Source(first.name, self._rooted(self.primary(), earlier), each=True)
        alias = self._alias() or _last_name(first)
        return Source(alias, self._rooted(first, earlier), each=False)

    def _derived(self) -> Source:
        of = self.primary()
        alias = self._alias()
        if alias is None:
            raise bad_query("Syntax error, a subquery in FROM needs an alias")
        return Source(alias, of, each=True)

    def _alias(self) -> str | None:
        if self.take_word("AS"):
            return self.name()
        if self.peek().kind == "name" and self.peek().keyword not in CLAUSES:
            return self.name()
        return None

    def _rooted(self, of: Expression, earlier: tuple[Source, ...]) -> Expression | None:
        """A first source that is a bare name is the container, whatever it is called."""
        if earlier or self.nested:
            return of
        return None if isinstance(of, Name) else of

    def _list_of_expressions(self, word: str) -> tuple[Expression, ...]:
        if not self.take_word(word):
            return ()
        self.expect_word("BY")
        found = [self.expression()]
        while self.take_sign(","):
            found.append(self.expression())
        return tuple(found)

    def _order_by(self) -> tuple[SortItem, ...]:
        if not self.take_word("ORDER"):
            return ()
        self.expect_word("BY")
        found = [self._sort_item()]
        while self.take_sign(","):
            found.append(self._sort_item())
        return tuple(found)

    def _sort_item(self) -> SortItem:
        of = self.expression()
        descending = self.take_word("DESC")
        if not descending:
            self.take_word("ASC")
        return SortItem(of, descending)


CLAUSES = frozenset(
    (
        "FROM",
        "WHERE",
        "GROUP",
        "ORDER",
        "OFFSET",
        "LIMIT",
        "JOIN",
        "IN",
        "AS",
        "AND",
        "OR",
        "ASC",
        "DESC",
        "BY",
    )
)


def _last_name(of: Expression) -> str:
    if isinstance(of, Name):
        return of.name
    if isinstance(of, Member) and isinstance(of.key, Literal):
        return str(of.key.value)
    raise bad_query("Syntax error, the input set needs an alias")
