"""The architecture: packages from the bottom up, and what may import what."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LEVELS: tuple[tuple[str, ...], ...] = (
    ("config",),
    ("web",),
    # Papers: what was published, and how much it is talked about.
    ("papers.text",),
    ("papers.metadata", "papers.citations"),
    ("papers.feeds",),
    ("papers.models", "papers.bulk"),
    ("papers.vectors", "papers.curation", "papers.updates", "papers.exports"),
    ("papers.searching",),
    ("papers.recommended",),
    ("papers.freshness",),
    ("papers.ingest",),
    ("papers.fetching",),
    ("papers.community",),
    ("papers.ranking",),
    ("papers.tasks",),
    ("papers.pages", "papers.staff"),
    ("papers.admin", "papers.urls", "papers.management"),
    # Subscriptions: who wants what, what they are sent, what became of it.
    ("subscriptions.models", "subscriptions.tokens", "subscriptions.schedule"),
    ("subscriptions.matching",),
    ("subscriptions.profiles", "subscriptions.mail"),
    ("subscriptions.readers",),
    ("subscriptions.library",),
    ("subscriptions.zotero",),
    ("subscriptions.editions", "subscriptions.feedback"),
    ("subscriptions.delivery",),
    ("subscriptions.tasks",),
    ("subscriptions.pages", "subscriptions.staff"),
    (
        "subscriptions.admin",
        "subscriptions.apps",
        "subscriptions.urls",
        "subscriptions.management",
    ),
    ("operations",),
    ("devtools",),
)
"""A module imports from its own package and from lower levels, never sideways or upwards."""

UPWARD = {
    ("config.urls", "web"),
    # Only where no servers and no mail are configured; devtools is not in the production image.
    ("config.settings", "devtools"),
    ("config.services", "devtools"),
    ("config.urls", "devtools"),
}
PURE = (
    *("papers.feeds", "papers.metadata", "papers.text"),
    *("papers.vectors.embedded_terms", "papers.vectors.lexicon", "papers.vectors.paper_vectors"),
    *("papers.vectors.quantized_rows", "papers.vectors.sparse_rows"),
    *("papers.vectors.starter", "papers.vectors.starter_learning"),
    *("papers.vectors.term_counts", "papers.vectors.term_embeddings"),
    *("papers.vectors.term_weights", "papers.vectors.terms"),
    *("papers.fetching.bodies", "papers.fetching.headers", "papers.fetching.results"),
    *("papers.freshness.rules", "papers.ranking.forecast", "papers.ranking.hit_rate"),
    *("papers.ranking.track_records", "papers.ranking.trending"),
    *("papers.searching.highlighting", "papers.searching.queries"),
    *("papers.searching.query_dates", "papers.searching.query_descriptions"),
    *("papers.searching.query_lexemes", "papers.searching.query_parser"),
    *("papers.searching.query_problems", "papers.searching.query_tokens"),
    *("papers.searching.query_tree", "papers.searching.query_values"),
    *("papers.citations", "papers.pages.sparkline"),
    *("config.providers", "subscriptions.schedule", "subscriptions.matching"),
    *("subscriptions.profiles.bibtex", "subscriptions.profiles.references"),
    *("subscriptions.profiles.reference_files", "subscriptions.library.bibliography"),
    *("subscriptions.mail.addresses", "subscriptions.mail.mime", "subscriptions.mail.prerendered"),
    *("subscriptions.readers.time_zones", "subscriptions.feedback.sns"),
    *("subscriptions.feedback.bounce_parser", "subscriptions.feedback.bounce_prose"),
    *("subscriptions.feedback.bounce_severity", "subscriptions.feedback.mail_parts"),
    *("subscriptions.feedback.reports",),
    *("subscriptions.zotero.answers", "subscriptions.zotero.items", "subscriptions.zotero.signing"),
    *("subscriptions.delivery.circuit_breaker", "subscriptions.delivery.outcomes"),
    *("devtools.sample", "devtools.evaluation"),
)
"""Take and return plain values; import no ORM, clock or settings."""

IMPURE_IMPORTS = ("django", "celery", "config", "web", "papers.models", "subscriptions.models")
# The active language is not our state: pure modules may return translated text.
TRANSLATION = ("django.utils.translation", "django.utils.formats", "django.utils.dates")
MAY_ENQUEUE = ("pages", "staff", "tasks", "admin", "management")
MOST_MODULES = 16  # in one folder, so that it fits on a screen


def modules() -> dict[str, Path]:
    """Return all modules of the project by their dotted names, without migrations."""
    paths = (path for level in LEVELS for path in (ROOT / level[0].split(".")[0]).rglob("*.py"))
    named = {}
    for path in paths:
        parts = path.relative_to(ROOT).with_suffix("").parts
        if "migrations" not in parts:
            named[".".join(part for part in parts if part != "__init__")] = path
    return named


MODULES = modules()


@cache
def imports(name: str) -> frozenset[str]:
    """Return the dotted names a module imports anywhere, modules where they are modules."""
    names = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            full = (f"{node.module}.{alias.name}" for alias in node.names)
            names |= {dotted if dotted in MODULES else node.module or "" for dotted in full}
    return frozenset(names)


def is_below(name: str, package: str) -> bool:
    """Return whether the module is this package or inside it."""
    return name == package or name.startswith(f"{package}.")


def package_of(name: str) -> tuple[int, str]:
    """Return the level and package a module belongs to."""
    for level, packages in enumerate(LEVELS):
        for package in packages:
            if is_below(name, package):
                return level, package
    raise AssertionError(f"{name} has no level")


def is_pure(name: str) -> bool:
    return any(is_below(name, pure) for pure in PURE)


PLACED = [name for name in MODULES if name not in ("papers", "subscriptions")]


def test_imports_point_downwards() -> None:
    wrong = []
    for name in PLACED:
        level, package = package_of(name)
        for imported in imports(name) & set(PLACED):
            below, target = package_of(imported)
            if target != package and below >= level and (name, target) not in UPWARD:
                wrong.append(f"{name} imports {imported}")
    assert wrong == []


@pytest.mark.parametrize("name", ["papers.models", "subscriptions.models"])
def test_models_import_no_neighbour(name: str) -> None:
    app = name.partition(".")[0]
    own = {module for module in MODULES if is_below(module, name)}
    imported = {dotted for module in own for dotted in imports(module) if is_below(dotted, app)}
    assert imported - own <= {"papers.feeds.kinds"}, "the choices of a field come from the registry"


def impure_imports(name: str) -> list[str]:
    """Return the imports of a pure module that are not allowed there."""
    used = {dotted for dotted in imports(name) if not any(is_below(dotted, t) for t in TRANSLATION)}
    impure = {dotted for dotted in used if not is_pure(dotted)}
    return sorted(
        dotted
        for dotted in impure
        if dotted in MODULES or any(is_below(dotted, bad) for bad in IMPURE_IMPORTS)
    )


def test_pure_modules_import_no_impure_ones() -> None:
    pure = [name for name in MODULES if is_pure(name)]
    assert {name: found for name in pure if (found := impure_imports(name))} == {}


def test_pure_modules_take_the_time_as_an_argument() -> None:
    pure = [name for name in MODULES if is_pure(name)]
    assert [name for name in pure if "datetime.now" in MODULES[name].read_text()] == []


def test_every_module_named_pure_exists() -> None:
    assert set(PURE) <= set(MODULES)


def test_only_entry_points_enqueue_tasks() -> None:
    others = [name for name in MODULES if not set(MAY_ENQUEUE) & set(name.split("."))]
    assert [name for name in others if ".delay" in MODULES[name].read_text()] == []
    assert [name for name in others if any(one.endswith(".tasks") for one in imports(name))] == []


def test_every_folder_fits_on_a_screen() -> None:
    folders: dict[Path, int] = {}
    for path in MODULES.values():
        if path.name != "__init__.py":
            folders[path.parent] = folders.get(path.parent, 0) + 1
    assert {str(path): count for path, count in folders.items() if count > MOST_MODULES} == {}
