"""Fold spellings of one word into one, for search, matching and exclusions. Pure.

Search entries, lexicon tokens and exclusions all use `fold`, so that a reader finds and excludes
what their keyboard cannot type.
"""

import re
import unicodedata

# Letters that Unicode does not take apart.
LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)
_SIGNS = str.maketrans(
    {
        **dict.fromkeys("‐‑‒–−⁃﹣－", "-"),
        **dict.fromkeys("—―⸺⸻", " - "),
        **dict.fromkeys("‘’‚‛ʼʹʻ′‵´`＇", "'"),
        **dict.fromkeys("“”„‟«»″＂", '"'),
        # Invisible: soft hyphen, zero-width spaces and joiners, byte order mark, directions.
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff™℠", ""),
        **dict.fromkeys("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", ""),
    }
)
# Classes of marks without which a letter of an Indic script or of Japanese is another letter.
_PART_OF_LETTER = (0, 7, 8, 9)
_TEX_DASHES = re.compile(r"-{3,}|(?<=\w)--(?=\w)")


def fold_text(text: str) -> str:
    """Return `text` without case, accents, ligatures, kinds of dashes and quotes, and with single
    spaces.

    >>> fold("Schrödinger’s  Navier–Stokes ﬁeld")
    "schrodinger's navier-stokes field"
    """
    folded = text.lower() if text.isascii() else _ascii_where_possible(text)
    if "--" in folded:
        folded = _TEX_DASHES.sub(lambda dashes: "-" if len(dashes[0]) == 2 else " - ", folded)
    if "`" in folded:
        folded = folded.replace("`", "'")
    return " ".join(folded.split())


def _ascii_where_possible(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.translate(_SIGNS).casefold())
    apart = unicodedata.normalize("NFKD", apart.casefold())  # the first may have made capitals
    bare = "".join(one for one in apart if unicodedata.combining(one) in _PART_OF_LETTER)
    return unicodedata.normalize("NFC", bare.translate(LETTERS).translate(_SIGNS)).lower()
