"""How far two spellings are apart. Pure."""

from __future__ import annotations

MOST_MISTAKES = 2
LETTERS_A_MISTAKE = 3  # a word of so many letters may have one mistake, of twice as many two


def allowed_mistakes(word: str) -> int:
    """Return how many mistakes a word of this length may have."""
    return min(len(word) // LETTERS_A_MISTAKE, MOST_MISTAKES)


def edit_distance(one: str, other: str) -> int:
    """Return how many letters are missing, added, changed or swapped with their neighbour.

    >>> distance("langauge", "language"), distance("modles", "models"), distance("lage", "large")
    (1, 1, 1)
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
