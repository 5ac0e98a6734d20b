"""Playbooks: how each kind of alert is investigated without a model, as look-ups and explicit checks."""

from casework.playbooks.catalogue import GENERIC, PLAYBOOKS, playbook_for
from casework.playbooks.playbook import ANALYST, Lookup, Plan, Playbook, judge

__all__ = ["ANALYST", "GENERIC", "PLAYBOOKS", "Lookup", "Plan", "Playbook", "judge", "playbook_for"]
