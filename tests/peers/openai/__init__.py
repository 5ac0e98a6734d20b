"""Azure OpenAI, and anything that speaks chat completions: a service that also refuses as they do."""

from tests.peers.openai.behaviours import Fault, broken, cut, hangs, malformed, raw, slow, status
from tests.peers.openai.scripts import Asked, Call, Message, Model, calls, in_turn, refuses, says, stepwise
from tests.peers.openai.service import OpenAIPeer

__all__ = [
    "Asked", "Call", "Fault", "Message", "Model", "OpenAIPeer", "broken", "calls", "cut", "hangs", "in_turn",
    "malformed", "raw", "refuses", "says", "slow", "status", "stepwise",
]  # fmt: skip
