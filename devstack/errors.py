"""What can go wrong with the local stack."""


class StackError(Exception):
    """The local stack cannot do what was asked; the message says what to do."""
