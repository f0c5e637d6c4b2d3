"""What the Dockerfile copies is there when Docker builds it, and is all that production needs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.deploy.conftest import ROOT, copied, manage
from tests.deploy.docker_context import DockerIgnore, context

SENT = context(ROOT, [path.name for path in ROOT.iterdir() if path.name != ".venv"])


@pytest.mark.parametrize(
    ("patterns", "path", "excluded"),
    [
        ("", "a/b", False),
        ("a", "a/b", True),
        ("a", "b/a", False),
        ("**/a", "b/c/a/d", True),
        ("**/a", "a", True),
        ("*/a", "b/c/a", False),
        ("*.md", "docs/a.md", False),
        ("**/*.md", "docs/a.md", True),
        ("docs/**", "docs/a/b.md", True),
        ("*\n!a", "a/b", False),
        ("*\n!a/b", "a/c", True),
        ("!a\n*", "a/b", True),  # the last one that matches wins
        ("*\n!a\n**/__pycache__", "a/b/__pycache__/c.pyc", True),
        ("*\n!a\na/b\n!a/b/c", "a/b/c", False),
        ("/a/", "a/b", True),
        ("./a", "a", True),
        ("# a\n\n  b  ", "a", False),
        ("# a\n\n  b  ", "b", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("a[bc]", "ab", True),
        ("a.b", "axb", False),
        (r"\!a", "!a", True),
    ],
)
def test_dockerignore_is_read_as_docker_reads_it(patterns: str, path: str, excluded: bool) -> None:
    assert DockerIgnore(patterns).excludes(path) is excluded


def sources() -> list[str]:
    return [source for names, _target in copied() for source in names]


def test_every_source_of_a_copy_is_sent_to_docker() -> None:
    for source in (*sources(), "requirements.txt", "deploy/check.env"):
        below = [name for name in SENT if name == source or name.startswith(f"{source}/")]
        assert below, f".dockerignore excludes {source}, which the Dockerfile copies"


def test_every_file_of_the_code_is_sent() -> None:
    for source in sources():
        files = [ROOT / source, *(ROOT / source).rglob("*")]
        wanted = {
            path.relative_to(ROOT).as_posix()
            for path in files
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert wanted <= set(SENT)


def packages() -> list[str]:
    return sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))


def imported() -> set[str]:
    """The top names that copied code imports or mentions as a dotted name, as settings do."""
    found: set[str] = set()
    for path in (ROOT / name for name in SENT if name.endswith(".py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value.split(".")[0])
    return found


@pytest.mark.parametrize("name", packages())
def test_every_package_that_copied_code_imports_is_copied(name: str) -> None:
    assert name in sources() or name == "devtools" or name not in imported()


def test_no_secret_no_data_and_no_test_is_sent() -> None:
    tops = {name.split("/")[0] for name in SENT}
    assert tops == {*sources(), "requirements.txt", "deploy"}
    assert [name for name in SENT if name.startswith("deploy/")] == ["deploy/check.env"]
    assert not [name for name in SENT if "__pycache__" in name]


def test_what_the_image_holds_is_all_that_is_needed(image: Path) -> None:
    manage(image, "check", "--deploy", "--fail-level", "WARNING")
    assert list((image / "staticfiles").glob("site.*.css"))


def test_the_image_runs_as_nobody_special() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "USER paperboy" in text
    assert text.index("USER paperboy") > text.rindex("RUN ")
