"""Convert formulas in HTML (MathML, `<sup>`, `<sub>`) to text, as `papers.text.latex` does for TeX.

>>> readable("10<sup>5</sup> hours, <math><msub><mi>m</mi><mn>2</mn></msub></math>")
'10⁵ hours, m₂'
"""

import html
import re
from collections.abc import Callable

from lxml import etree

from papers.text.latex.scripts import bracketed, subscript, superscript

MAX_FORMULA = 20_000  # characters; a longer formula keeps its bare text
MAX_DEPTH = 50  # of nested elements

_MATH = re.compile(r"<((?:\w+:)?math)\b[^<>]*>.*?</\1\s*>", re.I | re.S)
# The innermost first; a style inside does not matter.
_RAISED_OR_LOWERED = re.compile(
    r"<((?:\w+:)?(?:sup|sub|inf))\b[^<>]*>"
    r"((?:[^<>]|</?(?:b|i|em|strong|span|a|font)\b[^<>]*>){0,80})</\1\s*>",
    re.I,
)
MAX_NESTED = 4
_TAG = re.compile(r"<[^<>]*>")
_SIGNS = {"tm": "™", "sm": "℠", "r": "®"}  # set small and raised they are these signs
_CHEMICAL = re.compile(r"(?:[A-Z][a-z]?|\))$")  # "H2O" is written and looked for like this
_ORDINAL = re.compile(r"(?:st|nd|rd|th|er|ère|e|o|a)", re.I)


def readable(markup: str) -> str:
    """Return HTML with its formulas written as text; all other markup stays."""
    lowered = markup.lower()
    if "math" in lowered:
        markup = _MATH.sub(lambda found: html.escape(_formula(found[0]), quote=False), markup)
    for _ in range(MAX_NESTED):
        markup, changes = _RAISED_OR_LOWERED.subn(_shifted, markup)
        if not changes:
            break
    return markup


def _shifted(found: re.Match[str]) -> str:
    name, text = found[1].lower(), html.unescape(_TAG.sub("", found[2])).strip()
    if name.endswith("sup"):
        if _ORDINAL.fullmatch(text):
            return text
        text = _SIGNS.get(text.lower()) or superscript(text)
    elif not (text.isdigit() and _CHEMICAL.search(found.string, 0, found.start())):
        text = subscript(text)
    return html.escape(text, quote=False)


def _formula(markup: str) -> str:
    if len(markup) > MAX_FORMULA:
        return " ".join(html.unescape(_TAG.sub("", markup)).split())
    # HTML knows more entities than XML does.
    named = re.sub(r"&(?!amp;|lt;|gt;|#)(\w{1,32});", lambda m: html.unescape(m[0]), markup)
    prefixless = re.sub(r"(</?)\w+:", r"\1", named)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    root = etree.fromstring(prefixless.encode("utf-8", "ignore"), parser)
    return "" if root is None else " ".join(_written(root, 0).split())


def _written(node: etree._Element, depth: int) -> str:
    if not isinstance(node.tag, str) or depth > MAX_DEPTH:
        return ""
    name = etree.QName(node).localname.lower()
    if name in _IGNORED:
        return ""
    parts = [_written(child, depth + 1) for child in node]
    if writer := _WRITERS.get(name):
        try:
            return writer(parts)
        except IndexError:  # an element with too few children
            return "".join(parts)
    return "".join([_stripped(node.text), *_with_tails(node, parts)])


def _with_tails(node: etree._Element, parts: list[str]) -> list[str]:
    return [part + _stripped(child.tail) for part, child in zip(parts, node, strict=True)]


def _stripped(text: str | None) -> str:
    # Invisible times, function application and separator say nothing in plain text.
    return re.sub("[\u2061-\u2064]", "", " ".join((text or "").split()))


def _over(parts: list[str]) -> str:
    return f"{bracketed(parts[0])}/{bracketed(parts[1])}"


def _both(parts: list[str]) -> str:
    return parts[0] + subscript(parts[1]) + superscript(parts[2])


def _accented(parts: list[str]) -> str:
    mark = _ACCENTS.get(parts[1].strip(), "")
    return parts[0] + mark if len(parts[0]) == 1 and mark else parts[0] + _around(parts[1])


def _around(text: str) -> str:
    return superscript(text) if text.strip(" ‾¯_^~→˙.") else ""


_ACCENTS = {"^": "\u0302", "ˆ": "\u0302", "~": "\u0303", "˜": "\u0303", "¯": "\u0304"}
_ACCENTS |= {"‾": "\u0304", "_": "\u0304", "˙": "\u0307", ".": "\u0307", "→": "\u20d7"}
_IGNORED = frozenset({"annotation", "annotation-xml", "mphantom", "none", "mprescripts"})
_WRITERS: dict[str, Callable[[list[str]], str]] = {
    "msup": lambda parts: parts[0] + superscript(parts[1]),
    "msub": lambda parts: parts[0] + subscript(parts[1]),
    "msubsup": _both,
    "munderover": _both,
    "munder": lambda parts: parts[0] + subscript(parts[1]),
    "mover": _accented,
    "mfrac": _over,
    "msqrt": lambda parts: f"√{bracketed(''.join(parts))}",
    "mroot": lambda parts: f"{superscript(parts[1])}√{bracketed(parts[0])}",
    "mfenced": lambda parts: f"({', '.join(parts)})",
    "mspace": lambda _parts: " ",
}
