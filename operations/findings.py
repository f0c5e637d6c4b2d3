"""Findings of the doctor's checks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """Severity of a finding. A note is a skipped check, or a deliberate state."""

    OK, NOTE, WARNING, ERROR = range(4)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check, with advice unless all is well."""

    area: str
    level: Level
    message: str
    advice: str = ""
