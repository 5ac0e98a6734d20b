"""Words for the record in line mode: kept on disk from the moment they are entered until they are sent."""

import asyncio

from console import news as n
from console.drafts import DraftFolder
from console.format import clean
from console.plain.talk import Talk

GOES_ON = "\\"
"""At the end of a line: there is more to come. What was entered is kept already."""
USES = {"note": "note", "feedback": "reject", "escalation": "escalate"}
"""The kinds of draft, and the command that asks for each."""


class Words:
    """One text about one case, its draft included."""

    def __init__(self, talk: Talk, case_id: str, kind: str) -> None:
        self._talk = talk
        self._about = (case_id, kind)

    @property
    def draft(self) -> str:
        """What was written earlier and not sent."""
        return self._talk.state.drafts.get(self._about, "")

    async def get(self, given: str, prompt: str) -> str | None:
        """Words given with the command, taken from the draft, or asked for; None when there are none."""
        if given:
            if self.draft and self.draft != given:
                self._talk.say(f"This takes the place of what you did not send: {clean(self.draft)}")
            return await self._go_on(given)
        if self.draft:
            return await self._offer(prompt)
        return await self._write(prompt)

    async def _offer(self, prompt: str) -> str | None:
        self._talk.say(f"You wrote, and did not send: {clean(self.draft)}")
        answer = await self._talk.ask(
            "Type yes to use it, no to throw it away, or other words instead; an empty line goes back: "
        )
        match answer:
            case "yes":
                return self.draft
            case "no":
                await self.keep("")
                return await self._write(prompt)
            case None | "":
                return None
            case _:
                return await self._go_on(answer)

    async def _write(self, prompt: str) -> str | None:
        first = await self._talk.ask(prompt)
        return await self._go_on(first) if first else None

    async def _go_on(self, line: str) -> str | None:
        """The whole text, kept line by line; None when the input ends before the text does."""
        text = ""
        while True:
            more = line.endswith(GOES_ON)
            text = f"{text}\n{line.removesuffix(GOES_ON).rstrip()}".strip()
            await self.keep(text)
            if not more:
                return text
            answer = await self._talk.ask("... ")
            if answer is None:
                return None
            line = answer

    async def sent(self, text: str) -> None:
        """These words are recorded, so no draft of them is needed any more."""
        if self.draft == text:
            await self.keep("")

    async def keep(self, text: str) -> None:
        """Keep a draft, or none."""
        talk, (case_id, _) = self._talk, self._about
        talk.tell(n.DraftKept(*self._about, text))
        talk.take_in()
        texts = {kind: draft for (owner, kind), draft in talk.state.drafts.items() if owner == case_id}
        try:
            await asyncio.to_thread(_folder(talk).write, case_id, texts, talk.now())
        except OSError as error:
            talk.say(f"What you write cannot be kept on disk: {error.strerror or error}.")


def recall(talk: Talk) -> None:
    """Know what was written earlier and not sent, and say so."""
    drafts = _folder(talk).load(talk.now())
    for (case_id, kind), text in drafts.items():
        talk.tell(n.DraftKept(case_id, kind, text))
    for case_id, kind in drafts:
        if kind in USES:
            talk.say(
                f"Not sent yet: your {kind} on {case_id}. Type open and part of its id, then {USES[kind]}."
            )


def remind(talk: Talk, case_id: str) -> None:
    """Say which words about a case wait to be sent."""
    for (owner, kind), text in talk.state.drafts.items():
        if owner == case_id and kind in USES:
            talk.say(f"Your unsent {kind}: {clean(text)}. Type {USES[kind]} to go on with it.")


def _folder(talk: Talk) -> DraftFolder:
    return DraftFolder(talk.settings.state_dir / "drafts", talk.settings.server)
