"""The limits of the code's readability measures; `make metrics` prints the values."""

from __future__ import annotations

import ast
from statistics import median, quantiles

import pytest

from devtools.metrics import Metrics, measure, shadowed_names


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    return measure()


def test_functions_are_short(metrics: Metrics) -> None:
    assert median(metrics.function_lines) <= 7
    assert quantiles(metrics.function_lines, n=10)[-1] <= 17


def test_modules_do_not_import_in_cycles(metrics: Metrics) -> None:
    assert metrics.cycles == []


def test_no_folder_has_more_modules_than_fit_on_a_screen(metrics: Metrics) -> None:
    assert max(metrics.folders.values()) <= 16, metrics.folders.most_common(1)


def test_no_docstring_begins_with_a_clause(metrics: Metrics) -> None:
    assert metrics.clause_docstrings == []


@pytest.mark.parametrize("kind", ["docstrings", "templates", "documents"])
def test_avoided_words_are_rare(metrics: Metrics, kind: str) -> None:
    assert metrics.avoided_per_thousand(kind) <= 0.3, metrics.avoided[kind]


def test_template_lines_are_short(metrics: Metrics) -> None:
    assert len(metrics.long_template_lines) <= 0.005 * metrics.template_lines


def test_no_local_hides_a_module_or_function(metrics: Metrics) -> None:
    assert metrics.shadowing == []


def test_hidden_names_are_found() -> None:
    text = "from a import b\ndef c(): pass\ndef d(b):\n    c = 1\n    return c"
    assert list(shadowed_names(ast.parse(text))) == [(3, "b"), (4, "c")]
