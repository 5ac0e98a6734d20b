"""Named fraud stories and hard negatives, each with its answer key."""

from devstack.stories.abuse import ABUSE
from devstack.stories.hard_negatives import HARD_NEGATIVES
from devstack.stories.story import Answer, Story, StoryEvent
from devstack.stories.takeovers import TAKEOVERS

__all__ = ["STORIES", "Answer", "Story", "StoryEvent", "story"]

STORIES: tuple[Story, ...] = (*TAKEOVERS, *ABUSE, *HARD_NEGATIVES)
"""Every story, frauds first; no customer is in two of them."""

_BY_KEY = {each.key: each for each in STORIES}


def story(key: str) -> Story:
    """The story of that key. Raises KeyError naming the keys there are."""
    if key not in _BY_KEY:
        raise KeyError(f"no story {key!r}; there are {', '.join(_BY_KEY)}")
    return _BY_KEY[key]
