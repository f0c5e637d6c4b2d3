"""Compounds as the words they are made of, so that a reader's word finds them. Pure."""

from __future__ import annotations

import re

from papers.folding import fold

# Not between digits, where a point is part of a number.
_JOINT = re.compile(r"(?<=[^\W_])(?:[-']|\.(?=[^\W\d_]))(?=[^\W_])")
# A name and its version; a v between them belongs to the version.
_VERSIONED = re.compile(r"\b(?:([^\W\d_]{4,}?)v|([^\W\d_]{3,}?))\d+(?:\.\d+)*\b")


def written_apart(text: str) -> str:
    """Return the folded text with its compounds written as words, then each versioned name alone.

    >>> written_apart("GLM-5V-Turbo, a Qwen2.5-based encoder-decoder")
    'glm 5v turbo, a qwen2.5 based encoder decoder. qwen'
    """
    apart = _JOINT.sub(" ", fold(text))
    names = (named or plain for named, plain in _VERSIONED.findall(apart))
    return ". ".join([apart, *names])
