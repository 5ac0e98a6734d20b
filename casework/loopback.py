"""Which addresses are this machine: nobody else reaches them, and what is sent there travels nowhere."""

from ipaddress import ip_address


def is_loopback_address(text: str) -> bool:
    """Whether a text is an IP address, without brackets, of this machine; no name is one."""
    try:
        return ip_address(text).is_loopback
    except ValueError:
        return False
