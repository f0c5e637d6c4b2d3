"""Which texts hold a phrase, as a person would say: whole words, of any spelling. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property

from papers.folding import fold

_WORD = re.compile(r"\w+")
_BETWEEN = re.compile(r"[\s-]+")


class Phrases:
    """An index of texts. Case, accents, ligatures, quotes and kinds of dashes do not matter, nor
    whether words are joined by a hyphen."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._holding: dict[str, list[int]] = {}

    def holding(self, phrase: str) -> list[int]:
        """Return the positions of the texts that hold `phrase`."""
        words = " ".join(_BETWEEN.split(fold(phrase))).strip()
        if words and words not in self._holding:
            pattern = _phrase(words)
            with_all = self._with_all(words)
            self._holding[words] = [at for at in with_all if pattern.search(self._folded[at])]
        return self._holding.get(words, [])

    def _with_all(self, words: str) -> Iterable[int]:
        """Positions of the texts with all these words somewhere."""
        found = [self._by_word.get(word, set()) for word in _WORD.findall(words)]
        return sorted(set.intersection(*found)) if found else range(len(self._texts))

    @cached_property
    def _folded(self) -> list[str]:
        return list(map(fold, self._texts))

    @cached_property
    def _by_word(self) -> dict[str, set[int]]:
        index: dict[str, set[int]] = defaultdict(set)
        for position, text in enumerate(self._folded):
            for word in _WORD.findall(text):
                index[word].add(position)
        return dict(index)


def _phrase(words: str) -> re.Pattern[str]:
    spaced = r"[\s-]+".join(re.escape(word) for word in words.split(" "))
    return re.compile(rf"(?<!\w){spaced}(?!\w)")
