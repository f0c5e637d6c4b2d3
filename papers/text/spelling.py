"""Edit distance between spellings. Pure."""

from __future__ import annotations

MAX_MISTAKES = 2
LETTERS_PER_MISTAKE = 3  # a word of three letters may have one mistake, of six two


def allowed_mistakes(word: str) -> int:
    """Return how many mistakes a word of this length may have."""
    return min(len(word) // LETTERS_PER_MISTAKE, MAX_MISTAKES)


def edit_distance(one: str, other: str) -> int:
    """Return the number of letters missing, added, changed or swapped with a neighbour.

    >>> edit_distance("langauge", "language"), edit_distance("lage", "large")
    (1, 1)
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        before, last, row = row, before, [i]
        for j, wanted in enumerate(other, start=1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                best = min(best, last[j - 2] + 1)
            row.append(best)
    return row[-1]
