"""Looking in line mode: the list, a case, and why; what is read out is what a decision will be about."""

from casework.events import CaseEvent
from casework.filters import FilterError, parse
from casework.views import CaseDetail
from console import news as n
from console.format import plural
from console.pages import case_head, case_sections
from console.pages.customer import known_cases
from console.pages.decision import question, what_changed
from console.pages.findings import findings_section
from console.pages.status import count
from console.pages.timeline import timeline_section
from console.plain.talk import Talk
from console.plain.words import case_sentence, connection_sentence
from console.plain.writing import remind
from console.rings import found_in
from console.rows import with_other_cases
from console.verbs.naming import case_meant

LISTED = 20
NOT_OPEN = "No case is in hand. Type open and its number, or next."


async def say_list(talk: Talk, rest: str) -> None:
    """The queue, numbered anew."""
    talk.numbered = tuple(row.case_id for row in talk.rows())
    talk.say(f"{plural(len(talk.numbered), 'case')}, filter {talk.wanted.text or 'none'}.")
    _say_from(talk, 0)


async def say_more(talk: Talk, rest: str) -> None:
    """More of the list as it was numbered."""
    if talk.listed_to >= len(talk.numbered):
        talk.say("That was all; type list to hear it again.")
    _say_from(talk, talk.listed_to)


def _say_from(talk: Talk, start: int) -> None:
    shown = talk.numbered[start : start + LISTED]
    for at, case_id in enumerate(shown, start=start + 1):
        row = talk.state.cases.get(case_id)
        talk.say(f"{at}. {case_sentence(row, talk.now()) if row else f'{case_id}, not held any more'}.")
    talk.listed_to = start + len(shown)
    if talk.listed_to < len(talk.numbered):
        talk.say(f"{len(talk.numbered) - talk.listed_to:,} more; type more.")


async def narrow(talk: Talk, rest: str) -> None:
    """Filter the queue in the console's language; without words, everything open."""
    try:
        talk.wanted = parse(rest)
    except FilterError as error:
        talk.say(str(error))
        return
    await say_list(talk, "")


async def open_case(talk: Talk, rest: str) -> None:
    """Read a case out by its number in the list, or by any part of its id that no other id contains."""
    if not rest:
        talk.say("Type open and a number of the list, or part of a case id.")
    elif rest.isdecimal() and 1 <= int(rest) <= len(talk.numbered):
        await read_out(talk, talk.numbered[int(rest) - 1])
    else:
        await read_out(talk, await case_meant(talk.api, rest))


async def read_out(talk: Talk, case_id: str) -> None:
    """Take a case in hand and say who, what, how sure and by when."""
    detail = await _read(talk, case_id)
    held = talk.state.cases.get(case_id)
    number = held.other_cases if held else found_in(detail)
    talk.say_page(case_head.head(with_other_cases(detail.summary, number), talk.sheet))
    talk.say_page(case_head.what_is_asked(detail.case, talk.sheet))
    remind(talk, case_id)
    talk.say("Type why, findings, tools or timeline to read more; approve or reject to decide.")


async def why(talk: Talk, rest: str) -> None:
    """Why the risk is what it is, as it stands now."""
    if talk.seen is None:
        talk.say(NOT_OPEN)
        return
    before = talk.seen.summary
    detail = await _read(talk, before.case_id)
    if question(before) != question(detail.summary):
        talk.say("Since you read it last:")
        talk.say_page(what_changed(before, detail.summary, talk.sheet))
    events = _events(talk)
    talk.say_page(case_sections.assessment_section(detail, events, talk.sheet))


async def findings(talk: Talk, rest: str) -> None:
    """What each specialist claims."""
    if detail := await _in_hand(talk):
        talk.say_page(findings_section(detail, talk.sheet, _events(talk), whole=True))


async def tools(talk: Talk, rest: str) -> None:
    """Every tool call with its whole result."""
    if detail := await _in_hand(talk):
        talk.say_page(case_sections.tools_section(detail, _events(talk), talk.sheet, whole=True))


async def timeline(talk: Talk, rest: str) -> None:
    """The record."""
    if await _in_hand(talk):
        talk.say_page(timeline_section(_events(talk), talk.sheet))


async def earlier(talk: Talk, rest: str) -> None:
    """Other cases of the customer, and those of linked customers."""
    detail = await _in_hand(talk)
    if detail is None:
        return
    others = [row for row in detail.related if row.case_id != detail.case.case_id]
    talk.say(f"The customer has {plural(len(others), 'other case')}.")
    for row in others:
        talk.say(f"{case_sentence(row, talk.now())}.")
    linked = known_cases(detail, talk.state.ring(detail.summary.customer_id))
    linked.pop(detail.summary.customer_id, None)
    for customer, cases in linked.items():
        talk.say(f"Customer {customer}, who is linked to this one, has {plural(len(cases), 'case')}.")
        for row in cases[:LISTED]:
            talk.say(f"{case_sentence(row, talk.now())}.")


async def status(talk: Talk, rest: str) -> None:
    """The line to the server, who we are to it, and what waits."""
    talk.take_in()
    talk.say(connection_sentence(talk.state, talk.now()))
    if me := talk.state.me:
        role = me.actor.role or "without a role"
        talk.say(f"Environment {me.environment}, you are {me.actor.label}, {role}.")
    found = count(talk.state.cases.values(), talk.state.actor_id)
    talk.say(
        f"{found.waiting} waiting for a decision, {found.mine} mine, {found.held} held, "
        f"{found.working} with the agents."
    )


async def _read(talk: Talk, case_id: str) -> CaseDetail:
    """A case from the server; from here on it is the one in hand, and what was read out."""
    talk.tell(n.CaseOpened(case_id))
    talk.seen = await talk.desk.read(case_id)
    talk.take_in()
    return talk.seen


async def _in_hand(talk: Talk) -> CaseDetail | None:
    """The case in hand, read again; if it asks something else by now, that is said and not read out."""
    if talk.seen is None:
        talk.say(NOT_OPEN)
        return None
    seen = talk.seen.summary
    detail = await talk.desk.read(seen.case_id)
    talk.take_in()
    if question(seen) != question(detail.summary):
        talk.say("The case went on; type why to read it as it is now.")
        talk.say_page(what_changed(seen, detail.summary, talk.sheet))
        return None
    return detail


def _events(talk: Talk) -> tuple[CaseEvent, ...]:
    return talk.state.opened.events if talk.state.opened else ()
