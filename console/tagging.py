"""Tags as people write them: `vip +mule-ring -to-call`, understood as what to put on and what to take off."""

from casework.tags import MOST_TAGS, RULE, is_tag
from casework.views import TagRequest
from console.format import shortened


class TagError(ValueError):
    """What was written cannot be done; the message says what is possible."""


def tag_request(text: str) -> TagRequest:
    """What is meant; case does not matter, and a # in front is no part of a tag. Raises TagError."""
    add: dict[str, None] = {}
    remove: dict[str, None] = {}
    for word in text.lower().split():
        name = word.removeprefix("+").removeprefix("-").removeprefix("#")
        if not is_tag(name):
            raise TagError(f"{shortened(word, 40)} is no tag: {RULE}")
        (remove if word.startswith("-") else add)[name] = None
    if both := [name for name in add if name in remove]:
        raise TagError(f"{both[0]} is both put on and taken off")
    if not add and not remove:
        raise TagError("name at least one tag, as in vip or -vip")
    if max(len(add), len(remove)) > MOST_TAGS:
        raise TagError(f"a case has at most {MOST_TAGS} tags")
    return TagRequest(add=tuple(add), remove=tuple(remove))


def complaint_about(text: str) -> str:
    """Why the words cannot be taken; nothing when they can."""
    try:
        tag_request(text)
    except TagError as error:
        return f"{error}."
    return ""
