"""Evaluation of extracts by rules, beside the first and the last two sentences. Pure."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from devtools.evaluation.wording.extract_rules import broken_rules
from papers.text.markup import one_line, readable_text
from papers.text.summary import extract_summary, split_sentences
from papers.vectors.lexicon import PaperText

EXTRACT, FIRST, LAST = "extract", "first two", "last two"
SEED = 23  # of the papers drawn; the rule was changed while those of other seeds were read

Progress = Callable[[Sequence[Any], str], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Failure:
    """An extract that breaks rules, with the arXiv ID of its paper."""

    key: str
    rules: list[str]
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """Shares of texts that pass and that break each rule, and the lengths, by kind of text."""

    papers: int
    shares: dict[str, dict[str, float]]
    failures: list[Failure]
    drawn: list[tuple[str, str]]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        failures = [{"paper": f.key, "rules": f.rules, "text": f.text} for f in self.failures]
        shown = {"papers": self.papers, "shares": self.shares, "failures": failures}
        return shown | {"extracts": dict(self.drawn), "seconds": round(self.seconds, 1)}


def evaluate(
    papers: Sequence[PaperText],
    count: int,
    *,
    seed: int = SEED,
    progress: Progress = lambda items, _label: items,
) -> Report:
    """Check the extracts of `count` papers with an abstract, drawn at random."""
    started = time.monotonic()
    with_abstract = [paper for paper in papers if paper.abstract.strip()]
    order = np.random.default_rng(seed).permutation(len(with_abstract))[:count]
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in (EXTRACT, FIRST, LAST)}
    lengths: dict[str, list[int]] = {kind: [] for kind in counts}
    failures, extracts = [], []
    for paper in progress([with_abstract[n] for n in order], "Reading abstracts"):
        abstract = readable_text(paper.abstract)
        for kind, text in texts_of(abstract).items():
            rules = broken_rules(text, split_sentences(text), abstract)
            counts[kind].update(rules or ["pass"])
            lengths[kind].append(len(text))
            if kind == EXTRACT:
                extracts.append((paper.key, text))
                failures += [Failure(paper.key, rules, text)] if rules else []
    shares = {
        kind: {name: round(number / len(order), 4) for name, number in counts[kind].items()}
        | {"length": round(float(np.median(lengths[kind])), 1)}
        for kind in counts
    }
    return Report(len(order), shares, failures, extracts, time.monotonic() - started)


def texts_of(abstract: str) -> dict[str, str]:
    """Return the extract of an abstract, and its first and last two sentences."""
    sentences = split_sentences(one_line(abstract))
    return {
        EXTRACT: extract_summary(abstract),
        FIRST: " ".join(sentences[:2]),
        LAST: " ".join(sentences[-2:]),
    }


def table(report: Report) -> str:
    """Return the report as text, with the extracts that break a rule."""
    names = ["pass", *sorted({name for row in report.shares.values() for name in row} - {"pass"})]
    lines = [f"{report.papers:,} papers".ljust(14) + "".join(f"{name:>22}" for name in names)]
    for kind, row in report.shares.items():
        lines.append(f"{kind:14}" + "".join(f"{row.get(name, 0.0):22.3f}" for name in names))
    lines += [f"{f.key} ({', '.join(f.rules)}): {f.text}" for f in report.failures]
    return "\n".join(lines)
