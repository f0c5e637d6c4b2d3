"""German and Chinese words of research in English, for queries. Pure but for reading its table.

Most papers are in English. `vocabulary.csv` has general words with their translation. German
compounds and Chinese text without spaces are divided into words of the table.
"""

from __future__ import annotations

import csv
import re
from functools import cache, lru_cache
from pathlib import Path

from papers.text.folding import fold_text
from papers.text.lexemes import IS_UNSPACED

GERMAN, CHINESE = "de", "zh"
MIN_PART = 4  # letters of a known part of an unknown compound
_LINKS = ("", "s", "es", "n", "en", "e", "er")  # between the parts of a German compound
_ENDINGS = re.compile(r"(?:e|en|er|es|em|n|s|ern|se|sen|nen|r|isch(?:e[nrsm]?)?)?")
_GERMAN_STOP_WORDS = frozenset(
    "aus auf bei das dem den der des die ein eine einem einen einer für gegen im in ist mit nach "
    "oder über um und unter vom von vor wie zu zum zur".split()
)


def translate(word: str) -> str:
    """Return a German or Chinese word in English, as one or several words; "" if it is unknown.

    >>> translate("Zeitreihenvorhersage"), translate("语音识别")
    ('time series prediction', 'speech recognition')
    """
    folded = fold_text(word)
    if IS_UNSPACED.search(folded):
        return _translate_chinese(folded)
    return _translate_compound(folded) if folded.isalpha() else ""


def translate_parts(word: str) -> str:
    """Return the first and the last known part of a German compound in English; "" for none.

    >>> translate_parts("Satellitenschüssel"), translate_parts("Lieblingsroboter")
    ('satellite', 'robot')
    """
    folded = fold_text(word)
    ends = range(len(folded) - MIN_PART, MIN_PART - 1, -1)
    first = next((n for n in ends if folded[:n] in _table(GERMAN)), 0) if folded.isalpha() else 0
    starts = range(max(first, MIN_PART), len(folded) - MIN_PART + 1)
    last = next(filter(None, (_translate_compound(folded[n:]) for n in starts)), "")
    return " ".join(filter(None, [_table(GERMAN).get(folded[:first], ""), last]))


def is_german_stop_word(word: str) -> bool:
    return fold_text(word) in {fold_text(each) for each in _GERMAN_STOP_WORDS}


@cache
def _table(language: str) -> dict[str, str]:
    path = Path(__file__).with_name("vocabulary.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return {
            fold_text(word): english for code, word, english in csv.reader(file) if code == language
        }


@lru_cache(maxsize=1 << 10)
def _translate_compound(word: str) -> str:
    """Return the translation of a German word or compound, the longest parts first."""
    table = _table(GERMAN)
    for end in range(len(word), 2, -1):
        # An ending e of the table's word is lost before another: lippe, lippen.
        english = table.get(word[:end]) or table.get(f"{word[:end]}e")
        if not english:
            continue
        if _ENDINGS.fullmatch(word[end:]):
            return english
        for link in _LINKS:
            rest = word[end + len(link) :]
            if word[end:].startswith(link) and (other := _translate_compound(rest)):
                return f"{english} {other}"
    return ""


def _translate_chinese(text: str) -> str:
    """Return the translations of the words of the table in a text, the longest at each place."""
    table, start, found = _table(CHINESE), 0, []
    longest = max(map(len, table))
    while start < len(text):
        lengths = range(min(longest, len(text) - start), 0, -1)
        length = next((n for n in lengths if text[start : start + n] in table), 0)
        found += [table[text[start : start + length]]] if length else []
        start += length or 1
    return " ".join(dict.fromkeys(found))
