"""Signing in to a server that asks for it: device codes for people, the machine's identity for commands."""
