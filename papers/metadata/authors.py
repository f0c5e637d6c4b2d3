"""Split author lists into names, first name first."""

import re
from collections.abc import Iterator

_BRACKETED = re.compile(r"\s*[(\[].*", re.S)
_NO_SINGLE_NAME = re.compile(r"[,;:&(\[]| and |^and ")
_AND = re.compile(r"\s+(?:and|&)\s+")
_AND_OTHERS = re.compile(r"[\s,;]*\b(?:et\.? al\b\.?|and others\b)", re.I)
_EAST_ASIAN_COMMA = re.compile("[，、；﹐﹑]")
_SUFFIX = re.compile(r"(?:Jr|Sr)\.?|I{2,3}|IV")
_INITIALS = re.compile(r"(?:[^\W\d_]\.[ -]?){1,4}|[A-Z]{1,3}")


def parse_arxiv_authors(text: str) -> tuple[str, ...]:
    """Return the names of arXiv's lists: "Ann One (X (Y, Z), W), Bo Two, and Cy Three"."""
    names: list[str] = []
    for piece in _top_level_pieces(text):
        bare = _BRACKETED.sub("", piece) if "(" in piece or "[" in piece else piece
        name = bare.strip().removeprefix("and ").strip()
        if names and _SUFFIX.fullmatch(name):
            names[-1] = f"{names[-1]} {name}"
        elif name:
            names.extend(_without_collaboration(name))
    return tuple(names)


def _top_level_pieces(text: str) -> Iterator[str]:
    """Yield the pieces between commas outside of brackets."""
    if not any(bracket in text for bracket in "()[]"):
        yield from text.split(",")
        return
    depth = start = 0
    for found in re.finditer(r"[()\[\],]", text):
        if found[0] == ",":
            if depth == 0:
                yield text[start : found.start()]
                start = found.end()
        else:
            depth = max(0, depth + (1 if found[0] in "([" else -1))
    if depth:
        # An unclosed bracket: odd names are better than losing all others.
        yield from re.sub(r"\([^()]*\)", "", text[start:]).split(",")
    else:
        yield text[start:]


def _without_collaboration(name: str) -> list[str]:
    """Split "X Collaboration: Ann One" into two names."""
    if "Collaboration" not in name:
        return [name]
    return [part for part in re.split(r"(?<=Collaboration)\s*:\s*", name) if part]


def parse_authors(texts: list[str]) -> tuple[str, ...]:
    """Return names from a feed's author fields, with one name or a list in each, in any order.

    Handles "Ann One and Bo Two", "One, Ann; Two, Bo", "One, A., Two, B." and ["One, Ann"].
    """
    names = [name for text in texts for name in _list_in_one_text(text, alone=len(texts) == 1)]
    return tuple(dict.fromkeys(name for name in names if "@" not in name))


def _list_in_one_text(text: str, alone: bool) -> list[str]:
    text = " ".join(_AND_OTHERS.sub("", text).split())
    if _EAST_ASIAN_COMMA.search(text):
        return [name.strip() for name in _EAST_ASIAN_COMMA.split(text) if name.strip()]
    if not _NO_SINGLE_NAME.search(text):
        return [text] if text else []
    if ";" in text:
        return [_full_name(part) for part in text.split(";") if part.strip()]
    joined = _AND.split(text)
    if len(joined) > 1 and all(map(_is_inverted, joined)):
        return [_full_name(name) for name in joined]
    pieces = [piece for piece in parse_arxiv_authors(_AND.sub(", ", text)) if piece]
    if len(pieces) > 1 and _alternates(pieces):
        return [f"{given} {family}" for family, given in zip(*[iter(pieces)] * 2, strict=True)]
    if len(pieces) == 2 and not (alone and " " in pieces[0] and " " in pieces[1]):
        return [_full_name(text)] if "," in text else pieces
    return pieces


def _is_inverted(name: str) -> bool:
    """Return whether this is one name with the family name first: "van Two, Bo"."""
    family, comma, given = name.partition(",")
    return bool(comma) and "," not in given and bool(given.strip()) and family.count(" ") < 3


def _alternates(pieces: list[str]) -> bool:
    """Return whether every second piece is a set of initials: "Kay, D., Low, A. B."."""
    return len(pieces) % 2 == 0 and all(
        _INITIALS.fullmatch(given) and not _INITIALS.fullmatch(family)
        for family, given in zip(*[iter(pieces)] * 2, strict=True)
    )


def _full_name(name: str) -> str:
    """Convert "Two, Bo" to "Bo Two"."""
    family, comma, given = _BRACKETED.sub("", name).strip().partition(",")
    return f"{given.strip()} {family.strip()}".strip() if comma else family
