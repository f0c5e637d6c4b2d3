"""The build context of Docker: the files of a folder without those in .dockerignore.

The rules are those of moby/patternmatcher. Patterns apply in order and the last match wins. `!`
marks an exception. A pattern that matches a folder matches everything below it. `*` and `?` do not
match a slash, `**` does. A leading slash and `./` are ignored. `#` starts a comment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from posixpath import normpath


class DockerIgnore:
    def __init__(self, text: str) -> None:
        self.patterns = list(_parse(text))

    def excludes(self, path: str) -> bool:
        parts = PurePosixPath(path).parts
        names = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        excluded = False
        for exception, pattern in self.patterns:
            if any(map(pattern.fullmatch, names)):
                excluded = not exception
        return excluded


def _parse(text: str) -> Iterator[tuple[bool, re.Pattern[str]]]:
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
    r"\[[^\]]+\]": None,  # a character class stays as it is
    r"\\.": None,  # an escaped character stays as it is
}


def _expression(pattern: str) -> str:
    tokens = re.finditer("|".join((*TOKENS, ".")), pattern)
    return "".join(_translate(match[0]) for match in tokens)


def _translate(token: str) -> str:
    for expression, translation in TOKENS.items():
        if re.fullmatch(expression, token):
            return token if translation is None else translation
    return re.escape(token)


def build_context(root: Path, folders: Iterable[str] = (".",)) -> list[str]:
    """Return the paths, relative to `root`, of the files below `folders` in the build context."""
    ignore = DockerIgnore((root / ".dockerignore").read_text())
    paths = (path for folder in folders for path in _files(root / folder))
    names = (path.relative_to(root).as_posix() for path in paths)
    return [name for name in names if not ignore.excludes(name)]


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for folder, _folders, names in os.walk(path):  # ignores folders deleted meanwhile
        yield from (Path(folder) / name for name in names)
