"""Seconds of a worker by stage, measured around functions of the product."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from papers import updates
from papers.freshness import notices
from subscriptions.delivery import claims
from subscriptions.delivery.rates import SendRate
from subscriptions.delivery.transports import Smtp
from subscriptions.editions import candidate_pool, digests, topic_matches
from subscriptions.mail import cards, digest_mail
from subscriptions.mail.mime import OutgoingMail
from subscriptions.matching.profile_vectors import ProfileVectors

OTHER_BUILDING, OTHER_SENDING = "building, other", "sending, other"
# The functions of each stage, by the object that looks them up; none of them calls another.
STAGES: tuple[tuple[Any, str, str], ...] = (
    (candidate_pool.CandidatePool, "of", "the day's papers"),
    (digests, "load_profiles", "profiles"),
    (digests, "seen_papers", "sent before"),
    (ProfileVectors, "of_profiles", "vectors"),
    (topic_matches, "match_profiles", "matching"),
    (digests, "choose_papers", "composition and reasons"),
    (notices, "report_at", "notices"),
    (updates, "updates_since", "notices"),
    (cards, "visible_cards", "cards"),
    (digest_mail, "digest_message", "rendering"),
    (OutgoingMail, "as_bytes", "MIME"),
    (Smtp, "_attempt", "SMTP"),
    (SendRate, "take", "rate"),
    (claims, "_execute", "claiming and settling"),
)


class Stopwatch:
    """Seconds by stage; time that `measure` spends outside of all stages is counted apart."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        for owner, name, stage in STAGES:
            setattr(owner, name, self._timed(owner, name, stage))

    def _timed(self, owner: Any, name: str, stage: str) -> Any:
        function, seconds = getattr(owner, name), self.seconds

        def timed(*args: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*args, **named)
            finally:
                seconds[stage] += time.perf_counter() - started

        is_bound = isinstance(owner.__dict__.get(name), classmethod)
        return staticmethod(timed) if is_bound else timed

    def measure(self, other_stage: str, work: Callable[[], Any]) -> Any:
        """Call `work`; count time outside of all stages for `other_stage`."""
        before, started = sum(self.seconds.values()), time.perf_counter()
        result = work()
        took = time.perf_counter() - started
        self.seconds[other_stage] += took - (sum(self.seconds.values()) - before)
        return result
