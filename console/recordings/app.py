"""The console on a recording: the same screens, with keys that pause, step and change the pace."""

from typing import ClassVar

from textual.binding import Binding, BindingType

from console.actions import ACTIONS, key_of, replaying
from console.app import ConsoleApp
from console.keymap import losses_in_short, overlay, settled
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
        """Raises KeymapError where the analyst gave one key to the replay and to something else."""
        super().__init__(settings, replay.api, now=replay.player.now)
        self.actions = settled(replaying(self.actions), settings.keys)
        self.set_keymap(overlay(self.actions))
        self._replay = replay

    def greet(self) -> None:
        """Say how long the recording is and how it is played, and later that it has ended."""
        self.say(f"A recording of {_clock(self._replay.player.seconds)}; {self._keys}.", "accent")
        if told := losses_in_short(self.actions):
            self.say_also(told)
        self.run_worker(self._say_where_it_ends(), group="replay", exit_on_error=True)

    async def _say_where_it_ends(self) -> None:
        await self._replay.player.reach(self._replay.player.seconds)
        self.say(
            f"The recording has ended; this is how it stood. {key_of('close', self.actions)} quits.", "accent"
        )

    @property
    def _keys(self) -> str:
        pause, step, faster, slower = (
            key_of(f"replay_{what}", self.actions) for what in ("pause", "step", "faster", "slower")
        )
        return f"{pause} pauses, {step} steps, {faster} and {slower} change the pace"

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
