"""Which texts hold a phrase, as a person would say: whole words, of any spelling. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from papers.text.folding import fold_text
from papers.text.lexemes import UNSPACED

_BETWEEN_NUMBERS = re.compile(r"(?<=\d)[\s-]+(?=\d)")
# A character of a script without spaces may begin and end a word; a space is left between numbers.
_PART = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+|[^\w\s-]|(?<=\d) (?=\d)")


@dataclass(frozen=True, slots=True)
class _Joined:
    """A text without spaces and hyphens. `borders` has a 1 wherever a word begins or ends."""

    text: str
    borders: bytes

    @classmethod
    def of(cls, text: str) -> _Joined:
        parts = _parts(text)
        borders = bytearray(sum(map(len, parts)) + 1)
        end = 0
        for part in parts:
            borders[end] = 1
            end += len(part)
        borders[end] = 1
        return cls("".join(parts), bytes(borders))

    def holds(self, phrase: str) -> bool:
        return any(
            self.borders[at] and self.borders[at + len(phrase)] for at in self._places(phrase)
        )

    def _places(self, phrase: str) -> Iterator[int]:
        at = self.text.find(phrase)
        while at >= 0:
            yield at
            at = self.text.find(phrase, at + 1)


class Phrases:
    """An index of texts. Case, accents, ligatures, quotes and kinds of dashes do not matter, nor
    whether words stand apart, are joined by a hyphen or written as one."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._holding: dict[str, list[int]] = {}

    def holding(self, phrase: str) -> list[int]:
        """Return the positions of the texts that hold `phrase`."""
        joined = "".join(_parts(phrase))
        if joined and joined not in self._holding:
            self._holding[joined] = [
                position for position, text in enumerate(self._joined) if text.holds(joined)
            ]
        return self._holding.get(joined, [])

    @cached_property
    def _joined(self) -> list[_Joined]:
        return list(map(_Joined.of, self._texts))


def _parts(text: str) -> list[str]:
    return _PART.findall(_BETWEEN_NUMBERS.sub(" ", fold_text(text)))
