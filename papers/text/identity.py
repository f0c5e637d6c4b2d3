"""Keys by which two spellings of a title or an author's name are equal. Pure."""

import re
import unicodedata

from papers.text.folding import LETTERS
from papers.text.markup import one_line, readable_text

_MARKS = re.compile("[\u0300-\u036f]")
_NO_WORD = re.compile("[^a-z0-9]+")
_AFFILIATION = re.compile(r"\([^()]*(?:\([^()]*\)[^()]*)*\)")


def _folded(text: str) -> str:
    """`text` without case and accents, a space for all but letters, digits and other marks."""
    if text.isascii():
        return _NO_WORD.sub(" ", text.lower())
    text = _MARKS.sub("", unicodedata.normalize("NFKD", text)).casefold().translate(LETTERS)
    return "".join(sign if unicodedata.category(sign)[0] in "LNM" else " " for sign in text)


def title_key(title: str) -> str:
    """What two spellings of one title share: letters and digits, without case, accent or TeX."""
    text = readable_text(title)
    return "".join(_folded(text).split()) or one_line(text)


def name_key(name: str) -> str:
    """What two spellings of one author's name share: its words, folded and sorted.

    "Müller, J. K.", "J.K. Muller" and "J K Müller (MIT)" are one; an initial and the full first
    name are two, since too many people share a surname and an initial.
    """
    return " ".join(sorted(_folded(_AFFILIATION.sub(" ", readable_text(name))).split()))
