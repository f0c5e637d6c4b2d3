"""Sample documents and pictures; the documents are moved in time so that the last day is today."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path

FOLDER = Path(__file__).parent
NAME = re.compile(r"(?P<stem>arxiv|hf-daily)-(?P<day>\d{4}-\d{2}-\d{2})\.(?:xml|json)")

_ISO_DAY = re.compile(rb"\b20\d\d-[01]\d-[0-3]\d(?=\b|T)")
_MAIL_DAY = re.compile(rb"\b[A-Z][a-z]{2}, [0-3]\d [A-Z][a-z]{2} 20\d\d\b")


def write_for(today: date, folder: Path) -> list[Path]:
    """Write the documents as if their last day were `today`; return the files, oldest first."""
    folder.mkdir(parents=True, exist_ok=True)
    documents = sorted(
        (match["day"], path) for path in FOLDER.iterdir() if (match := NAME.fullmatch(path.name))
    )
    ahead = today - date.fromisoformat(documents[-1][0])
    return [_write(path, date.fromisoformat(day), ahead, folder) for day, path in documents]


def pictures() -> dict[str, Path]:
    """Return the PNG files of the sample papers that have a picture, by arXiv ID."""
    return {path.stem: path for path in (FOLDER / "pictures").glob("*.png")}


def _write(path: Path, day: date, ahead: timedelta, folder: Path) -> Path:
    target = folder / path.name.replace(day.isoformat(), (day + ahead).isoformat())
    target.write_bytes(moved(path.read_bytes(), ahead))
    return target


def moved(document: bytes, ahead: timedelta) -> bytes:
    """Return a document with every date moved by `ahead`, otherwise unchanged."""

    def iso(match: re.Match[bytes]) -> bytes:
        return (date.fromisoformat(match[0].decode()) + ahead).isoformat().encode()

    def mail(match: re.Match[bytes]) -> bytes:
        day = datetime.strptime(match[0].decode(), "%a, %d %b %Y").date()  # noqa: DTZ007
        return (day + ahead).strftime("%a, %d %b %Y").encode()

    return _MAIL_DAY.sub(mail, _ISO_DAY.sub(iso, document))
