"""`fraud-console backtest`: what rules would have done on recorded telemetry, with the live engine."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from pydantic import ValidationError

from casework.errors import InvalidInputError
from casework.rules import BacktestReport, backtest, default_rules, load_rules
from casework.telemetry import TELEMETRY, Telemetry
from devstack.errors import StackError


def run_backtest(lines: Iterable[str], rules_file: Path | None) -> BacktestReport:
    """Raises StackError naming the first line, or the rule, that is wrong."""
    try:
        rules = load_rules(rules_file) if rules_file else default_rules()
    except (InvalidInputError, OSError) as error:
        raise StackError(str(error)) from error
    return backtest(rules, _events(lines))


def table(report: BacktestReport) -> Iterator[str]:
    """The report for people, one line per rule."""
    yield f"{report.events} events, {report.hits} alerts"
    yield f"{'rule':<28} {'mode':<7} {'severity':<8} {'alerts':>6} {'customers':>9}  first"
    for rule in report.rules:
        first = f"{rule.first:%Y-%m-%d %H:%M}" if rule.first else "-"
        name = f"{rule.rule_id} v{rule.version}"
        yield f"{name:<28} {rule.mode:<7} {rule.severity:<8} {rule.hits:>6} {rule.customers:>9}  {first}"


def open_recording(path: str) -> TextIO:
    """A file of JSON lines. Raises StackError when it cannot be read."""
    try:
        return Path(path).open(encoding="utf-8")
    except OSError as error:
        raise StackError(f"cannot read {path}: {error.strerror}") from error


def _events(lines: Iterable[str]) -> Iterator[Telemetry]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield TELEMETRY.validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "record"
            raise StackError(f"line {number}: {place}: {first['msg']}") from error
