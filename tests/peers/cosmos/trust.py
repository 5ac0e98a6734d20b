"""Lets this process trust a test authority, as `SSL_CERT_FILE` does for one that starts with it."""

from pathlib import Path

from aiohttp import connector


def trust(authority: Path) -> None:
    """aiohttp makes its context when it is imported, too early for a test to set the variable."""
    connector._SSL_CONTEXT_VERIFIED.load_verify_locations(str(authority))
