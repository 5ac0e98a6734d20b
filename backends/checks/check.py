"""A question to a seam, its answer, and asking many at once without waiting for the slowest for ever."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Literal

State = Literal["ok", "off", "bad"]
Cause = Literal["", "not_allowed", "unreachable", "wrong"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question. `fix` says what to do when it is not well, `cause` what kind of trouble."""

    state: State
    detail: str
    fix: str = ""
    cause: Cause = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, and its answer."""

    name: str
    state: State
    detail: str
    fix: str = ""
    cause: Cause = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Question:
    """A question to a seam. `ask` may raise anything; `explain` says what that means."""

    name: str
    ask: Callable[[], Awaitable[Answer]]
    explain: Callable[[BaseException], Answer]
    seconds: float = 15.0


async def ask_all(questions: Iterable[Question], told: Callable[[Check], None]) -> list[Check]:
    """Every answer in the order of the questions; `told` hears each as soon as it is there."""

    async def one(question: Question) -> Check:
        answer = await _answer(question)
        check = Check(question.name, answer.state, answer.detail, answer.fix, answer.cause)
        told(check)
        return check

    return list(await asyncio.gather(*(one(question) for question in questions)))


async def _answer(question: Question) -> Answer:
    try:
        async with asyncio.timeout(question.seconds):
            return await question.ask()
    except TimeoutError as error:
        late = TimeoutError(f"no answer within {question.seconds:g} s")
        late.__cause__ = error
        return question.explain(late)
    except Exception as error:  # whatever an SDK raises is what the question is there to find out
        return question.explain(error)
