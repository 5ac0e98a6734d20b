"""Everything the hub refuses to do, as one error tree.

HubError
├── InvalidRequest      the request can never succeed as it is
├── InstanceNotFound    no such orchestration instance or entity
├── InstanceExists      the id is taken and the reuse policy does not allow replacing it
├── WrongState          the instance is not in a state that allows the request
├── StaleToken          the completion token is not, or no longer, valid
├── NotSupported        a part of the protocol this hub does not speak
├── StorageUnavailable  the database refused the write (disk full, I/O error, closing)
└── StartupRefused      the hub cannot start; the message says what to do
"""

from __future__ import annotations


class HubError(Exception):
    """Base of all errors raised on purpose by the task hub."""


class InvalidRequest(HubError):
    """The request is malformed or beyond a limit."""


class InstanceNotFound(HubError):
    """No orchestration instance or entity has this id."""


class InstanceExists(HubError):
    """The instance id is in use."""


class WrongState(HubError):
    """The instance is not in a state that allows this."""


class StaleToken(HubError):
    """The work item was given to somebody else, or is done."""


class NotSupported(HubError):
    """The hub does not implement this part of the protocol."""


class StorageUnavailable(HubError):
    """The database could not take the write; nothing was stored."""


class StartupRefused(HubError):
    """The hub cannot start; the message says why and what to do."""
