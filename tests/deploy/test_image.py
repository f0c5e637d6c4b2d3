"""The image contains everything that production needs, and nothing else."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.conftest import ROOT, copy_instructions, manage
from tests.deploy.docker_context import DockerIgnore, build_context

CONTEXT = build_context(ROOT, [path.name for path in ROOT.iterdir() if path.name != ".venv"])


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
        ("!a\n*", "a/b", True),  # the last match wins
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
def test_dockerignore_is_interpreted_like_docker_does(
    patterns: str, path: str, excluded: bool
) -> None:
    assert DockerIgnore(patterns).excludes(path) is excluded


def sources() -> list[str]:
    return [source for names, _target in copy_instructions() for source in names]


def test_every_copied_source_is_in_the_build_context() -> None:
    for source in (*sources(), "requirements.txt", "deploy/check.env"):
        files = [name for name in CONTEXT if name == source or name.startswith(f"{source}/")]
        assert files, f".dockerignore excludes {source}, which the Dockerfile copies"


def test_every_source_file_is_in_the_build_context() -> None:
    for source in sources():
        paths = [ROOT / source, *(ROOT / source).rglob("*")]
        files = {
            path.relative_to(ROOT).as_posix()
            for path in paths
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert files <= set(CONTEXT)


def packages() -> list[str]:
    return sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))


def imported_packages() -> set[str]:
    """Return the packages that copied code imports, or names in dotted paths as settings do."""
    names: set[str] = set()
    for path in (ROOT / name for name in CONTEXT if name.endswith(".py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value.split(".")[0])
    return names


@pytest.mark.parametrize("name", packages())
def test_every_package_that_copied_code_imports_is_copied(name: str) -> None:
    assert name in sources() or name == "devtools" or name not in imported_packages()


def test_the_build_context_has_no_secrets_data_or_tests() -> None:
    tops = {name.split("/")[0] for name in CONTEXT}
    assert tops == {*sources(), "requirements.txt", "deploy"}
    assert [name for name in CONTEXT if name.startswith("deploy/")] == ["deploy/check.env"]
    assert not [name for name in CONTEXT if "__pycache__" in name]


@pytest.mark.slow
def test_the_image_passes_the_deployment_checks(image: Path) -> None:
    manage(image, "check", "--deploy", "--fail-level", "WARNING")
    assert list((image / "staticfiles").glob("site.*.css"))


def test_the_image_runs_as_an_unprivileged_user() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "USER paperboy" in text
    assert text.index("USER paperboy") > text.rindex("RUN ")


@pytest.mark.parametrize("debug", ["0", "1"])
def test_the_image_names_all_missing_servers_at_once(image_files: Path, debug: str) -> None:
    result = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=image_files,
        env={"DEBUG": debug, "DATA_DIR": str(image_files / "data")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    for name in ("DATABASE_URL", "REDIS_URL", "EMAIL_URL"):
        assert f"Wrong setting: {name}: must be set" in result.stderr
