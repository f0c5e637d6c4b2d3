"""Macros that pylatexenc does not know, or writes unsuitably for running text."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from pylatexenc import latex2text, latexwalker, macrospec

from papers.text.latex.scripts import SUPERSCRIPT, bracketed, script, subscript, superscript
from papers.text.latex.spacing import GAP

_MACRO = re.compile(r"\\(?:([a-zA-Z])\{([a-z]+)\}|([a-zA-Z]+)(\s*\{\s*\})?|.)", re.S)
_GREEK = frozenset(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho "
    "sigma tau upsilon phi varphi chi psi omega".split()
)
_DOUBLE_STRUCK = dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True))

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


def _superscript(node: Any, l2tobj: Any) -> str:
    return superscript(_argument(node, l2tobj))


def _subscript(node: Any, l2tobj: Any) -> str:
    return subscript(_argument(node, l2tobj))


def _fraction(node: Any, l2tobj: Any) -> str:
    above, below = (bracketed(_argument(node, l2tobj, index)) for index in (0, 1))
    return f"{above}/{below}"


def _root(node: Any, l2tobj: Any) -> str:
    index, radicand = (_argument(node, l2tobj, index) for index in (0, 1))
    return (script(index, SUPERSCRIPT, "^") if index else "") + f"√{bracketed(radicand)}"


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
    return f"{GAP}{name}{GAP}"


Row = tuple[str, str, Replacement]


def _rows(names: str, arguments: str, replacement: Replacement) -> Iterable[Row]:
    return ((name, arguments, replacement) for name in names.split())


# (macro, arguments in pylatexenc's notation, replacement)
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
def contexts() -> tuple[Any, Any]:
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


def replace_unknown(tex: str) -> str:
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
    parsing, writing = contexts()
    return bool(parsing.get_macro_spec(macro) or writing.get_macro_spec(macro))
