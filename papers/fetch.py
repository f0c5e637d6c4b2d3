"""PLACEHOLDER so that imports work; to be overwritten whole. sources.py uses these names."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Fetched:
    outcome: str
    body: bytes = b""
    etag: str = ""
    last_modified: str = ""
    detail: str = ""
    retry_after: timedelta | None = None


def fetch(
    url: str, *, etag: str = "", last_modified: str = "", user_agent: str, now: datetime
) -> Fetched:
    raise NotImplementedError
