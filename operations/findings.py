"""What a check of the doctor's finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad it is. A note says what could not be looked at, or is meant to be so."""

    OK, NOTE, WARNING, ERROR = range(4)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what is the case, and what to do if that is not as it should be."""

    area: str
    level: Level
    said: str
    advice: str = ""
