"""The switches of the peer: what goes wrong next."""

from dataclasses import dataclass


@dataclass
class Faults:
    """Everything is off unless set; numbers count down as they are used up."""

    refuse_auth: bool = False
    """Answers every token with 401."""
    busy: int = 0
    """So many deliveries are refused because the server is busy."""
    lose_dispositions: int = 0
    """So many deliveries are stored, and the connection breaks before the producer hears of it."""
    garbage: int = 0
    """So many deliveries are stored and answered with bytes that are no frame."""
    slow_seconds: float = 0.0
    """A pause before each answer to a delivery and before each event delivered."""

    untimed: bool = False
    """Events are delivered without the time at which they arrived."""

    def takes_busy(self) -> bool:
        return self._takes("busy")

    def takes_lost_disposition(self) -> bool:
        return self._takes("lose_dispositions")

    def takes_garbage(self) -> bool:
        return self._takes("garbage")

    def _takes(self, name: str) -> bool:
        left: int = getattr(self, name)
        if left <= 0:
            return False
        setattr(self, name, left - 1)
        return True
