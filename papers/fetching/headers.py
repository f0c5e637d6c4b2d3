"""Response headers as text, and the wait that a server asks for."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# A server may ask for a pause, but not disable a source for good.
LONGEST_RETRY_AFTER = timedelta(days=7)
LONGEST_VALIDATOR = 100  # characters of an ETag or Last-Modified worth keeping


class Headers:
    """The response headers as text, by lower-case name; "" if absent."""

    def __init__(self, headers: dict[str, bytes]) -> None:
        self._headers = headers

    def __getitem__(self, name: str) -> str:
        return self._headers.get(name, b"").decode("latin-1").strip()

    def validator(self, name: str) -> str:
        value = self[name]
        return value if len(value) <= LONGEST_VALIDATOR else ""


def retry_after(value: str, now: datetime) -> timedelta | None:
    """Return the wait that a Retry-After header asks for, in seconds or as a date; None if invalid.

    >>> retry_after("120", datetime(2025, 1, 1, tzinfo=UTC)).total_seconds()
    120.0
    """
    if value.isascii() and value.isdigit():
        return min(timedelta(seconds=int(value[:9])), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, IndexError, OverflowError):
        return None
    wait = moment.replace(tzinfo=moment.tzinfo or UTC) - now
    return max(timedelta(), min(wait, LONGEST_RETRY_AFTER))
