"""Search for phrases in texts, by whole words and in any spelling. Pure."""

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


class PhraseIndex:
    """Texts that can be searched for phrases; results are cached by phrase.

    Case, accents, ligatures, quotes and kinds of dashes do not matter. Words may stand apart, be
    joined by a hyphen, or be written as one.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._positions: dict[str, list[int]] = {}

    def find(self, phrase: str) -> list[int]:
        """Return the positions of the texts that contain `phrase`."""
        joined = "".join(_split_parts(phrase))
        if joined and joined not in self._positions:
            self._positions[joined] = [
                position for position, text in enumerate(self._joined) if text.contains(joined)
            ]
        return self._positions.get(joined, [])

    @cached_property
    def _joined(self) -> list[_JoinedText]:
        return list(map(_JoinedText.of, self._texts))


@dataclass(frozen=True, slots=True)
class _JoinedText:
    """A text without spaces and hyphens; `borders` has a 1 where a word begins or ends."""

    text: str
    borders: bytes

    @classmethod
    def of(cls, text: str) -> _JoinedText:
        parts = _split_parts(text)
        borders = bytearray(sum(map(len, parts)) + 1)
        end = 0
        for part in parts:
            borders[end] = 1
            end += len(part)
        borders[end] = 1
        return cls("".join(parts), bytes(borders))

    def contains(self, phrase: str) -> bool:
        return any(
            self.borders[start] and self.borders[start + len(phrase)]
            for start in self._starts(phrase)
        )

    def _starts(self, phrase: str) -> Iterator[int]:
        start = self.text.find(phrase)
        while start >= 0:
            yield start
            start = self.text.find(phrase, start + 1)


def _split_parts(text: str) -> list[str]:
    return _PART.findall(_BETWEEN_NUMBERS.sub(" ", fold_text(text)))
