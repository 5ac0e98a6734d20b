"""Requests and answers ($cbs, $management) and producers; `open_link` finds the node an attach names."""

import asyncio
from typing import Any

from tests.peers.eventhubs.access import LISTEN, SEND, RefusedError
from tests.peers.eventhubs.codec import Described, MalformedError, Timestamp, ULong
from tests.peers.eventhubs.consumers import open_consumer
from tests.peers.eventhubs.frames import Frame, amqp_error
from tests.peers.eventhubs.links import Link, ReceivingLink, SendingLink, Session
from tests.peers.eventhubs.log import Hub, Partition
from tests.peers.eventhubs.messages import Message, read_message, read_messages, reply

ACCEPTED = Described(ULong(0x24), [])


def rejected(condition: str, description: str) -> Described:
    return Described(ULong(0x25), [amqp_error(condition, description)])


def open_link(session: Session, attach: Frame) -> Link | None:
    """The link for an attach; a refused one is attached and then detached with the reason, giving None."""
    we_receive = not attach["role"]
    terminus = attach["target"] if we_receive else attach["source"]
    address = str(terminus.value[0] or "")
    path = address.partition("://")[2].partition("/")[2] if "://" in address else address
    try:
        return _node(session, attach, path.strip("/"), we_receive)
    except _RefusedLinkError as refused:
        link = Link(session, attach)
        link.attached(refused=True)
        link.close(refused.condition, str(refused))
        return None


class _RefusedLinkError(Exception):
    def __init__(self, condition: str, reason: str) -> None:
        super().__init__(reason)
        self.condition = condition


def _node(session: Session, attach: Frame, path: str, we_receive: bool) -> Link:
    name = path.rsplit("/", maxsplit=1)[-1]
    if name in ("$cbs", "$management"):
        if not we_receive:
            return SendingLink(session, attach)
        return TokenLink(session, attach) if name == "$cbs" else ManagementLink(session, attach)
    parts = path.split("/")
    hub = session.connection.broker.hubs.get(parts[0].lower())
    if hub is None:
        raise _RefusedLinkError("amqp:not-found", f"The messaging entity '{parts[0]}' could not be found.")
    right = SEND if we_receive else LISTEN
    try:
        session.connection.granted(path, right)
    except RefusedError as error:
        raise _RefusedLinkError("amqp:unauthorized-access", str(error)) from error
    if we_receive:
        return _producer(session, attach, hub, parts)
    link = open_consumer(session, attach, hub, parts)
    if isinstance(link, tuple):
        raise _RefusedLinkError(*link)
    return link


def _producer(session: Session, attach: Frame, hub: Hub, parts: list[str]) -> "ProducerLink":
    if len(parts) == 1:
        return ProducerLink(session, attach, hub, None)
    partition = hub.partitions.get(parts[-1])
    if partition is None:
        raise _RefusedLinkError("amqp:not-found", f"The hub has no partition {parts[-1]}")
    return ProducerLink(session, attach, hub, partition)


class RequestLink(ReceivingLink):
    """Takes requests, and answers on the link the same connection reads the same node by."""

    def delivery(self, first: Frame, payload: bytes) -> None:
        self.settle(first, ACCEPTED)
        request = read_message(payload)
        application, value = self.answer(request)
        for link in self.session.links.values():
            if isinstance(link, SendingLink) and _same_node(link, self):
                link.deliver(reply(request.message_id, application, value))
                return

    def answer(self, request: Message) -> tuple[dict[str, Any], Any]:
        raise NotImplementedError


def _same_node(sending: Link, receiving: Link) -> bool:
    return bool(sending.attach["source"].value[0] == receiving.attach["target"].value[0])


class TokenLink(RequestLink):
    """$cbs: puts tokens."""

    def answer(self, request: Message) -> tuple[dict[str, Any], Any]:
        asked = request.application
        try:
            if self.broker.faults.refuse_auth:
                raise RefusedError(401, "this namespace refuses everybody now")
            grant = self.broker.access.check(
                str(request.value), str(asked.get("type")), str(asked.get("name"))
            )
        except RefusedError as error:
            return {"status-code": error.status, "status-description": str(error)}, None
        self.connection.grant(grant)
        return {"status-code": 202, "status-description": "Accepted"}, None


class ManagementLink(RequestLink):
    """$management: what the hub and its partitions are."""

    def answer(self, request: Message) -> tuple[dict[str, Any], Any]:
        asked = request.application
        name = str(asked.get("name"))
        hub = self.broker.hubs.get(name.lower())
        if hub is None:
            text = f"The messaging entity '{name}' could not be found."
            return {"status-code": 404, "status-description": text}, None
        if not any(grant.rights for grant in self.connection.grants.values()):
            text = "Unauthorized access. 'Manage,Listen,Send' claim(s) are required"
            return {"status-code": 401, "status-description": text}, None
        value = self._describe(hub, str(asked.get("type")), asked.get("partition"))
        if value is None:
            return {"status-code": 400, "status-description": "no such operation or partition"}, None
        return {"status-code": 200, "status-description": "OK"}, value

    def _describe(self, hub: Hub, kind: str, partition_id: Any) -> dict[str, Any] | None:
        if kind == "com.microsoft:eventhub":
            ids = list(hub.partitions)
            created = Timestamp(hub.created_ms)
            return {"name": hub.name, "type": kind, "created_at": created, "partition_ids": ids}
        partition = hub.partitions.get(str(partition_id))
        if kind != "com.microsoft:partition" or partition is None:
            return None
        last = partition.last
        return {
            "name": hub.name,
            "type": kind,
            "partition": partition.partition_id,
            "begin_sequence_number": partition.events[0].sequence if last else partition.first,
            "last_enqueued_sequence_number": last.sequence if last else partition.first - 1,
            "last_enqueued_offset": str(last.offset) if last else "-1",
            "last_enqueued_time_utc": Timestamp(last.enqueued_ms if last else 0),
            "is_partition_empty": last is None,
        }


class ProducerLink(ReceivingLink):
    """Stores what it is sent, in its partition or in the key's."""

    needs_token = True

    def __init__(self, session: Session, attach: Frame, hub: Hub, partition: Partition | None) -> None:
        super().__init__(session, attach)
        self.hub = hub
        self.partition = partition

    def delivery(self, first: Frame, payload: bytes) -> None:
        if len(payload) > self.broker.most_message:
            text = f"The received message (size:{len(payload)} bytes) exceeds the limit"
            self.settle(first, rejected("amqp:link:message-size-exceeded", text))
        elif self.broker.faults.slow_seconds:
            self.connection.spawn(self._later(first, payload))
        else:
            self._store(first, payload)

    async def _later(self, first: Frame, payload: bytes) -> None:
        await asyncio.sleep(self.broker.faults.slow_seconds)
        self._store(first, payload)

    def _store(self, first: Frame, payload: bytes) -> None:
        faults = self.broker.faults
        if faults.takes_busy():
            self.settle(first, rejected("com.microsoft:server-busy", "The server is busy. Try again later."))
            return
        try:
            messages = read_messages(payload, first["message_format"] or 0)
        except MalformedError as error:
            self.settle(first, rejected("amqp:decode-error", str(error)))
            return
        # A batch without a key goes to one partition, whole.
        whole = self.partition or self.hub.partition_for(messages[0].partition_key if messages else None)
        for message in messages:
            self.broker.store(self.hub, whole, message.bare, message.partition_key)
        if faults.takes_lost_disposition():
            self.connection.abort()
        elif faults.takes_garbage():
            self.connection.babble()
        else:
            self.settle(first, ACCEPTED)
