"""Convert TeX in titles and abstracts to Unicode, and leave other text unchanged.

Abstracts are not TeX documents: "50% of" starts no comment, "$5 and $10" is no formula,
"snake_case" and "10^5" are plain text. Text that is not TeX is therefore replaced by placeholders,
one private-use character each, while pylatexenc converts the rest. This also makes it fast:
pylatexenc's time grows with the number of characters.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import Any

from pylatexenc import latex2text, latexwalker, macrospec

# arXiv limits abstracts to 1,920 characters; longer or deeper input is left unchanged.
MAX_LENGTH = 10_000
MAX_DEPTH = 20


# Around "log" in a formula: becomes a space next to a letter, digit or bracket.
_GAP = "\ufdd0"
_FIRST_STOWED = 0x100000
_RESERVED = re.compile("[\ufdd0\U00100000-\U0010ffff]")

_SUPERSCRIPT = dict(
    zip(
        "0123456789+-−=()*∗abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWβγδφχ",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾**ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵝᵞᵟᵠᵡ",
        strict=True,
    )
)
_SUBSCRIPT = dict(
    zip(
        "0123456789+-−=()aehijklmnoprstuvxβγρφχ",
        "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ",
        strict=True,
    )
)
# These are already superscripts.
_RAISED = {"∘": "°", "°": "°", "'": "′", "′": "′", "″": "″", "∗": "*", "*": "*", "⋆": "⋆"} | {
    sign: sign for sign in "†‡§¶®™©′″‴"
}
_DOUBLE_STRUCK = dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True))

_RELATION = re.compile(r"(?<=\S)(?:\s+([=<>≤≥≈≡≠∼∈≪≫→←⊂⊆])\s*|([=<>≤≥≈≡≠∼∈≪≫→←⊂⊆])\s+)(?=\S)")
_LEADING_RELATION = re.compile(r"^([=<>≤≥≈∼±×])\s+")
_ATOM = re.compile(r"[^\W_]+(?:\.\d+)?")


def to_unicode(tex: str) -> str:
    """Return `tex` as Unicode text; text without TeX is returned unchanged.

    Never raises: what cannot be read as TeX is returned as received.
    """
    # Substring tests, because most texts have none of these; a regex takes ten times as long.
    if "\\" in tex or "$" in tex or "_{" in tex or "^{" in tex or "{,}" in tex:
        tex = _converted(tex)
    return _typeset(tex) if "~" in tex or "--" in tex or "`" in tex or "''" in tex else tex


# --- Typewriter conventions ------------------------------------------------------------------

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


def _typeset(text: str) -> str:
    for sign, pattern, replacement in _CONVENTIONS:
        if sign in text:
            text = pattern.sub(replacement, text)
    return _TIE.sub(lambda match: match[1] or " ", text) if "~" in text else text


# --- Telling TeX from text that only looks like TeX ----------------------------------------

_MACRO = re.compile(r"\\(?:([a-zA-Z])\{([a-z]+)\}|([a-zA-Z]+)(\s*\{\s*\})?|.)", re.S)
_GREEK = frozenset(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho "
    "sigma tau upsilon phi varphi chi psi omega".split()
)
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


class _Stow:
    """Texts replaced by placeholders, one private-use character each."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}

    def hide(self, text: str) -> str:
        code = _FIRST_STOWED + len(self._texts)
        self._texts[code] = text
        return chr(code)

    def reveal(self, text: str) -> str:
        return text.translate(self._texts)


def _stowed(tex: str, stow: _Stow) -> str:
    """Return `tex` with a placeholder for everything that its author did not mean as TeX."""
    parts = []
    position = 0
    while match := _SPAN.match(tex, position):
        kind, span = match.lastgroup, match.group()
        if kind == "dollars" and (_is_price(tex, position) or not _is_formula(span[1:-1])):
            kind, span = "text", "$"
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


def _without_unknown_macros(tex: str) -> str:
    r"""Replace unknown macros by their argument or, without one, by their name.

    "We present \ours, ..." would otherwise lose its subject.
    """
    return _MACRO.sub(_known_or_named, tex)


def _known_or_named(match: re.Match[str]) -> str:
    letter, rest, name, _ = match.groups()
    # arXiv's own conversion took \rho for the accent \r and left \r{ho}; likewise \b{eta} ...
    if letter and letter + rest in _GREEK:
        return f"{{\\{letter}{rest}}}"
    if name and name not in ("begin", "end") and not _is_known(name):
        has_argument = match[4] is None and match.string.startswith("{", match.end())
        return "" if has_argument else name
    return match.group()


def _is_known(macro: str) -> bool:
    parsing, writing = _contexts()
    return bool(parsing.get_macro_spec(macro) or writing.get_macro_spec(macro))


# --- Conversion by pylatexenc -----------------------------------------------------------------


def _converted(tex: str) -> str:
    if len(tex) > MAX_LENGTH or _depth(tex) > MAX_DEPTH:
        return tex
    known = _RESERVED.sub("", tex)
    try:
        text = _piecewise(known) or _parsed(known)
    except Exception:
        # The input may not be TeX: on any error keep the original text, so that one abstract never
        # costs a document its other entries.
        return tex
    return _LOOSE_PUNCTUATION.sub(r"\1", _filled_gaps(text))


def _parsed(tex: str) -> str:
    stow = _Stow()
    stowed = _stowed(_without_unknown_macros(tex), stow)
    parsing, writing = _contexts()
    walker = latexwalker.LatexWalker(stowed, latex_context=parsing, tolerant_parsing=True)
    nodes, _, _ = walker.get_latex_nodes()
    return stow.reveal(_Writer(stow, latex_context=writing).nodelist_to_text(nodes))


# pylatexenc takes half a millisecond per text, and most contain only "5\\%", "$k$" and
# \\emph{word}: those are converted piece by piece, with a cache of formulas.
_formula = lru_cache(maxsize=4096)(_parsed)
_ESCAPES = frozenset({"\\%", "\\&", "\\#", "\\$", "\\_"})
_SIMPLE = re.compile(
    r"""\\(?:textbf|textit|emph|textsc|texttt|textsf|textrm|underline)\{(?P<styled>[^\\{}\[\]$^_]+)\}
      | (?P<open>\{)? \\(?: (?P<mark>['"`^~]) (?:\{(?P<a>[A-Za-z])\} | (?P<b>[A-Za-z]))
                           | (?P<tail>[cv]) \{(?P<c>[A-Za-z])\} ) (?(open)\}) """,
    re.X,
)
_ACCENTS = dict(zip("'\"`^~cv", "\u0301\u0308\u0300\u0302\u0303\u0327\u030c", strict=True))


def _piecewise(tex: str) -> str:
    """Convert escapes, styles, accents and formulas; return "" if there is other TeX."""
    parts: list[str] = []
    position = 0
    while position < len(tex):
        if simple := _SIMPLE.match(tex, position):
            position = simple.end()
            parts.append(_simple(simple))
            continue
        match = _SPAN.match(tex, position)
        kind, span = (match.lastgroup, match.group()) if match else ("text", tex[position])
        if kind == "dollars" and (_is_price(tex, position) or not _is_formula(span[1:-1])):
            kind, span = "text", "$"
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


# A removed citation leaves its space before the full stop.
_LOOSE_PUNCTUATION = re.compile(r"(?<=\S)[ \t~]+([.,;])(?=\s|$)")
_WIDE_GAP = re.compile(f"(?<=[\\w)\\]]){_GAP}+(?=[A-Za-z0-9Α-ω√])")


def _filled_gaps(text: str) -> str:
    return _WIDE_GAP.sub(" ", text).replace(_GAP, "")


def _depth(tex: str) -> int:
    deepest = depth = 0
    for bracket in re.findall(r"[{}]|\\begin|\\end|\\left|\\right", tex):
        depth += 1 if bracket in ("{", "\\begin", "\\left") else -1
        deepest = max(deepest, depth)
    return deepest


class _Writer(latex2text.LatexNodes2Text):
    """pylatexenc's writer with even spacing in formulas. Stateful: use one per text."""

    def __init__(self, stow: _Stow, **options: Any) -> None:
        super().__init__(**options)
        self.stow = stow

    def math_node_to_text(self, node: Any) -> str:
        formula = " ".join(super().math_node_to_text(node).split())
        formula = _LEADING_RELATION.sub(r"\1", formula)
        return _RELATION.sub(lambda match: f" {match[1] or match[2]} ", formula)


Replacement = str | Callable[[Any, Any], str]


# pylatexenc passes the writer to callables by the name `l2tobj`.
def _argument(node: Any, l2tobj: Any, index: int = 0) -> str:
    text: str = l2tobj.node_arg_to_text(node, index)
    return str(l2tobj.stow.reveal(text)).strip()


def _last_argument(node: Any, l2tobj: Any) -> str:
    return _argument(node, l2tobj, -1)


def _note(node: Any, l2tobj: Any) -> str:
    return f" ({_argument(node, l2tobj, -1)})"


def _binomial(node: Any, l2tobj: Any) -> str:
    above, below = (_argument(node, l2tobj, index) for index in (0, 1))
    return f"({above} choose {below})"


def _modulus(node: Any, l2tobj: Any) -> str:
    return f" (mod {_argument(node, l2tobj)})"


def bracketed(text: str) -> str:
    """Return a number or a name as it is, anything longer in brackets."""
    return text if _ATOM.fullmatch(text) else f"({text})"


def _scripted(text: str, alphabet: dict[str, str], sign: str) -> str:
    text = _filled_gaps(text).strip()
    if all(character in alphabet for character in text):
        return "".join(alphabet[character] for character in text)
    if text.startswith("(") and text.find(")") == len(text) - 1:
        return f"{sign}{text}"
    return f"{sign}{text}" if len(text) == 1 else f"{sign}({text})"


def superscript(text: str) -> str:
    """Return text raised, in Unicode where all of it can be, else behind "^"."""
    return _RAISED.get(text) or _scripted(text, _SUPERSCRIPT, "^") if text.strip() else ""


def subscript(text: str) -> str:
    """Return text lowered, in Unicode where all of it can be, else behind "_"."""
    return _scripted(text, _SUBSCRIPT, "_") if text.strip() else ""


def _superscript(node: Any, l2tobj: Any) -> str:
    return superscript(_argument(node, l2tobj))


def _subscript(node: Any, l2tobj: Any) -> str:
    return subscript(_argument(node, l2tobj))


def _fraction(node: Any, l2tobj: Any) -> str:
    above, below = (bracketed(_argument(node, l2tobj, index)) for index in (0, 1))
    return f"{above}/{below}"


def _root(node: Any, l2tobj: Any) -> str:
    index, radicand = (_argument(node, l2tobj, index) for index in (0, 1))
    return (_scripted(index, _SUPERSCRIPT, "^") if index else "") + f"√{bracketed(radicand)}"


def _double_struck(node: Any, l2tobj: Any) -> str:
    letters = _argument(node, l2tobj)
    return "".join(_DOUBLE_STRUCK.get(letter, letter) for letter in letters)


def _link(node: Any, l2tobj: Any) -> str:
    address, text = (_argument(node, l2tobj, index) for index in (0, 1))
    return address if text in address else f"{text} ({address})"


def _character(node: Any, l2tobj: Any) -> str:
    code = _argument(node, l2tobj)
    number = int(code[1:], 16) if code[:1] in "xX" else int(code)
    # No control character, no half of a surrogate pair.
    return chr(number) if chr(number).isprintable() else ""


def _over(mark: str) -> Callable[[Any, Any], str]:
    def marked(node: Any, l2tobj: Any) -> str:
        text = _argument(node, l2tobj)
        return text + mark if len(text) == 1 else text

    return marked


def _between(left: str, right: str) -> Callable[[Any, Any], str]:
    def written(node: Any, l2tobj: Any) -> str:
        return f"{left}{_last_argument(node, l2tobj)}{right}"

    return written


def _named_function(name: str) -> str:
    return f"{_GAP}{name}{_GAP}"


Row = tuple[str, str, Replacement]


def _rows(names: str, arguments: str, replacement: Replacement) -> Iterable[Row]:
    return ((name, arguments, replacement) for name in names.split())


# Macros that pylatexenc does not know, or writes unsuitably for running text:
# (macro, arguments in pylatexenc's notation, replacement).
_MACROS: tuple[Row, ...] = (
    *_rows(
        "texttt textsf textup textmd textsl textnormal mbox hbox mathcal mathscr mathfrak mathbf "
        "mathit mathsf mathtt mathrm mathop mathbin mathrel boldsymbol bm pmb uline "
        "underline text emph textbf textit textrm textsc enquote ensuremath url",
        "{",
        _argument,
    ),
    *_rows("operatorname", "*{", _last_argument),
    *_rows("textcolor", "[{{", _last_argument),
    *_rows("colorbox", "{{", _last_argument),
    *_rows("color", "[{", ""),
    *_rows("cite citep citet citealp citeauthor citeyear parencite textcite", "*[[{", ""),
    *_rows("ref cref Cref autoref eqref label pageref input include", "{", ""),
    *_rows("vspace hspace", "*{", " "),
    *_rows("footnotemark", "[", ""),
    *_rows("footnote footnotetext thanks", "[{", _note),
    *_rows("href hyperlink", "{{", _link),
    *_rows("unicode", "{", _character),
    *_rows("frac tfrac dfrac cfrac nicefrac sfrac", "{{", _fraction),
    *_rows("binom tbinom dbinom", "{{", _binomial),
    *_rows("pmod", "{", _modulus),
    *_rows("sqrt", "[{", _root),
    *_rows("mathbb mathds", "{", _double_struck),
    *_rows("textsuperscript", "{", _superscript),
    *_rows("textsubscript", "{", _subscript),
    *_rows("widehat", "{", _over("\u0302")),
    *_rows("widetilde", "{", _over("\u0303")),
    *_rows("overline", "{", _over("\u0304")),
    *_rows(
        "it em bf tt rm sf sc sl cal tiny scriptsize footnotesize small normalsize large Large "
        "itshape bfseries ttfamily rmfamily sffamily scshape centering noindent par left right "
        "middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr displaystyle textstyle "
        "scriptstyle limits nolimits protect xspace boldmath unboldmath smallskip medskip bigskip "
        "nobreak nonumber",
        "",
        "",
    ),
    *_rows("newline linebreak quad qquad enspace enskip thinspace space newpage", "", " "),
    *_rows("item", "[", " • "),
    *_rows("deg degree textdegree", "", "°"),
    *_rows("eg", "", "e.g. "),
    *_rows("ie", "", "i.e. "),
    *_rows("etc", "", "etc."),
    *_rows("etal", "", "et al. "),
    *_rows("today", "", "today"),
    *_rows("prime", "", "′"),
    *_rows("tau", "", "τ"),
    *_rows("lVert rVert Vert |", "", "‖"),
    *_rows("lvert rvert vert", "", "|"),
    *_rows("norm Norm", "*[{", _between("‖", "‖")),
    *_rows("abs Abs card", "*[{", _between("|", "|")),
    *_rows("braket Braket expval ev inner innerp", "*{", _between("⟨", "⟩")),
    *_rows("bra Bra", "*{", _between("⟨", "|")),
    *_rows("ket Ket", "*{", _between("|", "⟩")),
    *_rows("ceil", "*[{", _between("⌈", "⌉")),
    *_rows("floor", "*[{", _between("⌊", "⌋")),
    *_rows("-", "", ""),
    *_rows("triangleq", "", "≜"),
    *_rows("texttimes", "", "×"),
    *(
        (name, "", _named_function(name))
        for name in "log ln exp max min sup inf sin cos tan tanh "
        "arg argmax argmin det dim gcd Pr lim poly polylog mod".split()
    ),
)


@cache
def _contexts() -> tuple[Any, Any]:
    """Return pylatexenc's parsing and writing tables with ours first; slow, so cached."""
    parsing = latexwalker.get_default_latex_context_db()
    parsing.add_context_category(
        "abstracts",
        prepend=True,
        macros=[macrospec.std_macro(name, arguments) for name, arguments, _ in _MACROS],
        specials=[
            macrospec.SpecialsSpec(sign, args_parser=macrospec.MacroStandardArgsParser("{"))
            for sign in "^_"
        ],
    )
    writing = latex2text.get_default_latex_context_db()
    writing.add_context_category(
        "abstracts",
        prepend=True,
        macros=[
            latex2text.MacroTextSpec(name, simplify_repl=replacement)
            for name, _, replacement in _MACROS
        ],
        specials=[
            latex2text.SpecialsTextSpec("^", simplify_repl=_superscript),
            latex2text.SpecialsTextSpec("_", simplify_repl=_subscript),
        ],
    )
    return parsing, writing
