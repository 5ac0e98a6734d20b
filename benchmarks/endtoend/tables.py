"""Numbers as the tables show them."""

import statistics
from collections.abc import Iterable, Sequence


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed; 0 without values."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]


def median_row(rows: Sequence[Sequence[float]]) -> list[float]:
    """Column by column, the median of several runs."""
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A Markdown table."""
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(_shown(value) for value in row)} |", flush=True)
    print(flush=True)


def _shown(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"
