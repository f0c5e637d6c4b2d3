"""When hand-overs go wrong one after the other, something is wrong with more than one. Pure."""

from __future__ import annotations

from collections import deque

from subscriptions.delivery.outcomes import Kind

WINDOW = 20  # the last hand-overs of a run
TOO_MANY = 10


class Breaker:
    """Watches the outcomes of a run."""

    def __init__(self) -> None:
        self.seen: deque[Kind] = deque(maxlen=WINDOW)

    def add(self, kind: Kind) -> bool:
        """Note an outcome; True if too many of the last went wrong. Slowing down is not wrong."""
        if kind is not Kind.THROTTLED:
            self.seen.append(kind)
        return sum(seen is not Kind.SENT for seen in self.seen) >= TOO_MANY

    def passes(self) -> bool:
        """Is it of a kind that may pass by itself: nothing but temporary errors?"""
        return set(self.seen) <= {Kind.SENT, Kind.RETRY}
