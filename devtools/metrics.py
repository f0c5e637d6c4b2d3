"""Measures of how readable the code is: sizes, cycles, docstrings, words, templates, names.

`make metrics` prints them. tests/test_metrics.py holds the limits.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parent.parent
APPS = ("config", "web", "papers", "subscriptions", "operations", "devtools")
LONG_FILE = 400  # lines
LONG_TEMPLATE_LINE = 200  # characters
OPENING_WORDS = frozenset("what who whose whether where how which".split())
"""A docstring that begins with one of these describes by a clause, not by a verb or a noun."""

AVOIDED = (
    *("whoever", "whomever", "whatever", "whom", "whosoever", "wherever", "anew", "bidden"),
    *("thereof", "therein", "herein", "hereby", "theirs", "of theirs", "the like", "for ever"),
    *("by and by", "what is", "what was", "what are", "what has", "who is", "who has"),
    *("e-mail", "e-mails", "be it", "let go", "nobody knows", "is told", "are told", "was told"),
    *("is asked for", "puts right", "put right", "set right", "house", "riddle", "ledger"),
    *("stencil", "stencils", "shelf", "shelves"),
)
"""Archaic words, clauses as subjects and private metaphors; see docs/development.md."""

_AVOIDED = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, AVOIDED))})(?![\w-])", re.I)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_TAG = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}|<[^>]*>", re.S)
_CODE = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)|<[^>]*>", re.S)


@dataclass
class Metrics:
    """The results of `measure`; shares are between 0 and 1."""

    function_lines: list[int] = field(default_factory=list)
    folders: Counter[str] = field(default_factory=Counter)  # modules in each
    long_files: dict[str, int] = field(default_factory=dict)  # over LONG_FILE lines
    docstrings: int = 0
    clause_docstrings: list[str] = field(default_factory=list)  # places
    avoided: dict[str, list[str]] = field(default_factory=dict)  # kind of text -> places
    words: Counter[str] = field(default_factory=Counter)  # kind of text -> words
    template_lines: int = 0
    long_template_lines: list[str] = field(default_factory=list)
    shadowing: list[str] = field(default_factory=list)
    cycles: list[tuple[str, ...]] = field(default_factory=list)

    def avoided_per_thousand(self, kind: str) -> float:
        """Return avoided words per 1,000 words of this kind of text."""
        return 1000 * len(self.avoided.get(kind, ())) / max(self.words[kind], 1)

    def add_text(self, kind: str, place: str, text: str) -> None:
        """Count the words of a text, and the avoided ones with their place."""
        self.words[kind] += len(_WORD.findall(text))
        places = (f"{place}: {match.group().lower()}" for match in _AVOIDED.finditer(text))
        self.avoided.setdefault(kind, []).extend(places)


def measure(root: Path = ROOT) -> Metrics:
    """Measure the modules, templates and documents below `root`."""
    metrics = Metrics()
    trees = {path: ast.parse(path.read_text()) for path in sorted(python_files(root))}
    for path, tree in trees.items():
        _measure_module(metrics, path.relative_to(root), path.read_text(), tree)
    for path in sorted((root / "templates").rglob("*.*")):
        _measure_template(metrics, path.relative_to(root), path.read_text())
    for path in (*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))):
        text = _CODE.sub(" ", path.read_text())
        metrics.add_text("documents", str(path.relative_to(root)), text)
    metrics.cycles = cycles(import_graph(root, trees))
    return metrics


def python_files(root: Path) -> Iterator[Path]:
    """Yield the modules of the apps, without migrations."""
    for app in APPS:
        for path in (root / app).rglob("*.py"):
            if "migrations" not in path.parts:
                yield path


def _measure_module(metrics: Metrics, path: Path, text: str, tree: ast.Module) -> None:
    if path.name != "__init__.py":
        metrics.folders[str(path.parent)] += 1
    if (lines := text.count("\n")) > LONG_FILE:
        metrics.long_files[str(path)] = lines
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            metrics.function_lines.append((node.end_lineno or node.lineno) - node.lineno + 1)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            _measure_docstring(metrics, path, node)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            metrics.add_text("docstrings", f"{path}:{token.start[0]}", token.string)
    metrics.shadowing += [f"{path}:{line}: {name}" for line, name in shadowed_names(tree)]


def _measure_docstring(
    metrics: Metrics,
    path: Path,
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
) -> None:
    if not (docstring := ast.get_docstring(node)):
        return
    place = f"{path}:{getattr(node, 'lineno', 1)}"
    metrics.docstrings += 1
    metrics.add_text("docstrings", place, docstring)
    first = _WORD.match(docstring)
    if first and first.group().lower() in OPENING_WORDS:
        metrics.clause_docstrings.append(f"{place}: {docstring.splitlines()[0]}")


def _measure_template(metrics: Metrics, path: Path, text: str) -> None:
    metrics.add_text("templates", str(path), _TAG.sub(" ", text) + " ".join(_translated(text)))
    for number, line in enumerate(text.splitlines(), start=1):
        metrics.template_lines += 1
        if len(line) > LONG_TEMPLATE_LINE:
            metrics.long_template_lines.append(f"{path}:{number}")


def _translated(text: str) -> Iterable[str]:
    return re.findall(r"{% (?:trans|translate) [\"'](.*?)[\"']", text)


def shadowed_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, name) of each local that hides an imported module or a function of its file.

    Keyword arguments are left out: a field or parameter may be named after a function elsewhere.
    """
    hidden = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            hidden |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    functions = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    seen = set()
    for function in functions:
        for inner in ast.walk(function):
            name, line = "", 0
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                name, line = inner.id, inner.lineno
            elif isinstance(inner, ast.arg):
                name, line = inner.arg, inner.lineno
            if name in hidden and (line, name) not in seen:
                seen.add((line, name))
                yield line, name


def import_graph(root: Path, trees: dict[Path, ast.Module]) -> dict[str, set[str]]:
    """Return for each module the modules of ours that it imports at its top level."""
    names = {_dotted(root, path): tree for path, tree in trees.items()}
    graph: dict[str, set[str]] = {}
    for name, tree in names.items():
        targets = set()
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.module:
                full = {f"{node.module}.{alias.name}" for alias in node.names}
                targets |= {dotted if dotted in names else node.module for dotted in full}
        graph[name] = (targets & set(names)) - {name}
    return graph


def _dotted(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def cycles(graph: dict[str, set[str]]) -> list[tuple[str, ...]]:
    """Return one cycle for each module that reaches itself, by depth-first search."""
    found: list[tuple[str, ...]] = []
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            found.append(path[path.index(name) :])
        elif name not in done:
            for target in sorted(graph[name]):
                visit(target, (*path, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())
    return found


def table(metrics: Metrics) -> str:
    """Return the measures as lines of a Markdown table."""
    lengths = metrics.function_lines
    folder, modules = metrics.folders.most_common(1)[0]
    longest = max(metrics.long_files.values(), default=0)
    share = len(metrics.clause_docstrings) / max(metrics.docstrings, 1)
    long_lines = len(metrics.long_template_lines) / max(metrics.template_lines, 1)
    rows = [
        (
            "function lines: median / p90 / max",
            f"{median(lengths):.0f} / {quantiles(lengths, n=10)[-1]:.0f} / {max(lengths)}",
        ),
        ("import cycles", str(len(metrics.cycles))),
        ("modules in the fullest folder", f"{modules} ({folder})"),
        (f"files over {LONG_FILE} lines", f"{len(metrics.long_files)} (largest {longest})"),
        ("docstrings that begin with what / who / whether / where / how", f"{share:.1%}"),
        *(
            (f"avoided words per 1,000: {kind}", f"{metrics.avoided_per_thousand(kind):.2f}")
            for kind in ("docstrings", "templates", "documents")
        ),
        (f"template lines over {LONG_TEMPLATE_LINE} characters", f"{long_lines:.1%}"),
        ("locals that hide a module or function", str(len(metrics.shadowing))),
    ]
    return "\n".join(("| measure | value |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)))


if __name__ == "__main__":
    print(table(measure()))
