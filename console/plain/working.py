"""Taking work on and giving it back in line mode, and a word for the record."""

from console.format import until as said_until
from console.format import words
from console.moments import MomentError, moment_and_words
from console.plain.looking import NOT_OPEN, read_out
from console.plain.talk import Talk
from console.plain.writing import Words
from console.problems import CaseNotFoundError
from console.tagging import TagError, tag_request


async def next_case(talk: Talk, rest: str) -> None:
    """Claim the most urgent case, of those that the words after the command match, and read it out."""
    try:
        row = await talk.desk.next_case(rest)
    except CaseNotFoundError:
        talk.say(f"Nothing that matches {rest} waits for you." if rest else "Nothing waits for you.")
        return
    talk.say("Recorded: the case is yours.")
    await read_out(talk, row.case_id)


async def claim(talk: Talk, rest: str) -> None:
    """Take the case in hand, or renew the claim."""
    if talk.seen is None:
        talk.say(NOT_OPEN)
        return
    await talk.desk.claim(talk.seen.case.case_id)
    talk.say("Recorded: the case is yours.")


async def release(talk: Talk, rest: str) -> None:
    """Give the claim back."""
    if talk.seen is None:
        talk.say(NOT_OPEN)
        return
    await talk.desk.release(talk.seen.case.case_id)
    talk.say("Recorded: the claim is given back.")


async def note(talk: Talk, rest: str) -> None:
    """Write a note, given at once or asked for."""
    if talk.seen is None:
        talk.say(NOT_OPEN)
        return
    case_id = talk.seen.case.case_id
    written = Words(talk, case_id, "note")
    text = await written.get(rest, "What is to be noted? It stays in the record; an empty line goes back: ")
    if not text:
        talk.say(f"Nothing was sent{'; what you wrote is kept' if written.draft else ''}.")
        return
    await talk.desk.note(case_id, text)
    await written.sent(text)
    talk.say("Recorded: your note.")


async def defer(talk: Talk, rest: str) -> None:
    """Defer the case until a time, with a reason behind it; `defer back` brings it back."""
    if talk.seen is None:
        talk.say(NOT_OPEN)
        return
    case_id = talk.seen.case.case_id
    if rest.lower() == "back":
        await talk.desk.end_deferral(case_id)
        talk.say("Recorded: the case is back.")
        return
    try:
        until, reason = moment_and_words(rest, talk.now())
    except MomentError as error:
        talk.say(str(error))
        return
    await talk.desk.defer(case_id, until, reason)
    talk.say(f"Recorded: deferred until {said_until(until, talk.now())}.")


async def tag(talk: Talk, rest: str) -> None:
    """Put tags on the case, or take tags off."""
    if talk.seen is None:
        talk.say(NOT_OPEN)
        return
    try:
        request = tag_request(rest)
    except TagError as error:
        talk.say(str(error))
        return
    row = await talk.desk.tag(talk.seen.case.case_id, request)
    talk.say(f"Recorded: tags {' '.join(row.tags) or 'none'}.")


async def withdraw(talk: Talk, rest: str) -> None:
    """Take a decision back while it is held."""
    if talk.seen is None:
        talk.say(NOT_OPEN)
        return
    if await talk.sure("Withdraw the decision on this case?"):
        row = await talk.desk.withdraw(talk.seen.case.case_id, rest)
        talk.say(f"Recorded: the decision is withdrawn; the case is {words(row.status)}.")
    else:
        talk.say("Nothing was sent.")
