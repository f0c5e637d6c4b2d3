"""Rules for extracts and reasons, and the evaluations that count what breaks them."""

from __future__ import annotations

import pytest

from devtools.evaluation.wording import extract_rules, extracts, reason_rules
from papers.vectors.lexicon import PaperText
from subscriptions.matching.profile import Profile
from subscriptions.matching.reasons import Reason

ABSTRACT = (
    "Caches fill the memory. To address this, we propose Sieve, a cache that forgets. "
    "It is small. Experiments show that Sieve halves the memory."
)


@pytest.mark.parametrize(
    ("sentences", "rules"),
    [
        (["We propose Sieve, a cache that forgets.",
          "Experiments show that Sieve halves the memory."], []),
        (["To address this, we propose Sieve, a cache that forgets.", "It is small."],
         ["dangling", "no outcome"]),
        (["Caches fill the memory.", "Experiments show that Sieve halves the memory."],
         ["not what was done"]),
        (["We propose Sieve, a cache."], ["no outcome", "cut"]),
        (["We propose Sieve, a cache that forgets.", "It is small."], ["no outcome"]),
        (["Caches fill the memory.", "It is small."],
         ["dangling", "not what was done", "no outcome"]),
    ],
)  # fmt: skip
def test_an_extract_is_checked_beside_its_abstract(sentences: list[str], rules: list[str]) -> None:
    assert extract_rules.broken_rules(" ".join(sentences), sentences, ABSTRACT) == rules


def test_extracts_are_counted_beside_the_first_and_last_sentences() -> None:
    papers = [PaperText(str(number), "Sieve", ABSTRACT) for number in range(3)]
    report = extracts.evaluate([*papers, PaperText("3", "No abstract")], 10)
    assert report.papers == 3
    assert report.shares["extract"] == {"pass": 1.0, "length": 86.0}
    assert "pass" not in report.shares["first two"]
    assert not report.failures
    assert "last two" in extracts.table(report)


PAPERS = [
    PaperText("0", "Tidal power from estuaries", "Turbines turn tidal power into current."),
    PaperText("1", "Video codecs", "Codecs for long video. A model of motion."),
    *(PaperText(str(n), f"A model of birds {n}", "A model sings.") for n in range(2, 30)),
]


@pytest.mark.parametrize(
    ("reason", "typed", "rules"),
    [
        (Reason(words=("tidal power",)), "tidal power, birds", []),
        (Reason(words=("model",)), "model", ["generic", "not telling", "not carried"]),
        (Reason(words=("tidal",)), "tidal power", ["partial"]),
        (Reason(words=("power of",)), "the power of tides", ["partial"]),
        (Reason(words=("wind turbines",)), "wind turbines", ["not carried"]),
        (Reason(author="Ada Example"), "", []),
        (Reason(examples=("Video codecs",)), "", ["not carried"]),
        (Reason(), "birds", ["no reason", "not telling"]),
    ],
)
def test_a_reason_is_checked_beside_the_paper(reason: Reason, typed: str, rules: list[str]) -> None:
    pool = reason_rules.Pool(reason_rules.Reference(PAPERS), PAPERS)
    profile = Profile(text=typed, liked=(PAPERS[1],))
    assert reason_rules.broken_rules(reason, profile, PAPERS[0], pool) == rules
