"""Papers made of words as natural language has them: few of them often, most of them rarely
(Zipf), and each subject with favourite words of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from papers.vectors.lexicon import PaperText

VOCABULARY, SUBJECTS, SUBJECT_WORDS = 60_000, 300, 400


def papers(count: int) -> list[PaperText]:
    """Papers of 10 words of title and some 150 of abstract, of one subject each."""
    rng = np.random.default_rng(0)
    favourites = rng.integers(200, VOCABULARY, (SUBJECTS, SUBJECT_WORDS))
    return [_paper(number, rng, favourites) for number in range(count)]


def _paper(number: int, rng: np.random.Generator, favourites: NDArray[np.int64]) -> PaperText:
    subject = int(rng.integers(SUBJECTS))
    length = int(rng.integers(120, 190))
    common = rng.zipf(1.2, length) % VOCABULARY
    own = favourites[subject][rng.zipf(1.3, length) % SUBJECT_WORDS]
    words = [word(int(one)) for one in np.where(rng.random(length) < 0.3, own, common)]
    return PaperText(
        key=str(number),
        title=" ".join(word(int(one)) for one in own[:10]),
        abstract=". ".join(" ".join(words[at : at + 15]) for at in range(0, length, 15)),
        categories=(f"cs.{chr(65 + subject % 26)}{chr(65 + subject // 26)}",),
        authors=tuple(f"Author {one}" for one in rng.integers(0, 20_000, 5)),
    )


def word(number: int) -> str:
    """A pronounceable word for a number, always the same."""
    syllables: list[str] = []
    while number or not syllables:
        number, last = divmod(number, 70)
        syllables.append("bcdfghklmnprst"[last // 5] + "aeiou"[last % 5])
    return "".join(syllables) + "n"
