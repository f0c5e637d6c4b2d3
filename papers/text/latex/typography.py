"""Typewriter conventions of TeX: dashes, quotation marks and ties, to Unicode."""

import re

# (required character, pattern, replacement); the character is tested first, because most texts have
# none.
_CONVENTIONS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    # " --flag" is a command line's option.
    ("---", re.compile(r"(?<!-)---(?!-)"), "—"),
    ("--", re.compile(r"(?<![-\s])--(?!-)|(?<!-)--(?=[\s\d])"), "–"),
    ("``", re.compile(r"``"), "“"),
    ("''", re.compile(r"''"), "”"),
    ("`", re.compile(r"(?<![\w`])`([^\s`'][^`'\n]{0,80})'(?![\w'])"), r"‘\1’"),
)
# A tie binds two words; "~10" after a space means "about 10", and addresses keep theirs.
_TIE = re.compile(r"(https?://\S+)|(?<=[^\s/(\[~=<>])~(?=[^\s~/=])|(?<=\S)[ ]~[ ](?=\S)")


def typeset(text: str) -> str:
    """Return text with typographic dashes and quotation marks, and spaces for ties."""
    for sign, pattern, replacement in _CONVENTIONS:
        if sign in text:
            text = pattern.sub(replacement, text)
    return _TIE.sub(lambda match: match[1] or " ", text) if "~" in text else text
