"""Deciding in line mode: about what was read out, after a yes in words, and said for what became of it."""

from collections.abc import Mapping

from casework.action import Action
from casework.decision import DecisionRequest
from casework.reasons import Verdict, verdict_of
from casework.views import CaseDetail
from console.format import clean, words
from console.lines import said
from console.pages import decision as pages
from console.plain.looking import NOT_OPEN
from console.plain.talk import Talk
from console.plain.writing import Words
from console.problems import ConsoleError, RefusedError


async def approve(talk: Talk, rest: str) -> None:
    """Approve what is recommended, or the action that is named."""
    detail = await _decidable(talk)
    if detail is None:
        return
    action = _action(rest) if rest else detail.summary.recommended_action
    if action is None:
        choices = ", ".join(choice.in_words for choice in Action)
        talk.say(f"There is no such action; there are: {choices}.")
        return
    talk.say_page(pages.subject(detail, talk.sheet))
    talk.say_page(pages.consequences(detail, action, talk.sheet))
    talk.say_page(pages.warnings(detail, talk.me, talk.sheet))
    sure, why = await talk.sure_why(
        f"Approve {pages.in_words(action)}?", verdict_of(True, action, escalate=False)
    )
    if sure:
        await _send(talk, detail, {"approved": True, "action": action, "reason_code": why})
    else:
        talk.say("Nothing was sent.")


async def reject(talk: Talk, rest: str) -> None:
    """Reject with feedback, given at once or asked for."""
    detail = await _decidable(talk)
    if detail is None:
        return
    talk.say_page(pages.subject(detail, talk.sheet))
    talk.say_page(pages.rejection(detail.summary, talk.sheet))
    talk.say_page(pages.warnings(detail, talk.me, talk.sheet))
    written = Words(talk, detail.case.case_id, "feedback")
    text = await written.get(rest, "What is wrong, or missing? An empty line goes back: ")
    await _send_words(talk, detail, Verdict.REJECT, written, text)


async def escalate(talk: Talk, rest: str) -> None:
    """Send the case to the senior queue, with a reason given at once or asked for."""
    detail = await _decidable(talk)
    if detail is None:
        return
    talk.say_page(pages.subject(detail, talk.sheet))
    talk.say_page(pages.never_undone(talk.sheet))
    talk.say_page(pages.before_this(detail, talk.me, talk.sheet))
    written = Words(talk, detail.case.case_id, "escalation")
    text = await written.get(rest, "Why? A senior reads it; an empty line goes back: ")
    await _send_words(talk, detail, Verdict.ESCALATE, written, text)


_ASKED = {Verdict.REJECT: "Reject with the feedback", Verdict.ESCALATE: "Escalate with the reason"}


async def _send_words(
    talk: Talk, detail: CaseDetail, verdict: Verdict, written: Words, text: str | None
) -> None:
    """Send a decision that needs words, once they are there and the analyst is sure."""
    what = f"{_ASKED[verdict]}: {clean(text or '')}?"
    sure, why = await talk.sure_why(what, verdict) if text else (False, None)
    if not (sure and text):
        kept = "; what you wrote is kept" if written.draft else ""
        talk.say(f"Nothing was sent{kept}.")
        return
    escalates = verdict is Verdict.ESCALATE
    fields = {"approved": False, "escalate": escalates, "feedback": text, "reason_code": why}
    if await _send(talk, detail, fields):
        await written.sent(text)


def _action(text: str) -> Action | None:
    wanted = text.lower().replace("_", " ")
    return next((one for one in Action if wanted in (one.value.replace("_", " "), one.in_words)), None)


def _binding(detail: CaseDetail) -> dict[str, object]:
    return {"attempt": detail.summary.attempt, "assessment_hash": detail.summary.assessment_hash}


async def _decidable(talk: Talk) -> CaseDetail | None:
    """The case in hand as it was read out, if it still asks that; else what changed is said."""
    if talk.seen is None:
        talk.say(NOT_OPEN)
        return None
    detail = await talk.desk.read(talk.seen.case.case_id)
    if _went_on(talk, talk.seen, detail):
        return None
    if reason := pages.why_not(detail):
        talk.say(f"{reason[0].upper()}{reason[1:]}.")
        return None
    return detail


def _went_on(talk: Talk, seen: CaseDetail, now: CaseDetail) -> bool:
    if pages.question(seen.summary) == pages.question(now.summary):
        return False
    talk.say_page(pages.overtaken(seen.summary, now.summary, talk.sheet))
    talk.say("Type why to read the case as it is now.")
    return True


async def _send(talk: Talk, detail: CaseDetail, fields: Mapping[str, object]) -> bool:
    """Send it, unless the case went on while the question was being answered; whether it is recorded."""
    request = DecisionRequest.model_validate({**_binding(detail), **fields})
    talk.take_in()
    row = talk.state.cases.get(detail.case.case_id, detail.summary)
    if row.seq > detail.summary.seq and _went_on(talk, detail, detail.model_copy(update={"summary": row})):
        return False
    talk.say("Sending the decision; it is not recorded yet.")
    try:
        summary = await talk.desk.decide(detail.case.case_id, request)
    except RefusedError as error:
        await _refused(talk, detail, error)
        return False
    talk.say(f"Recorded: {summary.decided or words(summary.status)}. Type next for the next case.")
    return True


async def _refused(talk: Talk, detail: CaseDetail, error: RefusedError) -> None:
    try:
        now = (await talk.desk.read(detail.case.case_id)).summary
    except ConsoleError:
        now = None
    lines = pages.refusal(str(error), detail.summary, now, talk.sheet)
    talk.say_page([*lines, said("Type why to read the case as it is now.")])
