"""Sentences that can be read without those before them. Pure.

A sentence of an abstract often begins with words that refer back: “To address these limitations,
we propose X.” Without them it stands alone: “We propose X.”
"""

from __future__ import annotations

import re

# Nouns by which a paper names itself: “this paper” needs nothing before it.
_SELF = (
    r"(?:\w+ )?(?:paper|work|article|study|survey|thesis|report|review|manuscript|tutorial|chapter|"
    r"letter|note|dissertation|essay|research|perspective|contribution|project)\b"
)
_DEMONSTRATIVE = rf"\b(?:this|these|those|that|such|it|its|their|them|both)\b(?! {_SELF})"
_CONNECTIVE = re.compile(
    r"(?:(?:moreover|furthermore|additionally|in addition|besides|likewise|similarly|specifically|"
    r"more specifically|in particular|concretely|for (?:example|instance)|notably|importantly|"
    r"more importantly|most importantly|finally|lastly|next|then|secondly|second|thirdly|third|"
    r"fourth|firstly|first|subsequently|afterwards|consequently|accordingly|therefore|thereby|thus|hence|"
    r"as such|as a result|overall|together|in summary|in conclusion|also|however|nevertheless|"
    r"nonetheless|yet|instead|in contrast|conversely|on the other hand|by contrast|in turn|"
    r"meanwhile|at the same time|to do so|by doing so|in doing so|in response|as a solution|"
    r"as a remedy|here|and|but|so), "
    r"|(?:here|then|therefore|thus|hence|finally|also|next|and|but|so) (?=(?:we|our|this)\b))",
    re.I,
)
# An adverbial such as “Motivated by this,” is dropped only before a subject that begins a clause.
_ADVERBIAL = re.compile(
    rf"[^,.;:()]{{0,120}}?(?i:{_DEMONSTRATIVE})[^,.;:()]{{0,80}}, (?=(?i:we|our|i|the (?:authors|"
    rf"paper|present|proposed)|(?:in )?this {_SELF}|(?:extensive|comprehensive|empirical|"
    r"experimental|experiments?|results|evaluations?))\b|[A-Z][\w-]*[A-Z\d])"
)
_PURPOSE = re.compile(
    r"(?:(?:to|for|towards?) (?:this|that|these|those) (?:end|aim|purpose|goal|ends|reasons?),? |"
    r"to [\w ]{3,40}?\b(?:this|these|such)\b[\w ]{0,40}(?:,? (?=we\b)|, (?=(?:an?|our)\b)))",
    re.I,
)
_RESULTS = re.compile(r"(?:these|those|such|its|their) (?=(?:\w+ )?(?:results|findings)\b)", re.I)
# A list after a colon: “… three modules: (1) a …, (2) a …”.
_LIST = re.compile(r": (?:\(?(?:i|1|a)\)|1\.|①|first,) .{80,}$", re.I)
_REFERS_BACK = re.compile(
    rf"(?:this|these|those|such)\b(?! {_SELF})|(?:it|they|its|their|both|the former|the latter|"
    r"the resulting|another|one such)\b|"
    rf"[^,]{{0,80}}?\b(?:this|these|those|such|the above|its|their)\b(?! {_SELF})[^,]{{0,40}}, |"
    # The pronoun as an object: “We study this from …”.
    r".{0,200}?\b(?:this|these|those)(?: (?:from|as|in|by|to|using|with|through|via|and)\b|[.,;])",
    re.I,
)
# A demonstrative early in a sentence has nothing there to refer to: “We remove this dependency.”
_POINTS_BACK = re.compile(
    rf"(?:\S+ ){{1,12}}?(?:(?:this|these|those|such)\b(?! {_SELF}| as\b| that\b| an?\b)"
    r"|both (?:by|reach|achieve|are|were)\b)",
    re.I,
)
_IMPERSONAL = re.compile(
    r"it (?:is|was|has been) (?:well |widely |now )?(?:shown|known|demonstrated|found|proved)", re.I
)


def stand_alone(sentence: str) -> str:
    """Return a sentence without words at its start that link it to those before, and without a
    long list at its end.
    """
    sentence = rest = _LIST.sub(".", sentence)
    for pattern in (_CONNECTIVE, _PURPOSE, _ADVERBIAL, _CONNECTIVE, _RESULTS):
        if match := pattern.match(rest):
            rest = rest[match.end() :]
    return rest[:1].upper() + rest[1:] if rest != sentence else sentence


def refers_back(sentence: str) -> bool:
    """Return whether a sentence begins with a reference to one before it."""
    return bool(_REFERS_BACK.match(sentence)) and not _IMPERSONAL.match(sentence)


def points_back(sentence: str) -> bool:
    """Return whether a sentence has a “this” or “these” before what it could refer to."""
    return bool(_POINTS_BACK.match(sentence))
