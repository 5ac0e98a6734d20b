"""The verb that undoes: an executed step of a closed case, by a senior, with a reason."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from console.format import words
from console.problems import RefusedError, UsageError
from console.session import AsOption, CaseArgument, JsonOption, ServerOption, Session
from console.verbs.naming import named

if TYPE_CHECKING:
    from casework.action import ActionReceipt
    from console.api import ConsoleApi


def reverse(
    case_id: CaseArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why; it stays in the record.")],
    action_id: Annotated[
        str | None,
        typer.Option("--action-id", help="Which step, by its id or name, if several were executed."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Undo an executed step of a closed case; for seniors."""
    if not reason.strip():
        raise typer.BadParameter("must not be empty", param_hint="--reason")
    session = Session(server, operator, as_json)

    async def work(api: "ConsoleApi") -> int:
        from console.pages.reversal import undoable  # noqa: PLC0415

        detail = await named(api, case_id, api.case)
        receipt = one_of(detail.case.case_id, undoable(detail.case), action_id)
        undo = words(receipt.step.inverse)
        if session.interactive and not yes:
            about = f"customer {detail.summary.customer_id}, {receipt.reference}"
            if not typer.confirm(f"{undo} on {detail.case.case_id} ({about})?"):
                session.say("Nothing was sent.")
                return 1
        row = await api.reverse(detail.case.case_id, receipt.action_id, reason)
        if session.as_json:
            session.answer(row)
        session.say(
            f"Ordered: {undo} on {row.case_id}. `show {row.case_id} --timeline` says when it is done."
        )
        return 0

    session.run(work)


def one_of(case_id: str, receipts: "Sequence[ActionReceipt]", wanted: str | None) -> "ActionReceipt":
    """The step that is meant. Raises RefusedError when there is none, UsageError when there are several."""
    if not receipts:
        raise RefusedError(f"{case_id}: there is nothing to undo: no executed step of a closed case is left")
    meant = [r for r in receipts if wanted is None or wanted in (r.action_id, r.step, words(r.step))]
    if len(meant) == 1:
        return meant[0]
    steps = ", ".join(f"{r.step} ({r.action_id})" for r in receipts)
    raise UsageError(f"{case_id}: name one step with --action-id; there are {steps}")
