"""What of a library's error is worth a person's time."""

LONGEST = 200


def first_line(error: BaseException) -> str:
    """The first line an error says, at most `LONGEST` characters of it; its name when it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0][:LONGEST]
