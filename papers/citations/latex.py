r"""Write text for BibTeX fields. Pure.

Only what every reader decodes is encoded: the signs that TeX reserves, and Latin letters with one
accent, because BibTeX takes initials of names from the first byte. Everything else stays as it is
in UTF-8. `{\"o}` is the form that BibTeX counts as one letter.
"""

from __future__ import annotations

import re
import unicodedata

from papers.text.markup import one_line

_SIGNS = {
    **{sign: f"\\{sign}" for sign in "&%$#_"},
    "\\": "{\\textbackslash}",
    "~": "{\\textasciitilde}",
    "^": "{\\textasciicircum}",
    "`": "{`}",
}
_LETTERS = {"ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "ł": "l", "Ł": "L", "ı": "i"}
_ACCENTS = dict(
    zip(
        "\u0300\u0301\u0302\u0303\u0308\u0304\u0306\u030c\u0327\u0328\u030a",
        "`'^~\"=uvckr",
        strict=True,
    )
)
_LAST_LETTER = "\u017f"  # of Latin Extended-A; reference managers know few later ones
# BibTeX counts braces even where TeX escapes them, so an unbalanced one would break the entry.
_BALANCED = {"{": "\\{", "}": "\\}"}
_UNBALANCED = {"{": "\\ensuremath{\\lbrace}", "}": "\\ensuremath{\\rbrace}"}
_LIGATURE = re.compile(r"-(?=-)|'(?=')")  # "--" would become a dash


def escape(text: str) -> str:
    """Return text as one line of TeX that shows the same characters."""
    line = one_line(text)
    braces = _BALANCED if _is_balanced(line) else _UNBALANCED
    escaped = "".join(map((_SIGNS | braces | _letters_in(line)).get, line, line))
    return _LIGATURE.sub(r"\g<0>{}", escaped)


def _is_balanced(line: str) -> bool:
    depth = 0
    for sign in line:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if depth < 0:
            return False
    return depth == 0


def _letters_in(line: str) -> dict[str, str]:
    """Return the forms of the accented letters in a line."""
    if line.isascii():
        return {}
    return {letter: form for letter in set(line) if (form := _write_letter(letter))}


def _write_letter(letter: str) -> str:
    if letter in _LETTERS:
        return f"{{\\{_LETTERS[letter]}}}"
    parts = unicodedata.normalize("NFD", letter)
    base, accent = parts[0], _ACCENTS.get(parts[1:], "")
    if letter > _LAST_LETTER or not base.isascii() or not accent:
        return ""
    dotless = f"\\{base}" if base in "ij" and accent not in "ck" else base
    return f"{{\\{accent}{' ' if accent.isalpha() and dotless.isalpha() else ''}{dotless}}}"
