"""The commands of line mode, once: what each is called, what it does, and the words that help says."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from console.plain import deciding, looking, working
from console.plain.talk import Talk
from console.problems import ConsoleError

Do = Callable[[Talk, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Command:
    """`changes` marks what alters a case, which a read-only console refuses."""

    name: str
    takes: str
    help: str
    do: Do
    changes: bool = False


async def say_help(talk: Talk, rest: str) -> None:
    """Every command in a line; without a choice to make, a beginning of its name is enough."""
    for command in COMMANDS:
        talk.say(f"{f'{command.name} {command.takes}'.strip()}: {command.help}.")
    talk.say("quit: leave. The beginning of a command is enough where no other begins like it.")


COMMANDS: Sequence[Command] = (
    Command("list", "", "the queue, numbered", looking.say_list),
    Command("more", "", "more of that list", looking.say_more),
    Command(
        "filter",
        "TEXT",
        "only cases such as risk>0.7 type:spike mine; no text shows all open",
        looking.narrow,
    ),
    Command("next", "", "claim the most urgent case and read it", working.next_case, True),
    Command("open", "N", "read case N of the list, or by part of its id", looking.open_case),
    Command("why", "", "why the risk of the case in hand is what it is", looking.why),
    Command("findings", "", "what each specialist claims, and what it rests on", looking.findings),
    Command("tools", "", "every tool call with its result", looking.tools),
    Command("timeline", "", "the record of the case", looking.timeline),
    Command("earlier", "", "other cases of the customer and of linked ones", looking.earlier),
    Command(
        "approve",
        "[ACTION]",
        "approve what is recommended, or an action, after a yes",
        deciding.approve,
        True,
    ),
    Command("reject", "[FEEDBACK]", "reject; the agents look again, after a yes", deciding.reject, True),
    Command("escalate", "[REASON]", "send to the senior queue, after a yes", deciding.escalate, True),
    Command("withdraw", "[REASON]", "take a decision back while it is held", working.withdraw, True),
    Command("claim", "", "take the case in hand, or renew the claim", working.claim, True),
    Command("release", "", "give the claim back", working.release, True),
    Command("note", "[TEXT]", "write a note", working.note, True),
    Command("defer", "UNTIL [REASON]", "defer until 2h or 14:30; defer back ends it", working.defer, True),
    Command("tag", "TAGS", "vip puts one on, -vip takes it off", working.tag, True),
    Command("status", "", "the connection, and what waits", looking.status),
    Command("help", "", "these commands", say_help),
)

QUIT = frozenset({"quit", "exit", "q"})
KEYS = {"n": "next", "u": "withdraw", "x": "tools", "?": "help"}
"""Keys of the console that pages speak of, taken as the commands they mean."""


async def obey(talk: Talk, line: str) -> None:
    """Carry a command out; what goes wrong is said, and nothing else happens."""
    name, _, rest = line.partition(" ")
    found = meant(name)
    if len(found) != 1:
        names = ", ".join(command.name for command in found)
        talk.say(f"{name} could be {names}." if found else f"There is no command {name}; help lists them.")
    elif found[0].changes and talk.settings.readonly:
        talk.say("This console is read-only.")
    else:
        try:
            await found[0].do(talk, rest.strip())
        except ConsoleError as error:
            talk.say(str(error))


def meant(name: str) -> list[Command]:
    """The command of this name, or those that begin like it."""
    wanted = KEYS.get(name, name.lower())
    exact = [command for command in COMMANDS if command.name == wanted]
    return exact or [command for command in COMMANDS if wanted and command.name.startswith(wanted)]
