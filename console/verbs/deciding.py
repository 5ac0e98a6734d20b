"""Verbs that decide: approve, reject and escalate, for one case or several at once."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from casework.action import Action
from casework.reasons import CODES, ReasonCode, Verdict, misfit, verdict_of
from console.clock import wall_clock
from console.format import plural, words
from console.pages.sheet import Sheet
from console.problems import PARTIAL, ConsoleError, RefusedError, UsageError
from console.session import AsOption, JsonOption, ServerOption, Session
from console.verbs.naming import named

if TYPE_CHECKING:
    from casework.decision import DecisionRequest
    from casework.views import BulkResponse, CaseDetail
    from console.api import ConsoleApi

CasesArgument = Annotated[list[str], typer.Argument(metavar="CASE", help="One case or several.")]
HashOption = Annotated[
    str | None, typer.Option("--hash", help="Only if the assessment's hash still begins like this.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def _code_option(*verdicts: Verdict) -> Any:
    """Why, as one of the codes that fit; completion offers these alone."""
    fitting = [code.value for verdict in verdicts for code in CODES[verdict]]
    text = f"Why, as a code to count by: {', '.join(fitting)}."
    return typer.Option("--reason-code", metavar="CODE", help=text, autocompletion=lambda: fitting)


ApproveCode = Annotated[ReasonCode | None, _code_option(Verdict.APPROVE, Verdict.CLEAR)]
RejectCode = Annotated[ReasonCode | None, _code_option(Verdict.REJECT)]
EscalateCode = Annotated[ReasonCode | None, _code_option(Verdict.ESCALATE)]
NotesOption = Annotated[str, typer.Option(help="A word for the record.")]
SHORTEST_HASH = 8


def approve(
    case_ids: CasesArgument,
    *,
    action: Annotated[
        Action | None, typer.Option(help="What to approve, if not what is recommended.")
    ] = None,
    pinned: HashOption = None,
    reason_code: ApproveCode = None,
    notes: NotesOption = "",
    yes: YesOption = False,
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve what is recommended, or another action. Bound to the assessment that was read."""
    from casework.decision import DecisionRequest  # noqa: PLC0415

    def make(detail: "CaseDetail") -> "DecisionRequest":
        chosen = action or detail.summary.recommended_action
        binding, why = bound(detail, pinned), _fitting(reason_code, verdict_of(True, chosen, escalate=False))
        return DecisionRequest(**binding, approved=True, action=chosen, notes=notes, reason_code=why)

    _decide(Session(server, operator, as_json), case_ids, make, yes=yes)


def reject(
    case_ids: CasesArgument,
    *,
    feedback: Annotated[str, typer.Option(help="What is wrong or missing; the agents read it.")],
    pinned: HashOption = None,
    reason_code: RejectCode = None,
    notes: NotesOption = "",
    yes: YesOption = False,
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reject with feedback: the agents look again. Bound to the assessment that was read."""
    from casework.decision import DecisionRequest  # noqa: PLC0415

    if not feedback.strip():
        raise typer.BadParameter("must not be empty", param_hint="--feedback")

    def make(detail: "CaseDetail") -> "DecisionRequest":
        binding, why = bound(detail, pinned), _fitting(reason_code, Verdict.REJECT)
        return DecisionRequest(**binding, approved=False, feedback=feedback, notes=notes, reason_code=why)

    _decide(Session(server, operator, as_json), case_ids, make, yes=yes)


def escalate(
    case_ids: CasesArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why a senior shall decide; they read it.")],
    pinned: HashOption = None,
    reason_code: EscalateCode = None,
    yes: YesOption = False,
    server: ServerOption = None,
    operator: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send to the senior queue now. Bound to the assessment that was read."""
    from casework.decision import DecisionRequest  # noqa: PLC0415

    if not reason.strip():
        raise typer.BadParameter("must not be empty", param_hint="--reason")

    def make(detail: "CaseDetail") -> "DecisionRequest":
        binding, why = bound(detail, pinned), _fitting(reason_code, Verdict.ESCALATE)
        return DecisionRequest(**binding, approved=False, escalate=True, feedback=reason, reason_code=why)

    _decide(Session(server, operator, as_json), case_ids, make, yes=yes)


def _fitting(code: ReasonCode | None, verdict: Verdict) -> ReasonCode | None:
    """The code, if it is one of the verdict. Raises UsageError."""
    if code is not None and (why := misfit(code, verdict)):
        raise UsageError(f"--reason-code: {why}")
    return code


def bound(detail: "CaseDetail", pinned: str | None) -> dict[str, object]:
    """The attempt and assessment a decision names. Raises RefusedError when there is none, or another."""
    from console.pages.decision import why_not  # noqa: PLC0415

    row = detail.summary
    if reason := why_not(detail):
        raise RefusedError(f"{row.case_id}: {reason}")
    if pinned is not None:
        if len(pinned) < SHORTEST_HASH:
            raise UsageError(f"--hash needs at least {SHORTEST_HASH} digits")
        if not (row.assessment_hash or "").startswith(pinned.lower()):
            now = (row.assessment_hash or "")[:12]
            raise RefusedError(f"{row.case_id}: the assessment is {now} now, not {pinned}; look again")
    return {"attempt": row.attempt, "assessment_hash": row.assessment_hash}


def _decide(
    session: Session, case_ids: Sequence[str], make: "Callable[[CaseDetail], DecisionRequest]", *, yes: bool
) -> None:
    async def work(api: "ConsoleApi") -> int:
        if len(case_ids) > 1:
            return await _several(session, api, case_ids, make, yes=yes)
        return await _one(session, api, case_ids[0], make, yes=yes)

    session.run(work)


async def _one(
    session: Session,
    api: "ConsoleApi",
    case_id: str,
    make: "Callable[[CaseDetail], DecisionRequest]",
    *,
    yes: bool,
) -> int:
    from console.desk import Desk  # noqa: PLC0415

    detail = await named(api, case_id, api.case)
    case_id = detail.case.case_id
    request = make(detail)
    if session.interactive and not yes:
        _show(session, detail, request)
        if not typer.confirm("Do it?"):
            session.say("Nothing was sent.")
            return 1
    row = await Desk(api, lambda news: None, give_up_seconds=30).decide(case_id, request)
    if session.as_json:
        session.answer(row)
    session.say(f"Recorded: {row.decided or words(row.status)}.")
    return 0


def _show(session: Session, detail: "CaseDetail", request: "DecisionRequest") -> None:
    from console.pages import decision as pages  # noqa: PLC0415

    sheet = Sheet(min(session.out.width, 100), wall_clock(), session.glyphs)
    session.lines(pages.subject(detail, sheet))
    if request.action is not None:
        session.lines(pages.consequences(detail, request.action, sheet))


async def _several(
    session: Session,
    api: "ConsoleApi",
    case_ids: Sequence[str],
    make: "Callable[[CaseDetail], DecisionRequest]",
    *,
    yes: bool,
) -> int:
    """Decide on several in one request; each has its own result, and one that fails stops no other."""
    from casework.views import BulkItem, BulkRequest, BulkResponse, BulkResult  # noqa: PLC0415

    items: list[BulkItem] = []
    unread: list[BulkResult] = []
    for case_id in dict.fromkeys(case_ids):
        try:
            detail = await named(api, case_id, api.case)
            request = make(detail)
        except ConsoleError as error:
            code = error.problem.status if error.problem else 409
            unread.append(BulkResult(case_id=case_id, accepted=False, status=code, detail=str(error)))
            continue
        items.append(BulkItem(case_id=detail.case.case_id, **request.model_dump()))
    if (
        items
        and session.interactive
        and not yes
        and not typer.confirm(f"Decide {plural(len(items), 'case')}?")
    ):
        return 1
    answered = await api.decide_many(BulkRequest(items=tuple(items))) if items else None
    results = (*(answered.results if answered else ()), *unread)
    accepted = sum(result.accepted for result in results)
    whole = BulkResponse(results=results, accepted=accepted, refused=len(results) - accepted)
    return _told(session, whole)


def _told(session: Session, response: "BulkResponse") -> int:
    if session.as_json:
        session.answer(response)
    for result in response.results:
        session.say(f"{'recorded' if result.accepted else 'REFUSED '} {result.case_id}: {result.detail}")
    session.say(f"{response.accepted} recorded, {response.refused} refused.")
    if not response.refused:
        return 0
    return PARTIAL if response.accepted else RefusedError.exit_code
