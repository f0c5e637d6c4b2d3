"""Imports point one way; pure modules stay pure. DESIGN in the README, kept true."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("config", "papers", "subscriptions", "operations")
PURE = (
    *(
        "papers.folding",
        "papers.compounds",
        "papers.text",
        "papers.latex",
        "papers.formulas",
        "papers.trending",
        "papers.lexicon",
        "papers.embedding",
    ),
    *(
        "papers.sample",
        "papers.verdicts",
        "papers.queries",
        "papers.lexemes",
        "papers.marking",
        "papers.citing",
        "papers.plots",
    ),
    *("papers.appeal", "papers.jsonlines", "papers.replay"),
    *("subscriptions.addresses", "subscriptions.bibtex", "subscriptions.sns"),
    *("subscriptions.bounces", "subscriptions.severity"),
    *("subscriptions.schedule", "subscriptions.matching", "subscriptions.composition"),
    *("subscriptions.likeness", "papers.vectors", "papers.filler_words"),
    *("papers.spelling", "papers.languages"),
    *("subscriptions.phrases", "subscriptions.typed_terms"),
    *("subscriptions.evaluation", "subscriptions.references", "subscriptions.insight"),
    *("subscriptions.reasons", "subscriptions.mime", "subscriptions.outcomes"),
    *("subscriptions.breaker", "subscriptions.stencils", "subscriptions.time_zones"),
)
# The language of the moment is no state of ours: words come out of pure modules translated.
WORDS = ("django.utils.translation", "django.utils.formats")
IMPURE_IMPORTS = ("django", "celery", "config", "papers.models", "subscriptions.models")
MAY_ENQUEUE = ("views", "tasks", "admin", "management")


def modules() -> dict[str, Path]:
    found = {}
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if "migrations" not in parts:
                found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = modules()


def imports(name: str) -> set[str]:
    """Dotted names a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def is_pure(name: str) -> bool:
    return name in PURE or name.startswith("papers.feeds")


def is_below(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("name", [name for name in MODULES if is_below(name, "papers")])
def test_papers_know_nothing_of_subscriptions(name: str) -> None:
    assert not [used for used in imports(name) if is_below(used, "subscriptions")]


@pytest.mark.parametrize("name", [name for name in MODULES if not is_below(name, "operations")])
def test_nothing_knows_of_operations(name: str) -> None:
    assert not [used for used in imports(name) if is_below(used, "operations")]


@pytest.mark.parametrize("name", [name for name in MODULES if is_below(name, "config")])
def test_config_names_apps_by_string(name: str) -> None:
    apps = ("papers", "subscriptions", "operations")
    assert not [used for used in imports(name) if any(is_below(used, app) for app in apps)]


@pytest.mark.parametrize("name", ["papers.models", "subscriptions.models"])
def test_models_import_no_neighbour(name: str) -> None:
    app = name.partition(".")[0]
    assert not [used for used in imports(name) if is_below(used, app)]


@pytest.mark.parametrize("name", [name for name in MODULES if is_pure(name)])
def test_pure_modules_take_plain_values(name: str) -> None:
    used = {one for one in imports(name) if not any(is_below(one, words) for words in WORDS)}
    assert not [one for one in used if any(is_below(one, bad) for bad in IMPURE_IMPORTS)]
    ours = {one for one in used if one in MODULES and one not in ("papers", "papers.feeds")}
    assert all(is_pure(one) for one in ours), "a pure module imports one that is not"
    assert "datetime.now" not in MODULES[name].read_text(), "the clock is an argument"


def test_every_module_named_pure_exists() -> None:
    assert set(PURE) <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_only_doorways_enqueue_tasks(name: str) -> None:
    if any(part.rpartition("_")[2] in MAY_ENQUEUE for part in name.split(".")):
        return
    assert ".delay" not in MODULES[name].read_text()
    assert not [used for used in imports(name) if used.endswith(".tasks")]
