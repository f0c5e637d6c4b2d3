"""Circuit breaker: stop a run if too many of its last deliveries failed. Pure."""

from __future__ import annotations

from collections import deque

from subscriptions.delivery.outcomes import Kind

WINDOW = 20  # last deliveries of a run
MAX_FAILURES = 10  # among them


class CircuitBreaker:
    """Count the failures among a run's last outcomes."""

    def __init__(self) -> None:
        self.last: deque[Kind] = deque(maxlen=WINDOW)

    def add(self, kind: Kind) -> bool:
        """Add an outcome; return whether too many failed. Throttling is not a failure."""
        if kind is not Kind.THROTTLED:
            self.last.append(kind)
        return sum(kind is not Kind.SENT for kind in self.last) >= MAX_FAILURES

    def is_temporary(self) -> bool:
        """Return whether all failures were temporary, so that a later retry may succeed."""
        return set(self.last) <= {Kind.SENT, Kind.RETRY}
