"""Synthetic papers with a natural distribution of words.

Few words are frequent and most are rare (Zipf), and each subject has typical words.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from papers.vectors.lexicon import PaperText

VOCABULARY, SUBJECTS, SUBJECT_WORDS = 60_000, 300, 400


def papers(count: int) -> list[PaperText]:
    """Return papers of one subject each, with 10 words of title and about 150 of abstract."""
    rng = np.random.default_rng(0)
    typical_words = rng.integers(200, VOCABULARY, (SUBJECTS, SUBJECT_WORDS))
    return [_paper(number, rng, typical_words) for number in range(count)]


def _paper(number: int, rng: np.random.Generator, typical_words: NDArray[np.int64]) -> PaperText:
    subject = int(rng.integers(SUBJECTS))
    length = int(rng.integers(120, 190))
    common = rng.zipf(1.2, length) % VOCABULARY
    typical = typical_words[subject][rng.zipf(1.3, length) % SUBJECT_WORDS]
    words = [word(int(number)) for number in np.where(rng.random(length) < 0.3, typical, common)]
    return PaperText(
        key=str(number),
        title=" ".join(word(int(number)) for number in typical[:10]),
        abstract=". ".join(" ".join(words[at : at + 15]) for at in range(0, length, 15)),
        categories=(f"cs.{chr(65 + subject % 26)}{chr(65 + subject // 26)}",),
        authors=tuple(f"Author {author}" for author in rng.integers(0, 20_000, 5)),
    )


def word(number: int) -> str:
    """Return a pronounceable word for a number, always the same one."""
    syllables: list[str] = []
    while number or not syllables:
        number, last = divmod(number, 70)
        syllables.append("bcdfghklmnprst"[last // 5] + "aeiou"[last % 5])
    return "".join(syllables) + "n"
