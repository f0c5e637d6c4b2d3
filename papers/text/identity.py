"""Keys by which two spellings of a title or an author's name are equal. Pure."""

import re
import unicodedata

from papers.text.folding import LETTERS
from papers.text.markup import one_line, readable_text

_MARKS = re.compile("[\u0300-\u036f]")
_NO_WORD = re.compile("[^a-z0-9]+")
_AFFILIATION = re.compile(r"\([^()]*(?:\([^()]*\)[^()]*)*\)")


def _folded(text: str) -> str:
    """Return text without case and accents; other characters become spaces."""
    if text.isascii():
        return _NO_WORD.sub(" ", text.lower())
    text = _MARKS.sub("", unicodedata.normalize("NFKD", text)).casefold().translate(LETTERS)
    return "".join(sign if unicodedata.category(sign)[0] in "LNM" else " " for sign in text)


def title_key(title: str) -> str:
    """Return a title's letters and digits, without case, accents or TeX."""
    text = readable_text(title)
    return "".join(_folded(text).split()) or one_line(text)


def name_key(name: str) -> str:
    """Return the words of an author's name, folded and sorted.

    "Müller, J. K.", "J.K. Muller" and "J K Müller (MIT)" have the same key. An initial does not
    match the full first name, because many people share a surname and an initial.
    """
    return " ".join(sorted(_folded(_AFFILIATION.sub(" ", readable_text(name))).split()))
