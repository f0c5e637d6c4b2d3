"""What mail providers allow an account that has agreed on nothing else, by django-anymail's names.

Settings from the environment win: SEND_RATE and MAIL_CONNECTIONS.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """`rate`: messages a second for all workers together, 0 where none is published;
    `connections`: of each worker process, since each call waits for an answer."""

    rate: int = 0
    connections: int = 8


SMTP = Limit(connections=1)
LIMITS = {
    "amazon_ses": Limit(rate=14),  # what accounts start with once they are out of the sandbox
    "mailersend": Limit(rate=2, connections=1),  # 120 requests a minute
    "resend": Limit(rate=2, connections=1),  # 2 requests a second and team
}


def limit_for(provider: str) -> Limit:
    """Of a provider; with none, of a mail server of one's own."""
    return LIMITS.get(provider, Limit()) if provider else SMTP
