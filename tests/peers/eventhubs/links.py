"""Sessions and what every link does; which node a link goes to decides what kind it is."""

from typing import TYPE_CHECKING, Any

from tests.peers.eventhubs.codec import UInt, ULong, UShort
from tests.peers.eventhubs.frames import Frame, amqp_error

if TYPE_CHECKING:
    from tests.peers.eventhubs.connection import Connection

WINDOW = 2**31 - 1
CREDIT = 1000


class Session:
    """Links by handle, and the flow control they share."""

    def __init__(self, connection: "Connection", begin: Frame) -> None:
        self.connection = connection
        self.channel = begin.channel
        self.links: dict[int, Link] = {}
        self.next_outgoing = 0
        self.next_incoming = begin["next_outgoing_id"] or 0
        self.remote_window = begin["incoming_window"]
        connection.send(
            "begin",
            self.channel,
            remote_channel=UShort(begin.channel),
            next_outgoing_id=UInt(0),
            incoming_window=UInt(WINDOW),
            outgoing_window=UInt(WINDOW),
            handle_max=UInt(255),
        )

    def take(self, frame: Frame) -> None:
        if frame.name == "attach":
            self._attach(frame)
        elif frame.name == "flow":
            self._flow(frame)
        elif frame["handle"] in self.links:
            if frame.name == "transfer":
                self.next_incoming += 1
            self.links[frame["handle"]].take(frame)

    def end(self) -> None:
        for link in list(self.links.values()):
            link.gone()
        self.links.clear()

    def refuse(self, condition: str, description: str) -> None:
        """Detaches the links that need a token."""
        for link in [link for link in self.links.values() if link.needs_token]:
            link.close(condition, description)

    def flow(self, **fields: Any) -> None:
        self.connection.send(
            "flow",
            self.channel,
            next_incoming_id=UInt(self.next_incoming),
            incoming_window=UInt(WINDOW),
            next_outgoing_id=UInt(self.next_outgoing),
            outgoing_window=UInt(WINDOW),
            **fields,
        )

    def _attach(self, frame: Frame) -> None:
        from tests.peers.eventhubs.nodes import open_link  # noqa: PLC0415 - nodes are made of links

        link = open_link(self, frame)
        if link is not None:
            self.links[frame["handle"]] = link
            link.attached()

    def _flow(self, frame: Frame) -> None:
        seen = frame["next_incoming_id"] or 0
        self.remote_window = seen + frame["incoming_window"] - self.next_outgoing
        if frame["handle"] is None:
            for link in self.links.values():
                link.credited(frame)
        elif frame["handle"] in self.links:
            self.links[frame["handle"]].credited(frame)


class Link:
    """A link as its attach frame describes it; `role` in frames is ours: True when we receive."""

    needs_token = False

    def __init__(self, session: Session, attach: Frame) -> None:
        self.session = session
        self.connection = session.connection
        self.broker = session.connection.broker
        self.attach = attach
        self.handle = UInt(attach["handle"])
        self.receives = not attach["role"]

    def attached(self, *, refused: bool = False) -> None:
        """Answers the attach with every field, as the SDK needs it.

        A refused producer gets no target, else the SDK would send before it reads on. A refused consumer
        gets both ends: without, the SDK would never look at the reason.
        """
        attach = self.attach
        self.connection.send(
            "attach",
            self.session.channel,
            name=attach["name"],
            handle=self.handle,
            role=self.receives,
            snd_settle_mode=attach["snd_settle_mode"],
            rcv_settle_mode=attach["rcv_settle_mode"],
            source=attach["source"],
            target=None if refused and self.receives else attach["target"],
            initial_delivery_count=None if self.receives else UInt(0),
            max_message_size=ULong(self.broker.most_message),
            properties={},
        )

    def take(self, frame: Frame) -> None:
        if frame.name == "detach":
            self.session.links.pop(frame["handle"], None)
            self.connection.send("detach", self.session.channel, handle=self.handle, closed=frame["closed"])
            self.gone()

    def credited(self, frame: Frame) -> None:
        """The other end says how much it takes."""

    def gone(self) -> None:
        """The link is no more."""

    def close(self, condition: str, description: str) -> None:
        """Detaches with an error."""
        self.session.links.pop(self.handle, None)
        error = amqp_error(condition, description)
        self.connection.send("detach", self.session.channel, handle=self.handle, closed=True, error=error)
        self.gone()


class ReceivingLink(Link):
    """Takes deliveries, however many frames they come in."""

    def __init__(self, session: Session, attach: Frame) -> None:
        super().__init__(session, attach)
        self.delivered = attach["initial_delivery_count"] or 0
        self._pieces: list[Frame] = []

    def attached(self, *, refused: bool = False) -> None:
        super().attached(refused=refused)
        self.grant()

    def grant(self) -> None:
        self.session.flow(handle=self.handle, delivery_count=UInt(self.delivered), link_credit=UInt(CREDIT))

    def take(self, frame: Frame) -> None:
        if frame.name != "transfer":
            super().take(frame)
            return
        self._pieces.append(frame)
        if frame["more"]:
            return
        first, payload = self._pieces[0], b"".join(piece.payload for piece in self._pieces)
        self._pieces = []
        self.delivered += 1
        if self.delivered % (CREDIT // 2) == 0:
            self.grant()
        self.delivery(first, payload)

    def delivery(self, first: Frame, payload: bytes) -> None:
        """A whole delivery; `settle` answers it."""
        raise NotImplementedError

    def settle(self, first: Frame, state: Any) -> None:
        if not first["settled"]:
            number = first["delivery_id"]
            self.connection.send(
                "disposition",
                self.session.channel,
                role=True,
                first=number,
                last=number,
                settled=True,
                state=state,
            )


class SendingLink(Link):
    """Delivers, as far as credit and the session's window go."""

    def __init__(self, session: Session, attach: Frame) -> None:
        super().__init__(session, attach)
        self.sent = 0
        self.credit = 0

    def credited(self, frame: Frame) -> None:
        if frame["link_credit"] is not None:
            self.credit = (frame["delivery_count"] or 0) + frame["link_credit"] - self.sent
        if frame["echo"] or frame["drain"]:
            self._answer(drained=bool(frame["drain"]))

    def _answer(self, *, drained: bool) -> None:
        if drained:
            self.sent += max(self.credit, 0)
            self.credit = 0
        self.session.flow(
            handle=self.handle,
            delivery_count=UInt(self.sent),
            link_credit=UInt(max(self.credit, 0)),
            drain=drained,
        )

    @property
    def may_send(self) -> bool:
        return self.credit > 0 and self.session.remote_window > 0

    def deliver(self, payload: bytes) -> None:
        """One settled delivery, in as many frames as the other end's frame size asks for."""
        room = self.connection.max_frame - 512
        number = UInt(self.session.next_outgoing)
        for start in range(0, max(len(payload), 1), room):
            more = start + room < len(payload)
            self.connection.send(
                "transfer",
                self.session.channel,
                payload[start : start + room],
                handle=self.handle,
                delivery_id=number,
                delivery_tag=number.to_bytes(4, "big"),
                message_format=UInt(0),
                settled=True,
                more=more,
            )
            self.session.next_outgoing += 1
            self.session.remote_window -= 1
        self.sent += 1
        self.credit -= 1
