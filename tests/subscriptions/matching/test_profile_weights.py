"""Weights of what a profile has: typed text, examples, and papers the reader wants less of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from papers.vectors.lexicon import Lexicon, PaperText
from papers.vectors.quantized_rows import QuantizedRows
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.match import match_profiles
from subscriptions.matching.profile import MAX_DISLIKED, Profile
from subscriptions.matching.profile_vectors import (
    EMBEDDING_WEIGHT,
    TYPED_EMBEDDING_WEIGHT,
    ProfileVectors,
)

PAPERS = [
    PaperText("reef", "Coral reefs", "Polyps of coral build reefs in warm water."),
    PaperText("bridge", "Steel bridges", "Girders of steel carry trains over rivers."),
    PaperText("coin", "Roman coins", "Hoards of silver coins were struck in mints."),
]
REEF, BRIDGE, COIN = (PaperText(f"liked {p.key}", p.title, p.abstract) for p in PAPERS)
CANDIDATES = Candidates.prepare(Lexicon.learn(PAPERS), PAPERS)


def scores(profile: Profile) -> list[float]:
    [match] = match_profiles([profile], CANDIDATES)
    return match.scores.tolist()


@pytest.mark.parametrize(
    ("profile", "weight"),
    [
        (Profile(text="coral"), 0.0),
        (Profile(text="coral", liked=(REEF,)), 1 / 3),
        (Profile(text="coral", liked=(REEF, BRIDGE)), 1 / 2),
        (Profile(liked=(REEF,)), 1.0),
        (Profile(), 0.0),
    ],
)
def test_examples_weigh_by_their_number_beside_the_text(profile: Profile, weight: float) -> None:
    assert profile.weight_of_examples == pytest.approx(weight)


def test_the_first_example_leaves_the_text_ahead() -> None:
    reef, bridge, coin = scores(Profile(text="coral reefs", liked=(BRIDGE,)))
    assert reef > bridge > coin


def test_many_disliked_papers_weigh_little_more_than_the_rest() -> None:
    many = tuple(PaperText(f"less {n}", "Roman mints") for n in range(20))
    for profile in (Profile(liked=(REEF,), disliked=many), Profile(text="reef", disliked=many)):
        given = sum(weight for _text, weight in profile.weighted_typed())
        given += sum(weight for _text, weight in profile.weighted_examples())
        against = [weight for _text, weight in profile.weighted_disliked()]
        assert sum(against) == pytest.approx(-MAX_DISLIKED * given)
    assert [w for _text, w in Profile(liked=(REEF,), disliked=(COIN,)).weighted_disliked()] == [
        -1.0
    ]


def test_a_disliked_paper_lowers_the_score_of_similar_ones_only() -> None:
    before = scores(Profile(liked=(REEF, COIN)))
    after = scores(Profile(liked=(REEF, COIN), disliked=(PaperText("less", "Silver coins"),)))
    assert after[2] < before[2]
    assert np.argmax(after) == 0


def test_disliked_papers_of_other_subjects_leave_scores_as_they_are() -> None:
    before = scores(Profile(liked=(REEF,)))
    [match] = match_profiles([Profile(liked=(REEF,), disliked=(COIN, BRIDGE))], CANDIDATES)
    assert match.scores[0] == pytest.approx(before[0], abs=0.02)
    assert match.scores[1] == match.scores[2] == 0


def test_typed_text_without_examples_has_the_same_grounds_with_disliked_papers() -> None:
    profiles = [Profile(text="coral"), Profile(text="coral", disliked=(COIN,))]
    before, after = (match.grounds.tolist() for match in match_profiles(profiles, CANDIDATES))
    assert before == after == [True, False, False]


def embedding_length(**inputs: object) -> float:
    """Return the length of a profile's embedding, in a lexicon that has one for each term."""
    lexicon, columns = CANDIDATES.lexicon, np.arange(len(CANDIDATES.lexicon.ids), dtype=np.int32)
    rows = np.random.default_rng(0).standard_normal((len(columns), 4), dtype=np.float32)
    embeddings = QuantizedRows.quantize(rows)
    lexicon = replace(lexicon, embedded_columns=columns, embeddings=embeddings, version="embedded")
    vectors = ProfileVectors.of_profiles([Profile(**inputs)], lexicon)  # type: ignore[arg-type]
    return float(vectors.embedding_lengths[0, 0])


def test_disliked_papers_leave_the_scale_of_a_typed_text_and_restore_that_of_examples() -> None:
    less = (COIN, BRIDGE, PaperText("less", "Coral polyps"))
    for disliked in ((), less[:1], less):
        typed = embedding_length(text="coral reefs", disliked=disliked)
        assert typed == pytest.approx(TYPED_EMBEDDING_WEIGHT)
    assert embedding_length(liked=(REEF,)) == pytest.approx(EMBEDDING_WEIGHT)
    assert embedding_length(liked=(REEF,), disliked=less) > EMBEDDING_WEIGHT


def test_scores_are_lower_for_examples_of_which_the_lexicon_knows_few_terms() -> None:
    new = "Quasars emit jets of plasma near massive black holes."
    some = PaperText("some", REEF.title, f"{REEF.abstract} {new}")
    few = PaperText("few", "Coral", f"{new} {new} Blazars flare.")
    lengths = [embedding_length(liked=(paper,)) for paper in (REEF, some, few)]
    assert lengths == sorted(set(lengths), reverse=True)
    assert lengths[-1] > EMBEDDING_WEIGHT / 2
    assert embedding_length(text=f"coral. {new}") == pytest.approx(TYPED_EMBEDDING_WEIGHT)
