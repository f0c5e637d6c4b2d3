"""The documents name only files, modules, commands, targets, settings and headings that exist."""

from __future__ import annotations

import importlib
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(
    path.relative_to(ROOT)
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("devtools/**/*.md"))
)
PACKAGES = ("config", "web", "papers", "subscriptions", "operations", "devtools", "tests")
PLACEHOLDERS = re.compile(r"NAME|CODE|TIME|…|\*")

_FENCED = re.compile(r"^```.*?^```", re.M | re.S)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_PATH = re.compile(r"\.?[\w-][\w.-]*(?:/[\w.-]+)*/?")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")


def text_of(document: Path) -> str:
    return (ROOT / document).read_text()


def code_of(document: Path) -> Iterator[str]:
    """Yield the inline code of a document, without fenced blocks."""
    yield from _INLINE.findall(_FENCED.sub("", text_of(document)))


def commands_of(document: Path) -> Iterator[str]:
    """Yield inline code and the lines of fenced blocks, without comments."""
    yield from code_of(document)
    for block in _FENCED.findall(text_of(document)):
        yield from (line.partition(" #")[0].strip() for line in block.splitlines())


def anchors_of(document: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", text_of(document)), re.M)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def file_exists(path: str) -> bool:
    """Tell whether a path exists in the repository, or below tests/."""
    return (ROOT / path).exists() or (ROOT / "tests" / path).exists()


def names_resolve(dotted: str) -> bool:
    """Tell whether a dotted name is a module, or an attribute of one."""
    module, _, rest = dotted, "", ""
    while module:
        try:
            value: object = importlib.import_module(module)
        except ModuleNotFoundError:
            module, _, last = module.rpartition(".")
            rest = f"{last}.{rest}".strip(".")
            continue
        for name in filter(None, rest.split(".")):
            if not hasattr(value, name):
                return False
            value = getattr(value, name)
        return True
    return False


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_lead_to_files_and_headings(document: Path) -> None:
    broken = []
    for target in _LINK.findall(_FENCED.sub("", text_of(document))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / document.parent / path).resolve() if path else ROOT / document
        if not file.exists() or (anchor and anchor not in anchors_of(file.relative_to(ROOT))):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_named_files_exist(document: Path) -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()} | {
        path.name for path in (ROOT / "tests").iterdir() if path.is_dir()
    }
    missing = []
    for code in code_of(document):
        if not _PATH.fullmatch(code) or PLACEHOLDERS.search(code):
            continue
        is_path = "/" in code and code.partition("/")[0] in folders
        is_test = re.fullmatch(r"test_\w+\.py", code)
        if (is_path or is_test) and not code.startswith(".data") and not file_exists(code):
            missing.append(code)
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_named_modules_and_functions_exist(document: Path) -> None:
    dotted = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]\w*)+")
    names = {code.removesuffix("()") for code in code_of(document)}
    names = {name for name in names if dotted.fullmatch(name) and not name.endswith(".md")}
    assert sorted(name for name in names if not names_resolve(name)) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_named_commands_and_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    commands = set(get_commands())
    wrong = []
    for code in commands_of(document):
        if match := re.match(r"make((?: [a-z-]+)+)", code):
            wrong += [f"make {name}" for name in match[1].split() if name not in targets]
        for name in re.findall(r"manage\.py ([a-z_]+)", code):
            wrong += [f"manage.py {name}"] if name not in commands else []
    assert wrong == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_named_settings_and_constants_exist(document: Path) -> None:
    names = {name for code in commands_of(document) for name in _CONSTANT.findall(code)}
    # NAME_FILE reads any secret from a file; ANYMAIL_… belong to django-anymail.
    names = {
        name for name in names if not name.endswith("_FILE") and not name.startswith("ANYMAIL_")
    }
    tracked = subprocess.run(
        ["git", "grep", "-hoIwE", "|".join(sorted(names)) or "^$", "--", ":!*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    assert sorted(names - set(tracked)) == []


def test_the_dependency_table_names_exactly_the_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    requirements = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["embedded"],
        *project["dependency-groups"]["dev"],
    ]
    required = [re.match(r"[\w-]+", requirement)[0] for requirement in requirements]  # type: ignore[index]
    table = text_of(Path("docs/development.md")).partition("\n## Dependencies\n")[2]
    rows = re.findall(r"^\| (`[^|]+) \|", table, re.M)
    documented = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    assert sorted(documented) == sorted(required)
