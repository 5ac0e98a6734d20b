"""The snapshot as JSON, for programs that show it to somebody; its size does not grow with the file."""

from __future__ import annotations

import json
from collections.abc import Mapping

from taskhub.observing.snapshot import Snapshot
from taskhub.observing.stored import Parked
from taskhub.portrait import instant

_MOST_HUBS = 100
_MOST_PARKED = 20
_MOST_CHARACTERS = 300


def as_json(seen: Snapshot) -> str:
    """One object: hubs with their counts, then what concerns the whole process."""
    stored = seen.stored
    names = sorted(stored.hubs.values())
    return json.dumps(
        {
            "taken_at": instant(seen.taken_at),
            "hubs": [_hub(seen, name) for name in names[:_MOST_HUBS]],
            "hubs_total": len(names),
            "leases": seen.leases,
            "oldest_item_age_seconds": {
                kind: max(0.0, (seen.taken_at - at) / 1e6) for kind, at in stored.oldest.items()
            },
            "timers": stored.timers,
            "next_timer_seconds": _until(stored.next_timer, seen.taken_at),
            "parked": [_parked(one) for one in stored.parked[:_MOST_PARKED]],
            "parked_total": stored.parked_total,
            "storage_healthy": seen.failure is None,
            "storage_failure": seen.failure or "",
            "write_backlog": seen.backlog,
            "database_bytes": stored.size,
        }
    )


def _hub(seen: Snapshot, name: str) -> dict[str, object]:
    stored = seen.stored
    return {
        "name": name,
        "workers": sum(one.hub == name for one in seen.workers),
        "instances": _of(name, stored.instances),
        "waiting": _of(name, stored.waiting),
        "entities": stored.entities.get(name, 0),
    }


def _of(hub: str, counts: Mapping[tuple[str, str], int]) -> dict[str, int]:
    return {what: found for (owner, what), found in sorted(counts.items()) if owner == hub}


def _until(due: int | None, now: int) -> float | None:
    return None if due is None else max(0.0, (due - now) / 1e6)


def _parked(one: Parked) -> dict[str, str]:
    return {
        "at": instant(one.at),
        "hub": one.hub,
        "kind": one.kind,
        "name": one.name[:_MOST_CHARACTERS],
        "owner": one.owner[:_MOST_CHARACTERS],
        "reason": one.reason[:_MOST_CHARACTERS],
    }
