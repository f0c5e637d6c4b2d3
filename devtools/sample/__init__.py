"""The sample documents that come with the project, moved in time so that the last day is today."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path

FOLDER = Path(__file__).parent
NAME = re.compile(r"(?P<stem>arxiv|hf-daily)-(?P<day>\d{4}-\d{2}-\d{2})\.(?:xml|json)")

_ISO_DAY = re.compile(rb"\b20\d\d-[01]\d-[0-3]\d(?=\b|T)")
_MAIL_DAY = re.compile(rb"\b[A-Z][a-z]{2}, [0-3]\d [A-Z][a-z]{2} 20\d\d\b")


def write_for(today: date, folder: Path) -> list[Path]:
    """Write the sample as if its last day were `today`; returns the files, oldest first."""
    folder.mkdir(parents=True, exist_ok=True)
    found = sorted(
        (match["day"], path) for path in FOLDER.iterdir() if (match := NAME.fullmatch(path.name))
    )
    ahead = today - date.fromisoformat(found[-1][0])
    return [_write(path, date.fromisoformat(day), ahead, folder) for day, path in found]


def _write(path: Path, day: date, ahead: timedelta, folder: Path) -> Path:
    target = folder / path.name.replace(day.isoformat(), (day + ahead).isoformat())
    target.write_bytes(moved(path.read_bytes(), ahead))
    return target


def moved(document: bytes, ahead: timedelta) -> bytes:
    """A document with every date in it moved; all else is left as it is."""

    def iso(found: re.Match[bytes]) -> bytes:
        return (date.fromisoformat(found[0].decode()) + ahead).isoformat().encode()

    def mail(found: re.Match[bytes]) -> bytes:
        day = datetime.strptime(found[0].decode(), "%a, %d %b %Y").date()  # noqa: DTZ007
        return (day + ahead).strftime("%a, %d %b %Y").encode()

    return _MAIL_DAY.sub(mail, _ISO_DAY.sub(iso, document))
