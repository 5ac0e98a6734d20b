"""A page and its tables as HTML; every value is escaped, nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """
:root{color-scheme:light dark}
body{font:14px/1.45 system-ui,sans-serif;margin:1.5rem auto;max-width:78rem;padding:0 1rem}
h1{font-size:1.25rem}h2{font-size:1rem;margin:1.6rem 0 .4rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.2rem .7rem .2rem 0;border-bottom:1px solid #8884;vertical-align:top}
th{font-weight:600;opacity:.7}.n{text-align:right;font-variant-numeric:tabular-nums}
td.wrap{overflow-wrap:anywhere}.bad{color:#c62828;font-weight:600}.quiet{opacity:.65}
nav a{margin-right:1rem}input{font:inherit}
"""


class Raw(str):
    """HTML that was made here; everything else is escaped."""

    __slots__ = ()


def page(title: str, body: Iterable[str], refresh_seconds: int = 0) -> str:
    """A whole page; its title is escaped, its body is HTML."""
    refresh = f'<meta http-equiv="refresh" content="{refresh_seconds}">' if refresh_seconds else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"{refresh}<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        '<nav><a href="/">Overview</a><a href="/instances">Instances</a><a href="/metrics">Metrics</a></nav>'
        f"<h1>{escape(title)}</h1>{''.join(body)}</body></html>"
    )


def section(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]], nothing: str = "none") -> str:
    """A table under a heading."""
    return f"<h2>{escape(title)}</h2>{table(heads, rows, nothing)}"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], nothing: str = "none") -> str:
    """Rows under their headings, or what to say when there are none."""
    kept = [tuple(row) for row in rows]
    if not kept:
        return f'<p class="quiet">{escape(nothing)}</p>'
    head = "".join(_head(one, kept[0][at]) for at, one in enumerate(heads))
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in kept)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _head(title: str, below: object) -> str:
    """A heading stands where the column's values do."""
    place = ' class="n"' if isinstance(below, int) else ""
    return f'<th scope="col"{place}>{escape(title)}</th>'


def _cell(value: object) -> str:
    if isinstance(value, Raw):
        return f"<td>{value}</td>"
    if isinstance(value, int):
        return f'<td class="n">{value:,}</td>'
    return f'<td class="wrap">{escape(str(value))}</td>'
