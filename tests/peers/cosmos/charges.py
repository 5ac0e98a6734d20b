"""Request units, close enough to the published examples that a ten times too dear query shows.

Point read of 1 KB: 1. Create of 1 KB: about 5.5, replace twice that. A query has a floor, then pays for
each index entry it looks at, each document it loads and each kilobyte it returns.
"""

QUERY_FLOOR = 2.3
INDEX_ENTRY = 0.01
LOADED_DOCUMENT = 0.05
LOADED_KILOBYTE = 0.05
RETURNED_KILOBYTE = 0.02
METADATA = 1.0


def read(size: int) -> float:
    return round(1 + 0.1 * max(0.0, size / 1024 - 1), 2)


def write(size: int, terms: int, *, replaces: bool = False) -> float:
    """`terms` are the index entries that the document has; a replaced document pays for both versions."""
    cost = 4.9 + 0.45 * max(1.0, size / 1024) + 0.02 * terms
    return round(cost * (1.9 if replaces else 1), 2)


def change_feed(size: int) -> float:
    return round(1 + 0.12 * size / 1024, 2)


def query(entries: int, loaded: int, loaded_size: int, returned_size: int) -> float:
    cost = INDEX_ENTRY * entries + LOADED_DOCUMENT * loaded + LOADED_KILOBYTE * loaded_size / 1024
    return round(QUERY_FLOOR + cost + RETURNED_KILOBYTE * returned_size / 1024, 2)
