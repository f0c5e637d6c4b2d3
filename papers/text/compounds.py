"""Compounds in their other spellings, so that a reader's word finds them. Pure."""

from __future__ import annotations

import re

from papers.text.folding import fold_text
from papers.text.lexemes import PREFIXES

# Not between digits, where a point is part of a number.
_JOINT = re.compile(r"(?<=[^\W_])(?:[-']|\.(?=[^\W\d_]))(?=[^\W_])")
# A name and its version; a v between them belongs to the version.
_VERSIONED = re.compile(r"\b(?:([^\W\d_]{4,}?)v|([^\W\d_]{3,}?))\d+(?:\.\d+)*\b")
_PREFIX = "|".join(PREFIXES)
_OF_TWO = re.compile(rf"(?<![\w-])(?:([a-z]+)-([a-z]+)|({_PREFIX}) ([a-z]{{4,}}))(?![\w-])")
_CLOSED = re.compile(rf"(?<![\w-])({_PREFIX})([a-z]{{4,}})\b")


def split_compounds(text: str) -> str:
    """Return the folded text with its compounds written as words, then each versioned name alone,
    each compound of two words as one word, and each word with a prefix with a hyphen.

    >>> written_apart("GLM-5V-Turbo, a Qwen2.5-based encoder-decoder")
    'glm 5v turbo, a qwen2.5 based encoder decoder. qwen. encoderdecoder'
    >>> written_apart("Multimodal pre-training")
    'multimodal pre training. pretraining. multi-modal'
    """
    folded = fold_text(text)
    apart = _JOINT.sub(" ", folded)
    names = [named or plain for named, plain in _VERSIONED.findall(apart)]
    joined = dict.fromkeys("".join(parts) for parts in _OF_TWO.findall(folded))
    # With a hyphen, since "recognition" is found by "re cognition" and not by "cognition".
    opened = dict.fromkeys("-".join(parts) for parts in _CLOSED.findall(folded))
    return ". ".join([apart, *names, *joined, *opened])
