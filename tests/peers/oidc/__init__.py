"""An identity provider in the likeness of Entra ID: discovery, keys, device codes, refresh, secrets."""

from tests.peers.oidc.directory import Application, Directory, Person
from tests.peers.oidc.provider import Provider

__all__ = ["Application", "Directory", "Person", "Provider"]
