"""The SDK logs at length what it raises as well; a terminal is no place for that."""

import logging


def quiet_sdk() -> None:
    """Keep the SDK's own log from the screen, unless somebody gave it a place to go."""
    for name in ("azure", "msal"):
        logger = logging.getLogger(name)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
