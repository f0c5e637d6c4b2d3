"""Evaluation of the reasons in digests by rules. Pure but for reading.

Readers are made up from profiles: phrases that people type as interests, names of reading lists,
needs in several sentences, and examples from lists and of submitters. Each gets a digest from the
papers of a day, by the product's `match_profiles`, `select_papers` and `explain_choices`.
"""

from __future__ import annotations

import csv
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from devtools.evaluation import json_lines
from devtools.evaluation.cases import Corpus, EvaluationError
from devtools.evaluation.interests import choose_papers
from devtools.evaluation.wording.reason_rules import Pool, Reference, broken_rules
from papers.text.markup import one_line, readable_text
from papers.vectors.lexicon import Lexicon, PaperText
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.profile import Profile
from subscriptions.matching.reasons import explain_choices

DAYS = 4  # pools; those with the most papers
REFERENCE = 12_000  # papers learnt from
EXAMPLES = 3  # of a reader
PHRASES = 3  # typed by a reader
PER_READER = 2  # reasons counted
SEED = 22  # of what is drawn; reasons were changed while those of other seeds were read

Progress = Callable[[Sequence[Any], str], Iterable[Any]]
Step = Callable[[str], AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A reason with its kind of reader, what the reader gave, the paper, and the broken rules."""

    kind: str
    given: str
    paper: PaperText
    sentence: str
    rules: list[str]


@dataclass(frozen=True, slots=True)
class Report:
    """The reasons drawn, and the shares of each kind that pass and break each rule.

    `digests` has for each kind the mean number of papers for the reader, of ten places, and the
    share of digests without any.
    """

    drawn: list[Drawn]
    shares: dict[str, dict[str, float]]
    digests: dict[str, dict[str, float]]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        rows = [
            {
                "kind": one.kind,
                "given": one.given,
                "paper": one.paper.key,
                "title": one.paper.title,
                "reason": one.sentence,
                "rules": one.rules,
            }
            for one in self.drawn
        ]
        shown = {"shares": self.shares, "digests": self.digests, "reasons": rows}
        return shown | {"seconds": round(self.seconds, 1)}


def read_profiles(folder: Path, corpus: Corpus, seed: int = SEED) -> dict[str, list[Profile]]:
    """Read readers of each kind in random order; raise `EvaluationError` if a file is missing."""
    rng = np.random.default_rng(seed)
    try:
        lists = list(json_lines.read_objects(folder / "curated_lists.jsonl"))
        submitters = list(json_lines.read_objects(folder / "hf_submitters.jsonl"))
        needs = [row["query"] for row in json_lines.read_objects(folder / "doris_mae_best.jsonl")]
        with (folder / "arxivdigest_topics.csv").open(encoding="utf-8", newline="") as file:
            phrases = [row[0] for row in csv.reader(file) if row]
    except (OSError, ValueError) as error:
        raise EvaluationError(str(error)) from error
    order = rng.permutation(len(phrases))
    typed = [
        ", ".join(phrases[n] for n in order[start : start + PHRASES])
        for start in range(0, len(order), PHRASES)
    ]
    readers = {
        "phrases": [Profile(text=text) for text in typed],
        "names of lists": [Profile(text=f"{row['list_title']}: {row['name']}") for row in lists],
        "needs": [Profile(text=text) for text in needs],
        "examples": list(_with_examples([*lists, *submitters], corpus, rng)),
    }
    return {
        kind: [group[n] for n in rng.permutation(len(group))] for kind, group in readers.items()
    }


def _with_examples(
    rows: Iterable[Mapping[str, Any]], corpus: Corpus, rng: np.random.Generator
) -> Iterator[Profile]:
    positions = corpus.positions
    for row in rows:
        known = [
            positions[item["arxiv_id"]] for item in row["items"] if item["arxiv_id"] in positions
        ]
        if len(known) >= EXAMPLES:
            chosen = rng.choice(known, EXAMPLES, replace=False).tolist()
            yield Profile(liked=tuple(readable(corpus.papers[n]) for n in chosen))


def readable(paper: PaperText) -> PaperText:
    """Return a paper with its texts as ingest stores them."""
    title, abstract = one_line(readable_text(paper.title)), readable_text(paper.abstract)
    return replace(paper, title=title, abstract=abstract)


def evaluate(
    corpus: Corpus,
    readers: Mapping[str, Sequence[Profile]],
    count: int,
    *,
    seed: int = SEED,
    progress: Progress = lambda items, _label: items,
    step: Step = nullcontext,
) -> Report:
    """Check `count` reasons, as many of each kind of reader."""
    started = time.monotonic()
    days = sorted(
        (name for name in corpus.pools if name.startswith("listed:")),
        key=lambda name: -len(corpus.pools[name]),
    )[:DAYS]
    with step("Learning from papers"):
        reference = draw_reference(corpus, days, readers, seed)
        lexicon = Lexicon.learn(reference)
        weights = Reference(reference)
        pools = [prepare_day(corpus, name, lexicon, weights) for name in days]
    drawn: list[Drawn] = []
    sizes: dict[str, list[int]] = {kind: [] for kind in readers}
    for kind, group in progress(list(readers.items()), "Making digests"):
        wanted = len(drawn) + count // len(readers)
        for profile, day in zip(group, cycle(pools), strict=False):
            chosen = choose_papers([profile], day[0])
            sizes[kind].append(len(chosen))
            drawn += explain_digest(
                kind, profile, chosen[: min(PER_READER, wanted - len(drawn))], *day
            )
            if len(drawn) == wanted:
                break
    digests = {
        kind: {"papers": round(float(np.mean(row)), 2), "quiet": round(row.count(0) / len(row), 3)}
        for kind, row in sizes.items()
        if row
    }
    return Report(drawn, count_rules(drawn), digests, time.monotonic() - started)


def draw_reference(
    corpus: Corpus, days: Sequence[str], readers: Mapping[str, Sequence[Profile]], seed: int
) -> list[PaperText]:
    """Return the papers to learn from: those of the days, examples, and random others."""
    examples = {paper.key for group in readers.values() for p in group for paper in p.liked}
    positions = corpus.positions
    kept = {n for name in days for n in corpus.pools[name].tolist()}
    kept |= {positions[key] for key in examples}
    others = np.random.default_rng(seed).permutation(len(corpus.papers)).tolist()
    kept |= set(others[: max(REFERENCE - len(kept), 0)])
    return [readable(corpus.papers[n]) for n in sorted(kept)]


def prepare_day(
    corpus: Corpus, name: str, lexicon: Lexicon, reference: Reference
) -> tuple[Candidates, Pool]:
    """Return the candidates of a day, and the same papers as the rules see them."""
    papers = [readable(corpus.papers[n]) for n in corpus.pools[name].tolist()]
    return Candidates.prepare(lexicon, papers), Pool(reference, papers)


def explain_digest(
    kind: str, profile: Profile, chosen: Sequence[int], candidates: Candidates, pool: Pool
) -> list[Drawn]:
    """Return the reasons of papers chosen for a reader, with the rules they break."""
    [reasons] = explain_choices([profile], candidates, [chosen])
    papers = [candidates.papers[position] for position in chosen]
    return [
        Drawn(
            kind,
            given(profile),
            paper,
            reason.sentence(),
            broken_rules(reason, profile, paper, pool),
        )
        for paper, reason in zip(papers, reasons, strict=True)
    ]


def given(profile: Profile) -> str:
    """Return what a reader gave, as one line."""
    return profile.typed or "; ".join(paper.title for paper in profile.liked)


def count_rules(drawn: Sequence[Drawn]) -> dict[str, dict[str, float]]:
    """Return for each kind and for all the share that passes, and that breaks each rule."""
    shares = {}
    for kind in [*dict.fromkeys(one.kind for one in drawn), "all"]:
        rows = [one.rules or ["pass"] for one in drawn if kind in (one.kind, "all")]
        counts = Counter(name for row in rows for name in row)
        shares[kind] = {"reasons": len(rows)} | {
            name: round(number / len(rows), 4) for name, number in counts.items()
        }
    return shares


def table(report: Report) -> str:
    """Return the report as text, with the reasons that break a rule."""
    names = {name for row in report.shares.values() for name in row} - {"reasons", "pass"}
    lines = [f"{'':16}" + "".join(f"{name:>14}" for name in ("reasons", "pass", *sorted(names)))]
    for kind, row in report.shares.items():
        cells = "".join(f"{row.get(name, 0.0):14.3f}" for name in ("pass", *sorted(names)))
        lines.append(f"{kind:16}{int(row['reasons']):14}{cells}")
    lines += [
        f"{kind}: {row['papers']:.1f} papers for a reader, {row['quiet']:.0%} of digests have none"
        for kind, row in report.digests.items()
    ]
    lines += [
        f"{one.paper.key} “{one.paper.title}” for “{one.given[:80]}” "
        f"({', '.join(one.rules)}): {one.sentence}"
        for one in report.drawn
        if one.rules
    ]
    return "\n".join([*lines, f"{report.seconds:.0f} s"])
