"""Raised and lowered text in Unicode, for formulas in TeX and in HTML."""

import re

from papers.text.latex.spacing import fill_gaps

SUPERSCRIPT = dict(
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
_ATOM = re.compile(r"[^\W_]+(?:\.\d+)?")


def bracketed(text: str) -> str:
    """Return a number or a name as it is, anything longer in brackets."""
    return text if _ATOM.fullmatch(text) else f"({text})"


def script(text: str, alphabet: dict[str, str], sign: str) -> str:
    """Return text in another alphabet where all of it can be, else behind the sign."""
    text = fill_gaps(text).strip()
    if all(character in alphabet for character in text):
        return "".join(alphabet[character] for character in text)
    if text.startswith("(") and text.find(")") == len(text) - 1:
        return f"{sign}{text}"
    return f"{sign}{text}" if len(text) == 1 else f"{sign}({text})"


def superscript(text: str) -> str:
    """Return text raised, in Unicode where all of it can be, else behind "^"."""
    return _RAISED.get(text) or script(text, SUPERSCRIPT, "^") if text.strip() else ""


def subscript(text: str) -> str:
    """Return text lowered, in Unicode where all of it can be, else behind "_"."""
    return script(text, _SUBSCRIPT, "_") if text.strip() else ""
