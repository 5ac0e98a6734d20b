"""The console on a recording: the same screens, with keys that pause, step and change the pace."""

import asyncio
from typing import ClassVar

from textual.binding import Binding, BindingType

from console.actions import ACTIONS, replaying, shown
from console.app import ConsoleApp
from console.keymap import refuse_conflicts
from console.recordings.replayer import Replay
from console.settings import ConsoleSettings


class ReplayConsole(ConsoleApp):
    """A console whose server is a file."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(action.keys), action.name, action.help, show=False, id=action.id)
        for action in ACTIONS
        if action.scope == "replay"
    ]

    def __init__(self, settings: ConsoleSettings, replay: Replay) -> None:
        """Raises KeymapError where one of the analyst's own keys is also one of the replay's."""
        super().__init__(settings, replay.api, now=replay.player.now)
        self.actions = replaying(self.actions)
        refuse_conflicts(self.actions)
        self._replay = replay

    def on_mount(self) -> None:
        """Beside what the console does when it is mounted: Textual calls both."""
        self.run_worker(self._say_where_it_ends(), group="replay", exit_on_error=True)

    async def _say_where_it_ends(self) -> None:
        await asyncio.sleep(0)
        self.say(f"A recording of {_clock(self._replay.player.seconds)}; {self._keys}.", "accent")
        await self._replay.player.reach(self._replay.player.seconds)
        self.say("The recording has ended; this is how it stood. q quits.", "accent")

    @property
    def _keys(self) -> str:
        key = {action.id: shown(action.keys[0]) for action in self.actions}
        pace = f"{key['replay_faster']} and {key['replay_slower']} change the pace"
        return f"{key['replay_pause']} pauses, {key['replay_step']} steps, {pace}"

    def action_replay_pause(self) -> None:
        self._replay.player.pause()
        self._say_where()

    def action_replay_step(self) -> None:
        self._replay.step()
        self._say_where()

    def action_replay_faster(self) -> None:
        self._replay.player.faster()
        self._say_where()

    def action_replay_slower(self) -> None:
        self._replay.player.slower()
        self._say_where()

    def _say_where(self) -> None:
        player = self._replay.player
        how = "ended" if player.ended else "paused" if player.paused else f"playing at {player.speed:g}x"
        self.say(f"Replay {how}, {_clock(player.position)} of {_clock(player.seconds)}.", "accent")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}m{int(seconds) % 60:02d}"
