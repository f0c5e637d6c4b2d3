from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papers.text.identity import name_key
from papers.vectors.lexicon import Lexicon, PaperText
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.match import HALF_SCORE_SIMILARITY as HALF
from subscriptions.matching.match import match_profiles
from subscriptions.matching.profile import Profile
from subscriptions.matching.reasons import Reason, explain_choices
from subscriptions.models import Interests
from subscriptions.profiles.load import profile_from_interests

PAPERS = [
    PaperText("1", "Memory in language agents", "Agents remember.", ("cs.CL",), ("Ada Example",)),
    PaperText("2", "Long-context models", "Language models.", ("cs.CL",), ("Bo Example",)),
    PaperText(
        "3", "Video diffusion", "Diffusion for video.", ("cs.CV",), ("Ada Example", "Li Wei")
    ),
    PaperText("4", "Memory of water", "Physics of fluids.", ("physics.flu-dyn",), ("Li Wei",)),
    PaperText("5", "Fluids and agents", "Agents swim in water.", ("cs.MA",), ("José García",)),
]
CANDIDATES = Candidates.prepare(Lexicon.learn(PAPERS), PAPERS)


def why(position: int, **said: Any) -> Reason:
    return explain_choices([Profile(**said)], CANDIDATES, [[position]])[0][0]


def sentence(position: int, **said: Any) -> str:
    return why(position, **said).sentence()


def test_a_phrase_the_reader_wrote_is_named_as_a_phrase() -> None:
    typed = "Memory in language agents; Efficient long-context models"
    assert why(0, text=typed).words == ("Memory in language agents",)
    assert why(1, text=typed).words[0] == "long-context models"
    assert sentence(0, text=typed) == "Matches your “Memory in language agents”"


def test_words_that_are_no_phrase_in_the_paper_are_named_one_by_one() -> None:
    assert set(why(4, text="agents of fluids").words) == {"agents", "fluids"}
    assert sentence(4, words=("agents", "water")).count("“") == 2


def test_words_are_spelled_as_the_reader_wrote_them() -> None:
    assert sentence(2, text="VIDEO by (Diffusion)") == "Matches your “VIDEO” and “Diffusion”"
    assert why(2, words=("Video",)).words == ("Video",)


@pytest.mark.django_db
def test_tex_is_named_as_it_is_printed() -> None:
    papers = [PaperText("1", "Recovery by ℓ₁-norms"), *PAPERS]
    profile = profile_from_interests(
        Interests(topics="water\n" + r"$\ell_1$-norms", words=[r"K\"{a}hler"])
    )
    assert profile.words == ("Kähler",)
    [[reason]] = explain_choices(
        [profile], Candidates.prepare(Lexicon.learn(papers), papers), [[0]]
    )
    assert reason.sentence() == "Matches your “ℓ₁-norms”"


def test_a_phrase_does_not_reach_from_one_clause_into_the_next() -> None:
    assert set(why(2, text="video. diffusion").words) == {"video", "diffusion"}


def test_a_liked_and_an_opened_paper_are_told_apart() -> None:
    near = PaperText("9", "Diffusion of video", "Video by diffusion.")
    assert sentence(2, liked=(near,)) == "Similar to “Diffusion of video”, which you liked"
    assert sentence(2, opened=(near,)) == "Similar to “Diffusion of video”, which you opened"


def test_a_shared_author_is_named_with_the_paper_they_wrote() -> None:
    liked = (PAPERS[3],)
    assert "Li Wei" not in sentence(2, liked=liked)
    said = sentence(2, liked=liked, shared_authors=True)
    assert said == "By Li Wei, also an author of “Memory of water”"


def test_the_authors_of_a_large_collaboration_lead_nowhere() -> None:
    crowd = replace(PAPERS[3], authors=("Li Wei", *(f"Person {n}" for n in range(40))))
    assert sentence(2, liked=(crowd,), shared_authors=True) == ""


def test_nothing_is_said_where_nothing_speaks_for_a_paper() -> None:
    assert sentence(3, text="video") == ""
    assert sentence(3) == ""


def test_what_was_excluded_since_is_never_a_reason() -> None:
    profile = Profile(liked=(PAPERS[3],), shared_authors=True, muted_authors=("Li Wei",))
    [matched] = match_profiles([profile], CANDIDATES)
    assert [n for n, score in enumerate(matched.scores) if score < 0] == [2, 3]


texts = st.lists(
    st.sampled_from("memory language agents video diffusion water. fluids; in the models,".split()),
    max_size=6,
).map(" ".join)
names = st.lists(st.sampled_from(["Ada Example", "Li Wei", "Garcia, José"]), max_size=2)
some_papers = st.lists(st.sampled_from(PAPERS), max_size=2, unique=True).map(tuple)
profiles = st.builds(
    Profile,
    text=texts,
    words=st.lists(texts, max_size=2).map(tuple),
    categories=st.lists(st.sampled_from(["cs.CL", "cs.CV"]), max_size=2, unique=True).map(tuple),
    authors=names.map(tuple),
    liked=some_papers,
    disliked=some_papers,
    opened=some_papers,
    shared_authors=st.booleans(),
)


@settings(max_examples=300, deadline=None)
@given(profiles, st.integers(0, len(PAPERS) - 1))
def test_every_reason_stands_on_parts_that_add_up_to_the_score(
    profile: Profile, position: int
) -> None:
    bare = replace(profile, disliked=())  # what is disliked has no score at all
    score = float(match_profiles([bare], CANDIDATES)[0].scores[position])
    [[said]] = explain_choices([bare], CANDIDATES, [[position]])
    parts, paper = said.parts, PAPERS[position]
    likeness = max(parts["words"] + parts["meaning"] + parts["fields"], 0.0)
    added = parts["author"] + parts["shared author"] + parts["category"]
    assert likeness / (likeness + HALF) + added == pytest.approx(score, abs=1e-4)
    assert bool(said.author) == (parts["author"] > 0)
    assert bool(said.colleague) == (parts["shared author"] > 0)
    if said.words or said.examples or said.opened:
        assert parts["words"] + parts["meaning"] > 0
    text = f"{paper.title} {paper.abstract}".lower()
    for phrase in said.words:
        assert any(word.strip(".,;") in text for word in phrase.split())
        assert phrase.lower() in profile.typed.lower()
    for name in filter(None, (said.author, said.colleague)):
        assert name in paper.authors
    assert {said.wrote} <= {"", *(one.title for one in profile.liked if one.authors)}
    assert set(said.examples) <= {one.title for one in profile.liked}
    assert set(said.opened) <= {one.title for one in profile.opened}
    assert set(said.categories) <= set(paper.categories) & set(profile.categories)
    assert set(map(name_key, filter(None, [said.author]))) <= set(map(name_key, profile.authors))


@settings(max_examples=150, deadline=None)
@given(profiles)
def test_a_reason_is_there_for_whatever_scores_by_more_than_a_trace(profile: Profile) -> None:
    scores = match_profiles([profile], CANDIDATES)[0].personal
    if profile.typed and profile.examples:
        return  # a filler word beside an example may raise a score, and is never named
    strong = [int(position) for position in np.flatnonzero(scores > 0.5)]
    assert all(said.sentence() for said in explain_choices([profile], CANDIDATES, [strong])[0])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(profiles, st.lists(st.integers(0, 4), unique=True)), max_size=4))
def test_a_chunk_of_readers_gets_the_reasons_each_would_get_alone(
    chunk: list[tuple[Profile, list[int]]],
) -> None:
    together = explain_choices([one for one, _ in chunk], CANDIDATES, [row for _, row in chunk])
    for (profile, positions), said in zip(chunk, together, strict=True):
        [alone] = explain_choices([profile], CANDIDATES, [positions])
        assert [one.sentence() for one in said] == [one.sentence() for one in alone]
