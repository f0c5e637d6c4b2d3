"""Detect whether typed text is in a language other than English, the language of papers. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from django.utils.translation import gettext_noop

# By the first word of the letter's Unicode name.
SCRIPTS = {
    "HIRAGANA": gettext_noop("Japanese"),
    "KATAKANA": gettext_noop("Japanese"),
    "HANGUL": gettext_noop("Korean"),
    "CJK": gettext_noop("Chinese"),
    "CYRILLIC": gettext_noop("a language in Cyrillic letters"),
    "ARABIC": gettext_noop("Arabic or Persian"),
    "HEBREW": gettext_noop("Hebrew"),
    "DEVANAGARI": gettext_noop("Hindi"),
    "BENGALI": gettext_noop("Bengali"),
    "TAMIL": gettext_noop("Tamil"),
    "THAI": gettext_noop("Thai"),
}
# Frequent words of each language that are not English words.
WORDS = {
    gettext_noop("German"): "der das und für mit nicht von zur zum bei über eine einer einen durch "
    "auf aus oder ist sind wie im den dem des ich wir zu mittels künstliche maschinelles",
    gettext_noop("French"): "le les des du une et pour avec dans sur par au aux est sont que qui "
    "nous je apprentissage langage réseaux modèles",
    gettext_noop("Spanish"): "el los las del una y para con en por sobre como es son que lenguaje "
    "aprendizaje redes modelos",
    gettext_noop("Portuguese"): "os das dos uma para com em por sobre como é são que linguagem "
    "aprendizado redes modelos não",
    gettext_noop("Italian"): "il lo gli della dei degli delle una per con nel sul è sono che "
    "linguaggio apprendimento reti modelli",
    gettext_noop("Dutch"): "het een voor met van op naar bij zijn niet door taalmodellen",
}
_LETTERS = re.compile(r"[^\W\d_]+")


def foreign_language(text: str) -> str:
    """Return the English name of the language `text` is in, "" for English or if unsure."""
    words = _LETTERS.findall(text.lower())
    scripts = Counter(_script(letter) for word in words for letter in word)
    foreign = {name: count for name, count in scripts.items() if name in SCRIPTS}
    if sum(foreign.values()) * 2 > sum(scripts.values()):
        kana = [name for name in ("HIRAGANA", "KATAKANA") if name in foreign]
        return SCRIPTS[kana[0] if kana else max(foreign, key=lambda name: foreign[name])]
    hits = {name: sum(word in own.split() for word in words) for name, own in WORDS.items()}
    best = max(hits, key=lambda name: hits[name])
    return best if hits[best] else ""


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0].partition("-")[0]
