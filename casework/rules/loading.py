"""Reads rules from TOML and says precisely what is wrong with them."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from casework.errors import InvalidInputError
from casework.rules.spec import KINDS, RULE, Rule

_DEFAULT_FILE = "default_rules.toml"


class RuleFileError(InvalidInputError):
    """A rule file is wrong; `problems` has one sentence each: rule, field, what is allowed."""

    def __init__(self, source: str, problems: list[str]) -> None:
        super().__init__(
            source, "; ".join(problems) if len(problems) == 1 else "\n  " + "\n  ".join(problems)
        )
        self.source = source
        self.problems = tuple(problems)


def load_rules(path: Path) -> tuple[Rule, ...]:
    """The rules declared in a file; raises RuleFileError naming file, rule, field and what is allowed."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RuleFileError(str(path), [f"cannot be read: {error}"]) from error
    return parse_rules(text, str(path))


def default_rules() -> tuple[Rule, ...]:
    """The rules that ship with the product."""
    text = (resources.files("casework") / _DEFAULT_FILE).read_text(encoding="utf-8")
    return parse_rules(text, _DEFAULT_FILE)


def parse_rules(text: str, source: str) -> tuple[Rule, ...]:
    """The rules in a TOML text; `source` names it in errors. Every problem is reported."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleFileError(source, [f"is not TOML: {error}"]) from error
    problems = [
        f"{key!r} is not known at the top; allowed: [[rule]] tables" for key in document if key != "rule"
    ]
    tables = document.get("rule")
    if not isinstance(tables, list) or not tables:
        raise RuleFileError(source, [*problems, "declares no rules; allowed: one or more [[rule]] tables"])
    rules: list[Rule] = []
    for number, table in enumerate(tables, start=1):
        _read_rule(number, table, rules, problems)
    problems.extend(_repeated_ids(rules))
    if problems:
        raise RuleFileError(source, problems)
    return tuple(rules)


def _read_rule(number: int, table: Any, rules: list[Rule], problems: list[str]) -> None:
    name = f"rule {number}"
    if not isinstance(table, dict):
        problems.append(f"{name} is not a table; allowed: [[rule]] tables")
        return
    if isinstance(table.get("id"), str):
        name = f"{name} ({table['id']})"
    kind = table.get("kind")
    if kind not in KINDS:
        problems.append(f"{name}: kind: {kind!r} is not a kind of rule; allowed: {', '.join(KINDS)}")
        return
    try:
        rules.append(RULE.validate_python(table))
    except ValidationError as error:
        problems.extend(f"{name}: {_problem(kind, detail)}" for detail in error.errors(include_url=False))


def _problem(kind: str, detail: ErrorDetails) -> str:
    path = [part for part in detail["loc"] if part != kind]
    field = ".".join(str(part) for part in path)
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        message = "is not known here"
        if len(path) == 1:
            message += f"; allowed: {', '.join(KINDS[kind].model_fields)}"
    elif detail["type"] == "missing":
        message = "is required"
    return f"{field}: {message}" if field else message


def _repeated_ids(rules: list[Rule]) -> list[str]:
    seen: set[str] = set()
    repeated = []
    for rule in rules:
        if rule.id in seen:
            repeated.append(f"{rule.id}: id is used twice; allowed: one rule per id")
        seen.add(rule.id)
    return repeated
