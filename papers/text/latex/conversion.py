"""Convert TeX in titles and abstracts to Unicode, and leave other text unchanged.

Text that is not TeX is replaced by placeholders, one private-use character each, while pylatexenc
converts the rest. This also makes it fast: pylatexenc's time grows with the number of characters.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Any

from pylatexenc import latex2text, latexwalker

from papers.text.latex import macros, spans
from papers.text.latex.spacing import GAP, fill_gaps, space_formula, tighten_punctuation
from papers.text.latex.typography import typeset

# arXiv limits abstracts to 1,920 characters; longer or deeper input is left unchanged.
MAX_LENGTH = 10_000
MAX_DEPTH = 20

_RESERVED = re.compile(f"[{GAP}{chr(spans.FIRST_PLACEHOLDER)}-\U0010ffff]")


def to_unicode(tex: str) -> str:
    """Return `tex` as Unicode text; text without TeX is returned unchanged.

    Never raises: what cannot be read as TeX is returned as received.
    """
    # Substring tests, because most texts have none of these; a regex takes ten times as long.
    if "\\" in tex or "$" in tex or "_{" in tex or "^{" in tex or "{,}" in tex:
        tex = _convert(tex)
    return typeset(tex) if "~" in tex or "--" in tex or "`" in tex or "''" in tex else tex


def _convert(tex: str) -> str:
    if len(tex) > MAX_LENGTH or _depth(tex) > MAX_DEPTH:
        return tex
    known = _RESERVED.sub("", tex)
    try:
        text = convert_piecewise(known) or parse(known)
    except Exception:
        # The input may not be TeX: on any error keep the original text, so that one abstract never
        # costs a document its other entries.
        return tex
    return tighten_punctuation(fill_gaps(text))


def parse(tex: str) -> str:
    """Convert TeX of any kind."""
    stow = spans.Stow()
    stowed = spans.stow_text(macros.replace_unknown(tex), stow)
    parsing, writing = macros.contexts()
    walker = latexwalker.LatexWalker(stowed, latex_context=parsing, tolerant_parsing=True)
    nodes, _, _ = walker.get_latex_nodes()
    return stow.reveal(_Writer(stow, latex_context=writing).nodelist_to_text(nodes))


# pylatexenc takes half a millisecond per text, and most contain only "5\\%", "$k$" and
# \\emph{word}: those are converted piece by piece, with a cache of formulas.
_formula = lru_cache(maxsize=4096)(parse)
_ESCAPES = frozenset({"\\%", "\\&", "\\#", "\\$", "\\_"})
_SIMPLE = re.compile(
    r"""\\(?:textbf|textit|emph|textsc|texttt|textsf|textrm|underline)\{(?P<styled>[^\\{}\[\]$^_]+)\}
      | (?P<open>\{)? \\(?: (?P<mark>['"`^~]) (?:\{(?P<a>[A-Za-z])\} | (?P<b>[A-Za-z]))
                           | (?P<tail>[cv]) \{(?P<c>[A-Za-z])\} ) (?(open)\}) """,
    re.X,
)
_ACCENTS = dict(zip("'\"`^~cv", "\u0301\u0308\u0300\u0302\u0303\u0327\u030c", strict=True))


def convert_piecewise(tex: str) -> str:
    """Convert escapes, styles, accents and formulas; return "" if there is other TeX."""
    parts: list[str] = []
    position = 0
    while position < len(tex):
        if simple := _SIMPLE.match(tex, position):
            position = simple.end()
            parts.append(_simple(simple))
            continue
        kind, span = spans.next_span(tex, position)
        position += len(span)
        if kind == "tex":
            if span not in "[]" and (span[:2] not in _ESCAPES or "{" in span):
                return ""
            parts.append(span.removeprefix("\\"))
        else:
            parts.append(span if kind == "text" else _formula(span))
    return "".join(parts)


def _simple(match: re.Match[str]) -> str:
    if match["styled"]:
        return match["styled"].strip()
    letter = match["a"] or match["b"] or match["c"]
    return unicodedata.normalize("NFC", letter + _ACCENTS[match["mark"] or match["tail"]])


def _depth(tex: str) -> int:
    deepest = depth = 0
    for bracket in re.findall(r"[{}]|\\begin|\\end|\\left|\\right", tex):
        depth += 1 if bracket in ("{", "\\begin", "\\left") else -1
        deepest = max(deepest, depth)
    return deepest


class _Writer(latex2text.LatexNodes2Text):
    """pylatexenc's writer with even spacing in formulas. Stateful: use one per text."""

    def __init__(self, stow: spans.Stow, **options: Any) -> None:
        super().__init__(**options)
        self.stow = stow

    def math_node_to_text(self, node: Any) -> str:
        return space_formula(super().math_node_to_text(node))
