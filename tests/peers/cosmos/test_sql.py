"""What expressions and clauses mean, on one document, without a server."""

from typing import Any

import pytest

from tests.peers.cosmos.refusals import Refused
from tests.peers.cosmos.sql.checks import check
from tests.peers.cosmos.sql.evaluate import Scope
from tests.peers.cosmos.sql.parser import parse
from tests.peers.cosmos.sql.rows import project, rows_of, run_nested
from tests.peers.cosmos.sql.text import query_text
from tests.peers.cosmos.sql.values import UNDEFINED, sort_key

DOCUMENT: dict[str, Any] = {
    "id": "1",
    "n": 5,
    "name": "Ada O'Neil",
    "nothing": None,
    "yes": True,
    "tags": ["a", "b"],
    "lines": [{"price": 1, "sku": "x"}, {"price": 3, "sku": "y"}],
    "address": {"city": "Paris", "order by": 1},
}


def run(text: str, **parameters: Any) -> list[Any]:
    query = parse(text)
    check(query)
    scope = Scope({}, {f"@{name}": value for name, value in parameters.items()}, None, run_nested)
    return [project(query, scope.at(row)) for row in rows_of(query, DOCUMENT, scope)]


def value(expression: str, **parameters: Any) -> Any:
    return run(f"SELECT VALUE {expression} FROM c", **parameters)[0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3 - -1", 8),
        ("(1 + 2) * 3", 9),
        ("7 % 4 / 2", 1.5),
        ("1 / 0", UNDEFINED),
        ("'a' || \"b\"", "ab"),
        ("'it\\'s'", "it's"),
        ("c.n = 5 AND c.yes", True),
        ("c.n != 5 OR NOT c.yes", False),
        ("c.n <> 4", True),
        ("c.n BETWEEN 5 AND 6 AND c.n NOT BETWEEN 1 AND 4", True),
        ("c.n IN (1, 5)", True),
        ("c.n NOT IN (1, 5)", False),
        ("c.name LIKE 'Ada%'", True),
        ("c.name LIKE '_da'", False),
        ("c.n > 3 ? 'big' : 'small'", "big"),
        ("c.absent ?? 'default'", "default"),
        ("c.nothing ?? 'default'", None),
        ("c['address'][\"city\"]", "Paris"),
        ("c.tags[1]", "b"),
        ("c.tags[9]", UNDEFINED),
        ("{'a': c.n, b: [c.absent, 1]}", {"a": 5, "b": [1]}),
    ],
)
def test_operators(expression: str, expected: Any) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("c.absent = 1", UNDEFINED),
        ("c.absent != 1", UNDEFINED),
        ("NOT c.absent", UNDEFINED),
        ("c.absent AND false", False),
        ("c.absent AND true", UNDEFINED),
        ("c.absent OR true", True),
        ("c.absent OR false", UNDEFINED),
        ("c.absent IN (1)", UNDEFINED),
        ("c.name > 1", UNDEFINED),
        ("c.n = '5'", False),
        ("c.nothing = null", True),
        ("c.n != null", True),
        ("c.tags > [1]", UNDEFINED),
        ("c.tags = ['a', 'b']", True),
        ("c.address.city.x.y", UNDEFINED),
    ],
)
def test_undefined_is_neither_true_nor_false(expression: str, expected: Any) -> None:
    assert value(expression) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("IS_DEFINED(c.absent)", False),
        ("IS_DEFINED(c.nothing)", True),
        ("IS_NULL(c.nothing)", True),
        ("IS_STRING(c.n)", False),
        ("CONTAINS(c.name, 'ada')", False),
        ("CONTAINS(c.name, 'ada', true)", True),
        ("contains(c.n, 'ada', true)", UNDEFINED),
        ("STARTSWITH(c.name, 'Ada')", True),
        ("ENDSWITH(LOWER(c.name), 'neil')", True),
        ("UPPER(c.address.city)", "PARIS"),
        ("LENGTH(c.name)", 10),
        ("ABS(-2.5)", 2.5),
        ("ROUND(2.5)", 3),
        ("ARRAY_CONTAINS(c.tags, 'a')", True),
        ("ARRAY_CONTAINS(c.lines, {'sku': 'x'})", False),
        ("ARRAY_CONTAINS(c.lines, {'sku': 'x'}, true)", True),
        ("ARRAY_LENGTH(c.tags)", 2),
        ("CONCAT(c.address.city, '-', 'x')", "Paris-x"),
        ("SUBSTRING(c.name, 0, 3)", "Ada"),
        ("INDEX_OF(c.name, 'O')", 4),
        ("REGEXMATCH(c.name, '^ada', 'i')", True),
    ],
)
def test_functions(expression: str, expected: Any) -> None:
    assert value(expression) == expected


def test_parameters_stand_for_values() -> None:
    assert value("c.n = @n AND ARRAY_CONTAINS(@names, c.name)", n=5, names=["Ada O'Neil"]) is True
    with pytest.raises(Refused, match="not supplied"):
        value("c.n = @other")


def test_a_select_list_names_its_columns_and_leaves_out_what_is_undefined() -> None:
    assert run("SELECT c.n, c.address.city, c.n + 1 AS m, c.n * 2, c.absent FROM c") == [
        {"n": 5, "city": "Paris", "m": 6, "$1": 10}
    ]


def test_the_container_goes_by_any_name() -> None:
    assert run("SELECT VALUE r.n FROM root r") == run("SELECT VALUE cases.n FROM cases") == [5]
    assert run("SELECT VALUE x.n FROM cases AS x WHERE x.id = '1'") == [5]


def test_a_join_unrolls_lists() -> None:
    assert run("SELECT l.sku, t AS tag FROM c JOIN l IN c.lines JOIN t IN c.tags WHERE l.price > 1") == [
        {"sku": "y", "tag": "a"},
        {"sku": "y", "tag": "b"},
    ]
    assert run("SELECT VALUE t FROM t IN c.tags") == ["a", "b"]
    assert run(
        "SELECT VALUE l.sku FROM c JOIN (SELECT VALUE l FROM l IN c.lines WHERE l.price = 1) AS l"
    ) == ["x"]


def test_subqueries_see_the_row_around_them() -> None:
    assert value("EXISTS(SELECT VALUE l FROM l IN c.lines WHERE l.price > c.n)") is False
    assert value("ARRAY(SELECT VALUE l.price * 2 FROM l IN c.lines)") == [2, 6]
    assert value("(SELECT VALUE SUM(l.price) FROM l IN c.lines)") == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT",
        "SELECT * FROM c WHERE",
        "SELECT * FROM c ORDER c.n",
        "SELECT * FROM c JOIN t IN c.tags",
        "SELECT VALUE c.n, c.m FROM c",
        "SELECT d.n FROM c",
        "SELECT NO_SUCH(c.n) FROM c",
        "SELECT * FROM c WHERE COUNT(1) > 1",
        "SELECT * FROM c; DROP",
        "SELECT * FROM c WHERE c.name = 'open",
        "SELECT * FROM c OFFSET 1",
        "UPDATE c SET c.n = 1",
    ],
)
def test_what_is_no_query_is_a_bad_request(text: str) -> None:
    with pytest.raises(Refused) as refused:
        run(text)
    assert refused.value.status == 400


def test_values_have_an_order_across_types() -> None:
    ordered = [UNDEFINED, None, False, True, -1, 2.5, 3, "", "Z", "a", [], [1], {}, {"a": 1}]
    assert sorted([*ordered[7:], *ordered[:7]], key=sort_key) == ordered


@pytest.mark.parametrize(
    "text",
    [
        "SELECT DISTINCT TOP @n c.id, c.n + 1 AS m FROM c JOIN t IN c.tags WHERE NOT c.n IN (1, 2)",
        "SELECT VALUE {'a': [c.n ? 1 : null]} FROM r AS c ORDER BY c.n DESC, c.id OFFSET 1 LIMIT 2",
        "SELECT c.a, COUNT(1) AS n FROM c WHERE c.x BETWEEN 1 AND @y GROUP BY c.a",
        "SELECT VALUE EXISTS(SELECT VALUE l FROM l IN c.lines) FROM c WHERE LOWER(c['order by']) = \"é'\"",
    ],
)
def test_syntax_is_written_as_text_that_reads_the_same(text: str) -> None:
    query = parse(text)
    assert parse(query_text(query)) == query
