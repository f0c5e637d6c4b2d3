from __future__ import annotations

import pytest

from devtools.benchmarks.pages import library

pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_the_pages_of_a_library_are_timed_beside_home() -> None:
    report = library.measure(60, 1, 2)
    assert {"home", "library", "two words", "all, .bib"} <= set(report["rows"])
    assert "to home" in library.table(report)
