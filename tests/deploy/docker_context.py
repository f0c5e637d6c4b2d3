"""The build context as Docker sends it: files of a folder, less what .dockerignore names.

Follows the rules of moby/patternmatcher: patterns apply in order and the last one that matches
wins; `!` makes an exception; a pattern that matches a folder matches all below it; `*` and `?`
stop at a slash, `**` does not; a leading slash and `./` mean nothing; `#` begins a comment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from posixpath import normpath


class DockerIgnore:
    def __init__(self, text: str) -> None:
        self.patterns = list(_read(text))

    def excludes(self, path: str) -> bool:
        parts = PurePosixPath(path).parts
        names = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        excluded = False
        for exception, pattern in self.patterns:
            if any(map(pattern.fullmatch, names)):
                excluded = not exception
        return excluded


def _read(text: str) -> Iterator[tuple[bool, re.Pattern[str]]]:
    for line in text.removeprefix("\ufeff").splitlines():
        if line.startswith("#") or not (entry := line.strip()):
            continue
        exception = entry.startswith("!")
        cleaned = normpath(entry.removeprefix("!").strip()).lstrip("/")
        if cleaned != ".":
            yield exception, re.compile(_expression(cleaned), re.DOTALL)


TOKENS = {
    r"\*\*/": "(?:.*/)?",
    r"\*\*": ".*",
    r"\*": "[^/]*",
    r"\?": "[^/]",
    r"\[[^\]]+\]": None,  # a class of characters, as it is
    r"\\.": None,  # an escaped character, as it is
}


def _expression(pattern: str) -> str:
    found = re.finditer("|".join((*TOKENS, ".")), pattern)
    return "".join(_translate(one[0]) for one in found)


def _translate(token: str) -> str:
    for known, translation in TOKENS.items():
        if re.fullmatch(known, token):
            return token if translation is None else translation
    return re.escape(token)


def context(root: Path, under: Iterable[str] = (".",)) -> list[str]:
    """The files below these paths that Docker sends, relative to `root`."""
    ignore = DockerIgnore((root / ".dockerignore").read_text())
    paths = (path for one in under for path in _files(root / one))
    names = (path.relative_to(root).as_posix() for path in paths)
    return [name for name in names if not ignore.excludes(name)]


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for folder, _folders, names in os.walk(path):  # passes over what vanishes meanwhile
        yield from (Path(folder) / name for name in names)
