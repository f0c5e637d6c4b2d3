"""Split authors' names into given and family names, for formats that keep them apart. Pure.

Sources write names first name first. Particles belong to the family name ("van der Maaten"), and
a name that is not clearly a person's, such as a collaboration, stays whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from papers.text.markup import one_line

_PARTICLES = frozenset(
    "af al auf av bin binti da dal das de degli dei del dela della delle dello den der des di do "
    "dos du el ibn la las le lo los op te ten ter ul ur van vom von zu zum zur".split()
)
# "Luc Van Gool", but a middle name if a Vietnamese family name follows.
_CAPITAL_PARTICLES = frozenset(
    "Abu Al Ben Da Dal De Del Della Den Der Des Di Dos Du El Ibn La Le Lo Mac San Santa St. Ten "
    "Ter Van Von".split()
)
_VIETNAMESE = frozenset(
    "Bui Dang Dao Dinh Do Doan Duong Duy Ho Hoang Huynh Lam Le Luong Ly Mai Ngo Nguyen Pham Phan "
    "Tran Trinh Truong Vo Vu".split()
)
_CONNECTORS = frozenset(("e", "i", "y"))  # "Ramón y Cajal": between two family names
_SUFFIX = re.compile(r"[JS]r\.?|I{2,3}|IV")
_GROUP = re.compile(
    r"^(?:The|Team)\b|\b(?:of|the|for|and)\b|[^\w\s.'’‘`´ʼ‐‑·-]|\d"
    r"|\b(?:Alliance|Association|Cent(?:er|re)|Collaborations?|Committee|Community|Consortium"
    r"|Contributors|Corporation|Department|Foundation|Group|Inc|Initiative|Institute|Labs?"
    r"|Laborator(?:y|ies)|Network|Organi[sz]ation|Project|Research|Society|Teams?|University)\b"
    r"|\bAI$"
)
_LETTER = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class Name:
    """A name. A group or a person with a single name has only a `family` name."""

    family: str
    given: str = ""
    suffix: str = ""

    @property
    def is_whole(self) -> bool:
        """Return whether the name has no parts, such as that of a group."""
        return not self.given

    @property
    def full(self) -> str:
        """Return the name with the given name first."""
        return " ".join(filter(None, (self.given, self.family, self.suffix)))

    @property
    def inverted(self) -> str:
        """Return "Family, Given Suffix", for formats with one comma per name."""
        given = " ".join(filter(None, (self.given, self.suffix)))
        return f"{self.family}, {given}" if given else self.family


def split_names(names: Iterable[str]) -> list[Name]:
    """Return the parts of all names; a name without a letter or digit (":") is left out."""
    lines = (one_line(name) for name in names)
    return [split_name(name) for name in lines if _LETTER.search(name)]


def split_name(name: str) -> Name:
    """Return the parts of a name.

    >>> split_name("Martin Luther King Jr.")
    Name(family='King', given='Martin Luther', suffix='Jr.')
    """
    words = name.split()
    if len(words) < 2 or _GROUP.search(name):
        return Name(name)
    suffix = words.pop() if len(words) > 2 and _SUFFIX.fullmatch(words[-1]) else ""
    start = _family_start(words)
    return Name(" ".join(words[start:]), " ".join(words[:start]), suffix)


def _family_start(words: Sequence[str]) -> int:
    """Return the index of the first word of the family name."""
    last = len(words) - 1
    for index in range(1, last):
        word, following = words[index], words[index + 1]
        if word in _PARTICLES or word[:2] in ("d'", "d’"):
            return index
        if word in _CAPITAL_PARTICLES and following not in _VIETNAMESE:
            return index
        if word in _CONNECTORS and index > 1:
            return index - 1
    return last
