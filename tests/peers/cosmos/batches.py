"""Transactional batches: all operations of one logical partition, or none of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.peers.cosmos.documents import Conditions, Documents, Outcome
from tests.peers.cosmos.refusals import Refused, bad_request

MOST_OPERATIONS = 100
Operation = Mapping[str, Any]


def run_batch(
    documents: Documents, operations: Sequence[Operation]
) -> tuple[int, list[dict[str, Any]], float]:
    """Status, a result for each operation and the charge. Raises 400 for what is no batch at all."""
    if not 1 <= len(operations) <= MOST_OPERATIONS:
        raise bad_request(
            f"Batch request has {len(operations)} operations; it may have 1 to {MOST_OPERATIONS}."
        )
    before, changes = documents.snapshot(), len(documents.partition.changes)
    done: list[Outcome] = []
    for operation in operations:
        try:
            done.append(_run(documents, operation))
        except Refused as refused:
            documents.restore(before, changes)
            return 207, _failed(operations, len(done), refused), sum(each.charge for each in done) + 1
    documents.commit()
    return 200, [_result(each) for each in done], sum(each.charge for each in done)


def _run(documents: Documents, operation: Operation) -> Outcome:
    kind = str(operation.get("operationType", ""))
    run = _RUNNERS.get(kind)
    if run is None:
        raise bad_request(f"The batch operation '{kind}' is not known.")
    when = Conditions(operation.get("ifMatch"), operation.get("ifNoneMatch"))
    try:
        return run(documents, operation, when)
    except KeyError as missing:
        raise bad_request(f"The batch operation '{kind}' lacks {missing}.") from None


_RUNNERS: dict[str, Callable[[Documents, Operation, Conditions], Outcome]] = {
    "Create": lambda documents, operation, _when: documents.create(operation["resourceBody"]),
    "Upsert": lambda documents, operation, when: documents.upsert(operation["resourceBody"], when),
    "Replace": lambda documents, operation, when: documents.replace(
        operation["id"], operation["resourceBody"], when
    ),
    "Patch": lambda documents, operation, when: documents.patch(
        operation["id"], operation["resourceBody"], when
    ),
    "Delete": lambda documents, operation, when: documents.delete(operation["id"], when),
    "Read": lambda documents, operation, when: documents.read(operation["id"], when),
}


def _result(outcome: Outcome) -> dict[str, Any]:
    result: dict[str, Any] = {"statusCode": outcome.status, "requestCharge": outcome.charge}
    if outcome.document is not None:
        result |= {"eTag": outcome.etag, "resourceBody": outcome.document}
    return result


def _failed(operations: Sequence[Operation], at: int, refused: Refused) -> list[dict[str, Any]]:
    """The operation that failed says why, the others that they depended on it."""
    results: list[dict[str, Any]] = [{"statusCode": 424, "requestCharge": 0} for _ in operations]
    results[at] = {"statusCode": refused.status, "subStatusCode": refused.substatus, "requestCharge": 1}
    return results
