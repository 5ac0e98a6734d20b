"""Expressions of the query language, by precedence climbing."""

from tests.peers.cosmos.refusals import bad_query
from tests.peers.cosmos.sql.syntax import (
    Among,
    Between,
    Binary,
    Call,
    Conditional,
    Expression,
    ListOf,
    Literal,
    Member,
    Name,
    ObjectOf,
    Parameter,
    Query,
    Subquery,
    Unary,
)
from tests.peers.cosmos.sql.tokens import Token, tokens_of
from tests.peers.cosmos.sql.values import UNDEFINED

_LEVELS = {
    "??": 1,
    "OR": 2,
    "AND": 3,
    "BETWEEN": 4,
    "IN": 4,
    "NOT": 4,
    "LIKE": 5,
    **dict.fromkeys(("=", "!=", "<>", "<", "<=", ">", ">="), 5),
    "|": 6,
    "^": 7,
    "&": 8,
    "||": 9,
    "+": 9,
    "-": 9,
    "*": 10,
    "/": 10,
    "%": 10,
}
_CONSTANTS = {"TRUE": True, "FALSE": False, "NULL": None, "UNDEFINED": UNDEFINED}
_SUBQUERY_WORDS = ("EXISTS", "ARRAY")


class ExpressionParser:
    """A cursor over tokens; `nested` counts the subqueries it is inside of."""

    def __init__(self, text: str) -> None:
        self._tokens = list(tokens_of(text))
        self._at = 0
        self.nested = 0

    def peek(self, ahead: int = 0) -> Token:
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)]

    def take(self) -> Token:
        token = self.peek()
        self._at += 1
        return token

    def take_word(self, word: str) -> bool:
        return self._take_if(self.peek().keyword == word)

    def take_sign(self, sign: str) -> bool:
        return self._take_if(self.peek().kind == "sign" and self.peek().text == sign)

    def _take_if(self, wanted: bool) -> bool:
        self._at += wanted
        return wanted

    def expect_word(self, word: str) -> None:
        if not self.take_word(word):
            raise self.syntax_error()

    def expect_sign(self, sign: str) -> None:
        if not self.take_sign(sign):
            raise self.syntax_error()

    def expect_end(self) -> None:
        if self.peek().kind != "end":
            raise self.syntax_error()

    def syntax_error(self) -> Exception:
        return bad_query(f"Syntax error, incorrect syntax near '{self.peek().text}'.")

    def name(self) -> str:
        if self.peek().kind != "name":
            raise self.syntax_error()
        return self.take().text

    def query(self) -> Query:
        raise NotImplementedError

    def expression(self, level: int = 0) -> Expression:
        left = self._unary()
        while (found := _LEVELS.get(self._operator(), 0)) > level:
            left = self._continued(left, self._operator(), found)
        if level == 0 and self.take_sign("?"):
            then = self.expression()
            self.expect_sign(":")
            return Conditional(left, then, self.expression())
        return left

    def _operator(self) -> str:
        token = self.peek()
        return token.text if token.kind == "sign" else token.keyword

    def _continued(self, left: Expression, operator: str, level: int) -> Expression:
        self.take()
        if operator == "NOT":
            following = self._operator()
            if following not in {"IN", "BETWEEN", "LIKE"}:
                raise self.syntax_error()
            return Unary("NOT", self._continued(left, following, _LEVELS[following]))
        if operator == "BETWEEN":
            low = self.expression(_LEVELS["BETWEEN"])
            self.expect_word("AND")
            return Between(left, low, self.expression(_LEVELS["BETWEEN"]))
        if operator == "IN":
            self.expect_sign("(")
            return Among(left, self._listed(")"))
        return Binary("!=" if operator == "<>" else operator, left, self.expression(level))

    def _unary(self) -> Expression:
        if self.take_word("NOT"):
            return Unary("NOT", self.expression(_LEVELS["AND"]))
        for sign in "-+~":
            if self.take_sign(sign):
                return Unary(sign, self.expression(_LEVELS["*"]))
        return self.primary()

    def primary(self) -> Expression:
        """A value with the members that are picked from it."""
        found = self._atom()
        while True:
            if self.take_sign("."):
                found = Member(found, Literal(self.name()))
            elif self.take_sign("["):
                found = Member(found, self.expression())
                self.expect_sign("]")
            else:
                return found

    def _atom(self) -> Expression:
        token = self.take()
        match token.kind, token.text:
            case "number" | "string", _:
                return Literal(token.value)
            case "parameter", name:
                return Parameter(name)
            case "sign", "(":
                return self._parenthesis()
            case "sign", "[":
                return ListOf(self._listed("]"))
            case "sign", "{":
                return self._object()
            case "name", _:
                return self._named(token)
        self._at -= 1
        raise self.syntax_error()

    def _parenthesis(self) -> Expression:
        found = self._subquery("") if self.peek().keyword == "SELECT" else self.expression()
        self.expect_sign(")")
        return found

    def _subquery(self, word: str) -> Subquery:
        self.nested += 1
        query = self.query()
        self.nested -= 1
        return Subquery(word, query)

    def _named(self, token: Token) -> Expression:
        if token.keyword in _CONSTANTS:
            return Literal(_CONSTANTS[token.keyword])
        if not self.take_sign("("):
            return Name(token.text)
        if token.keyword in _SUBQUERY_WORDS and self.peek().keyword == "SELECT":
            found = self._subquery(token.keyword)
            self.expect_sign(")")
            return found
        return Call(token.keyword, self._listed(")"))

    def _listed(self, closing: str) -> tuple[Expression, ...]:
        found: list[Expression] = []
        while not self.take_sign(closing):
            if found:
                self.expect_sign(",")
            found.append(self.expression())
        return tuple(found)

    def _object(self) -> ObjectOf:
        members: list[tuple[str, Expression]] = []
        while not self.take_sign("}"):
            if members:
                self.expect_sign(",")
            key = self.take()
            self.expect_sign(":")
            members.append((key.value if key.kind == "string" else key.text, self.expression()))
        return ObjectOf(tuple(members))
