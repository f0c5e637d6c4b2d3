"""Tell TeX from text that only looks like TeX.

Abstracts are not TeX documents: "50% of" starts no comment, "$5 and $10" is no formula,
"snake_case" and "10^5" are plain text.
"""

import re

FIRST_PLACEHOLDER = 0x100000

_SPAN = re.compile(
    r"""
      (?P<formula> \$\$ (?:\\.|[^\\$]){1,2000}? \$\$ | \\\(.{1,1000}?\\\) | \\\[.{1,2000}?\\\] )
    | (?P<dollars> \$ (?:\\.|[^\\$]){1,1000} \$ )
      # An accent is kept together with its letter, a short macro with the space that ends it.
    | (?P<tex> \\(?:begin|end)\{[a-zA-Z]+\*?\} | \\[a-zA-Z]{1,2}(?![a-zA-Z])\s*\{?\w?
             | \\[a-zA-Z]+(?:\*(?=[{\[]))? | \\[^\w\s]\{?\w? | \\. | [_^](?=\{) | [{}\[\]] )
    | (?P<text> [^\\{}\[\]$^_]+ | . )
    """,
    re.X | re.S,
)
_SIGN_IN_FORMULA = re.compile(r"(?<!\\)[%#]")
_PRIMES = re.compile(r"(?<=[\w)}\]])'{1,3}(?![a-zA-Z])")
_MATHEMATICAL = re.compile(r"[\\^_=<>+]")
_AMOUNT = re.compile(r"\d[\d.,]*")
_WORD = re.compile(r"(?<![\\{a-zA-Z])[a-zA-Z]{3}")
_BETWEEN_PRICES = re.compile(r"[^\W\d_]{3}|[\s(/–-]$")


class Stow:
    """Texts replaced by placeholders, one private-use character each."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}

    def hide(self, text: str) -> str:
        code = FIRST_PLACEHOLDER + len(self._texts)
        self._texts[code] = text
        return chr(code)

    def reveal(self, text: str) -> str:
        return text.translate(self._texts)


def next_span(tex: str, position: int) -> tuple[str, str]:
    """Return the span of `tex` from a position on, and its kind.

    The kind is "text", "tex" (a macro or bracket), or "formula" or "dollars" with its delimiters.
    """
    match = _SPAN.match(tex, position)
    if not match:
        return "text", tex[position]
    kind, span = match.lastgroup or "text", match.group()
    if kind == "dollars" and (_is_price(tex, position) or not _is_formula(span[1:-1])):
        return "text", "$"
    return kind, span


def stow_text(tex: str, stow: Stow) -> str:
    """Return `tex` with a placeholder for everything that its author did not mean as TeX."""
    parts = []
    position = 0
    while position < len(tex):
        kind, span = next_span(tex, position)
        position += len(span)
        if kind == "text":
            parts.append(stow.hide(span))
        elif kind == "tex":
            parts.append(span)
        else:
            span = _PRIMES.sub(lambda primes: "′″‴"[len(primes[0]) - 1], span)
            sign_free = _SIGN_IN_FORMULA.sub(lambda sign: stow.hide(sign.group()), span)
            parts.append(sign_free.replace("&", " "))
    return "".join(parts)


def _is_formula(body: str) -> bool:
    """Return whether the text between two dollar signs is a formula, not text between prices.

    >>> _is_formula("5 and "), _is_formula("48-"), _is_formula("10"), _is_formula("f")
    (False, False, True, True)
    """
    if "\n\n" in body:
        return False
    amount = _AMOUNT.match(body)
    if _MATHEMATICAL.search(body):
        return not (amount and body[-1].isspace() and _WORD.search(body))
    if body[0].isspace() and body[-1].isspace():
        return len(body.strip()) == 1
    return not (amount and _BETWEEN_PRICES.search(body, amount.end()))


def _is_price(tex: str, position: int) -> bool:
    """Return whether the dollar sign belongs to a price such as "US$100"."""
    code, amount = tex[max(0, position - 2) : position], tex[position + 1 : position + 2]
    return code[-1:].isalpha() and code.isupper() and amount.isdigit()
