"""What makes matching fast must choose what the slow way would."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
from django.core.management import call_command
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from devtools.benchmarks import matching as benchmark
from devtools.benchmarks import synthetic_text
from devtools.benchmarks.pages import preview
from papers.text.folding import fold_text
from papers.vectors.lexicon import Lexicon, PaperText
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.match import Match

letters = st.sampled_from("aiksIKSıİſK ßéC+-4.\n")
texts = st.text(letters, max_size=12)


@settings(deadline=None)
@given(st.lists(st.tuples(texts, texts), max_size=6), texts)
def test_phrases_are_found_as_by_looking_through_every_paper(
    papers: list[tuple[str, str]], phrase: str
) -> None:
    rows = [PaperText(str(n), title, abstract) for n, (title, abstract) in enumerate(papers)]
    candidates = Candidates.prepare(Lexicon.learn([]), rows)
    looked = [n for n, (one, two) in enumerate(papers) if says(f"{one}\n{two}", phrase)]
    assert candidates.lookups.phrases.find(phrase) == looked


def says(text: str, phrase: str) -> bool:
    """Whether some stretch of whole words of `text` is `phrase`, spaces and hyphens apart."""
    folded, wanted = fold_text(text), joined(phrase)
    edges = [at for at in range(len(folded) + 1) if not _is_inside(folded, at)]
    return bool(wanted) and any(
        joined(folded[start:end]) == wanted for start in edges for end in edges if start < end
    )


def _is_inside(text: str, at: int) -> bool:
    return bool(re.fullmatch(r"\w\w", text[max(at - 1, 0) : at + 1]))


def joined(text: str) -> str:
    apart = re.sub(r"(?<=\d)[\s-]+(?=\d)", " ", fold_text(text))
    return re.sub(r"(?<!\d)[\s-]+|[\s-]+(?!\d)", "", apart)


@given(
    arrays.arrays(np.float32, st.integers(0, 30), elements=st.floats(-1, 1, width=32)),
    st.integers(-1, 35),
    st.floats(0, 1, width=32),
)
def test_the_top_is_that_of_a_whole_sort(
    scores: np.ndarray[tuple[int], np.dtype[np.float32]], count: int, threshold: float
) -> None:
    top = Match(scores, np.ones_like(scores, dtype=bool), threshold).top(count)
    worth = sorted((n for n, one in enumerate(scores) if one > 0 and one >= threshold))
    best = sorted(-scores[n] for n in worth)[: max(count, 0)]
    assert [-scores[n] for n in top] == best
    assert len(set(top)) == len(top)
    assert set(top) <= set(worth)


@pytest.mark.slow
def test_the_benchmark_reports_every_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "CORPUS", 1_200)
    monkeypatch.setattr(benchmark, "DISTINCT", 200)
    monkeypatch.setattr(synthetic_text, "SUBJECTS", 20)
    printed = io.StringIO()
    call_command(
        *("bench", "matching", "--readers", "200", "--candidates", "300", "--json"), stdout=printed
    )
    report = json.loads(printed.getvalue().splitlines()[-1])
    [row] = report["rows"]
    assert all(row[name]["pairs_per_second"] > 0 for name in ("cached", "computed", "dense"))
    assert row["peak_mb"] > 0
    assert report["svm_seconds_per_reader"] > 0
    assert "million pairs/s" in benchmark.table(report)


def test_words_of_the_made_up_language_are_told_apart() -> None:
    assert len({synthetic_text.word(number) for number in range(5_000)}) == 5_000


@pytest.mark.django_db
def test_the_preview_is_there_at_once_and_is_measured_next_to_a_bare_view() -> None:
    report = preview.measure(200, requests=5)
    assert report["rows"]["a sentence"]["p50_ms"] > report["rows"]["bare view"]["p50_ms"] > 0
    assert "300 ms" in preview.table(report)
