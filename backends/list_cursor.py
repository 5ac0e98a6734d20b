"""The cursor of a list of cases: the last row's place in the order, so that pages never skip or repeat."""

import base64
import json

from casework.errors import InvalidInputError
from casework.ports import CaseQuery


def list_cursor(query: CaseQuery, sort_key: float, case_id: str) -> str:
    """The cursor that goes on after a row."""
    token = [query.sort, query.descending, sort_key, case_id]
    return base64.urlsafe_b64encode(json.dumps(token).encode()).decode().rstrip("=")


def after_row(cursor: str, query: CaseQuery) -> tuple[float, str]:
    """The row to go on after. Raises InvalidInputError for a cursor that is none, or of another order."""
    try:
        token = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        sort, descending, key, case_id = token
        position = (float(key), str(case_id).encode().decode())
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidInputError(
            "cursor", "is not a cursor of this list; leave it out to start over"
        ) from error
    if (sort, descending) != (query.sort, query.descending):
        raise InvalidInputError("cursor", "belongs to another order; leave it out to start over")
    return position
