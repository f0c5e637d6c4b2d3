from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papers.text.identity import name_key
from papers.vectors.lexicon import Lexicon, PaperText
from papers.vectors.terms import term_ids
from subscriptions.matching import reasons
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.match import HALF_SCORE_SIMILARITY as HALF
from subscriptions.matching.match import match_profiles
from subscriptions.matching.profile import KEPT_SHARE, OPENED_SHARE, Profile
from subscriptions.matching.profile_vectors import (
    EMBEDDING_WEIGHT,
    ProfileVectors,
    vectors_with_feedback,
)
from subscriptions.matching.reasons import Reason, explain_choices
from subscriptions.matching.score_breakdown import ChosenPairs
from subscriptions.matching.telling_terms import nearest_terms, telling_terms
from subscriptions.models import Topic
from subscriptions.profiles.load import profile_from_topic
from tests.examples import examples

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


def reason_for(position: int, **inputs: Any) -> Reason:
    return explain_choices([Profile(**inputs)], CANDIDATES, [[position]])[0][0]


def sentence(position: int, **inputs: Any) -> str:
    return reason_for(position, **inputs).sentence()


def test_a_phrase_the_reader_wrote_is_named_as_a_phrase() -> None:
    typed = "Memory in language agents; Efficient long-context models"
    assert reason_for(0, text=typed).words == ("Memory in language agents",)
    assert reason_for(1, text=typed).words[0] == "long-context models"
    assert sentence(0, text=typed) == "Matches your “Memory in language agents”"


def test_words_that_are_not_a_phrase_in_the_paper_are_named_separately() -> None:
    assert set(reason_for(4, text="agents of fluids").words) == {"agents", "fluids"}
    assert sentence(4, words=("agents", "water")).count("“") == 2


def test_words_are_spelled_as_the_reader_wrote_them() -> None:
    assert sentence(2, text="VIDEO by (Diffusion)") == "Matches your “VIDEO” and “Diffusion”"
    assert reason_for(2, words=("Video",)).words == ("Video",)


@pytest.mark.django_db
def test_tex_is_shown_as_printed() -> None:
    papers = [PaperText("1", "Recovery by ℓ₁-norms"), *PAPERS]
    profile = profile_from_topic(Topic(text="water\n" + r"$\ell_1$-norms", words=[r"K\"{a}hler"]))
    assert profile.words == ("Kähler",)
    [[reason]] = explain_choices(
        [profile], Candidates.prepare(Lexicon.learn(papers), papers), [[0]]
    )
    assert reason.sentence() == "Matches your “ℓ₁-norms”"


def test_a_phrase_does_not_span_two_clauses() -> None:
    assert set(reason_for(2, text="video. diffusion").words) == {"video", "diffusion"}


def test_liked_kept_and_opened_papers_have_different_reasons() -> None:
    near = PaperText("9", "Diffusion of video", "Video by diffusion.")
    assert sentence(2, liked=(near,)) == "Similar to “Diffusion of video”, which you liked"
    assert sentence(2, kept=(near,)) == "Similar to “Diffusion of video”, which you kept"
    assert sentence(2, opened=(near,)) == "Similar to “Diffusion of video”, which you opened"


def test_a_long_title_of_an_example_is_cut() -> None:
    title = "Memory in language agents that remember what they were told many days before"
    [reason] = {sentence(0, liked=(PaperText("6", title, "Agents remember."),))}
    assert reason.startswith("Similar to “Memory in language agents that")
    assert reason.endswith("…”, which you liked")
    assert len(reason) == 90


def test_a_shared_author_is_named_with_the_paper_they_wrote() -> None:
    liked = (PAPERS[3],)
    assert "Li Wei" not in sentence(2, liked=liked)
    text = sentence(2, liked=liked, shared_authors=True)
    assert text == "By Li Wei, also an author of “Memory of water”"


def test_authors_of_a_large_collaboration_are_not_a_reason() -> None:
    crowd = replace(PAPERS[3], authors=("Li Wei", *(f"Person {n}" for n in range(40))))
    assert sentence(2, liked=(crowd,), shared_authors=True) == ""


def test_a_paper_that_does_not_match_has_no_reason() -> None:
    assert sentence(3, text="video") == ""
    assert sentence(3) == ""


def test_muted_authors_bar_papers_of_liked_authors() -> None:
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
    kept=some_papers,
    opened=some_papers,
    shared_authors=st.booleans(),
)


@settings(max_examples=examples(100), deadline=None)
@given(profiles, st.integers(0, len(PAPERS) - 1))
def test_parts_of_a_reason_add_up_to_the_score(profile: Profile, position: int) -> None:
    bare = replace(profile, disliked=())  # what is disliked has no score at all
    score = float(match_profiles([bare], CANDIDATES)[0].scores[position])
    [[reason]] = explain_choices([bare], CANDIDATES, [[position]])
    parts, paper = reason.parts, PAPERS[position]
    similarity = max(parts["words"] + parts["meaning"] + parts["fields"], 0.0)
    added = parts["author"] + parts["shared author"] + parts["category"]
    assert similarity / (similarity + HALF) + added == pytest.approx(score, abs=1e-4)
    assert bool(reason.author) == (parts["author"] > 0)
    assert bool(reason.colleague) == (parts["shared author"] > 0)
    if reason.words or reason.examples or reason.kept or reason.opened:
        assert parts["words"] + parts["meaning"] > 0
    text = f"{paper.title} {paper.abstract}".lower()
    for phrase in reason.words:
        assert any(word.strip(".,;") in text for word in phrase.split())
        assert phrase.lower() in profile.typed.lower()
    for name in filter(None, (reason.author, reason.colleague)):
        assert name in paper.authors
    assert {reason.wrote} <= {"", *(liked.title for liked in profile.liked if liked.authors)}
    assert set(reason.examples) <= {liked.title for liked in profile.liked}
    assert set(reason.kept) <= {kept.title for kept in profile.kept}
    assert set(reason.opened) <= {opened.title for opened in profile.opened}
    assert set(reason.categories) <= set(paper.categories) & set(profile.categories)
    assert set(map(name_key, filter(None, [reason.author]))) <= set(map(name_key, profile.authors))


@settings(max_examples=examples(75), deadline=None)
@given(profiles)
def test_every_high_score_has_a_reason(profile: Profile) -> None:
    scores = match_profiles([profile], CANDIDATES)[0].personal
    if profile.typed and profile.examples:
        return  # a filler word beside an example may raise a score, and is never named
    strong = [int(position) for position in np.flatnonzero(scores > 0.5)]
    assert all(reason.sentence() for reason in explain_choices([profile], CANDIDATES, [strong])[0])


def contributions_plainly(
    profile: Profile, vectors: ProfileVectors, position: int
) -> tuple[dict[int, float], list[float]]:
    """Return what each typed term and each example contributed to a reader's only choice.

    This is the definition of what `reasons` computes for all pairs of a chunk at once.
    """
    lexicon, texts = CANDIDATES.lexicon, vectors.texts
    assert texts
    width = lexicon.size
    paper = CANDIDATES.sparse_rows[position].toarray()[0]
    inside_compounds = CANDIDATES.compound_rows[position].toarray()[0]
    weights, typed_weights = vectors.sparse_rows.toarray()[0], vectors.typed_rows.toarray()[0]
    products = paper * weights + inside_compounds * typed_weights
    columns = lexicon.unique_columns_of(term_ids(profile.typed))
    typed = {int(lexicon.ids_at(columns[n : n + 1])[0]): products[c] for n, c in enumerate(columns)}
    shares = [1.0] * len(profile.liked)
    shares += [KEPT_SHARE] * len(profile.kept) + [OPENED_SHARE] * len(profile.opened)
    examples = []
    for example, share in zip(profile.examples, shares, strict=True):
        row = texts.rows[texts.places[example]].toarray()[0] @ paper[:width]
        embedding = texts.embeddings[texts.places[example]] @ CANDIDATES.embeddings[position]
        portion = profile.weight_of_examples * share / sum(shares)
        examples.append(portion * (row + EMBEDDING_WEIGHT * embedding))
    return typed, examples


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(st.tuples(profiles, st.integers(0, len(PAPERS) - 1)), min_size=1, max_size=4))
def test_contributions_are_those_of_the_plain_formula(chunk: list[tuple[Profile, int]]) -> None:
    readers = [profile for profile, _ in chunk]
    vectors = vectors_with_feedback(readers, CANDIDATES, None)
    pairs = ChosenPairs.of_positions([[position] for _, position in chunk])
    for evidence, (profile, position) in zip(
        reasons._collect_evidence(readers, CANDIDATES, pairs, vectors), chunk, strict=True
    ):
        alone = vectors_with_feedback([profile], CANDIDATES, None)
        typed, examples = contributions_plainly(profile, alone, position)
        assert evidence.typed[0] == pytest.approx({k: v for k, v in typed.items() if v}, abs=1e-5)
        assert evidence.examples[:, 0].tolist() == pytest.approx(examples, abs=1e-5)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.tuples(profiles, st.lists(st.integers(0, 4), unique=True)), max_size=4))
def test_readers_get_the_same_reasons_together_and_alone(
    chunk: list[tuple[Profile, list[int]]],
) -> None:
    together = explain_choices(
        [profile for profile, _ in chunk], CANDIDATES, [row for _, row in chunk]
    )
    for (profile, positions), row in zip(chunk, together, strict=True):
        [alone] = explain_choices([profile], CANDIDATES, [positions])
        assert [reason.sentence() for reason in row] == [reason.sentence() for reason in alone]


def test_a_reason_names_what_the_paper_is_about_if_the_shared_words_do_not() -> None:
    text = "Estuaries turn tidal currents into power. Tidal currents move sand of the coast."
    papers = [
        PaperText("0", "Tidal currents in estuaries", text),
        *(PaperText(str(n), f"Birds of island {n}", "Birds sing. Birds fly.") for n in range(1, 9)),
    ]
    candidates = Candidates.prepare(Lexicon.learn(papers), papers)
    [[reason]] = explain_choices([Profile(text="sand, islands")], candidates, [[0]])
    assert reason.words == ("sand",)
    assert reason.terms[0].lower() == "tidal currents"
    assert reason.sentence().startswith("Matches your “sand”; about “")
    [[reason]] = explain_choices([Profile(text="tidal currents")], candidates, [[0]])
    assert reason.sentence() == "Matches your “tidal currents”"


@pytest.mark.parametrize(
    ("title", "phrases"),
    [
        (
            "FloodNet: Learning Flood Risk Maps from Coarse Rainfall Radar",
            ("Flood Risk Maps", "Coarse Rainfall Radar"),
        ),
        ("Efficiently Solving Tidal Equations", ("Tidal Equations",)),
        ("Why Do Tidal Models Fail?", ("Tidal Models",)),
        ("Towards LLM-based Tidal Forecasts", ("LLM-based Tidal Forecasts",)),
        ("FloodNet: Learn It", ("FloodNet",)),
        ("Tide Net: Flood Risk Maps", ("Flood Risk Maps",)),
        ("Video Diffusion: Flood Risk Maps", ("Video Diffusion", "Flood Risk Maps")),
        ("Coarse Rainfall Radar Technical Report", ()),
        ("Coarse Rainfall Radar", ()),
        ("SetFlow: Multiple Instance Learning", ("SetFlow",)),  # all others are fillers
        ("Automated Tidal Forecasts of Floods", ("Tidal Forecasts",)),
    ],
)
def test_a_reason_by_meaning_names_whole_phrases_of_the_title(
    title: str, phrases: tuple[str, ...]
) -> None:
    paper = PaperText("1", title, "Breaking waves.")
    candidates = Candidates.prepare(Lexicon.learn([paper, *PAPERS]), [paper, *PAPERS])
    assert {term.text for term in telling_terms(candidates, 0)} == set(phrases)


def test_a_name_that_the_abstract_repeats_is_not_named() -> None:
    paper = PaperText("1", "Tide Net: Flood Risk Maps", "Tide Net learns. We test Tide Net.")
    candidates = Candidates.prepare(Lexicon.learn([paper, *PAPERS]), [paper, *PAPERS])
    assert [term.text for term in telling_terms(candidates, 0)] == ["Flood Risk Maps"]


def test_a_reason_names_a_second_phrase_only_if_both_are_short() -> None:
    long = "Autoregressive Audio-Video Character Generation"
    paper = PaperText("1", f"{long} with Tidal Forecasts", "Breaking waves.")
    candidates = Candidates.prepare(Lexicon.learn([paper, *PAPERS]), [paper, *PAPERS])
    terms = telling_terms(candidates, 0)
    assert len(terms) == 2
    assert len(nearest_terms(terms, None, 2)) == 1
    assert len(nearest_terms([terms[1], terms[1]], None, 2)) == 2


def test_a_phrase_is_named_only_if_the_paper_has_it_whole() -> None:
    paper = PaperText("1", "Sparse reward models", "Reward signals are rare.")
    candidates = Candidates.prepare(Lexicon.learn([paper, *PAPERS]), [paper, *PAPERS])
    [[reason]] = explain_choices([Profile(text="sparse reward signals")], candidates, [[0]])
    assert set(reason.words) == {"sparse reward", "reward signals"}


def test_a_phrase_does_not_end_before_its_noun_and_plurals_are_the_same_phrase() -> None:
    paper = PaperText("1", "Memory networks for large water tanks", "Water tanks.")
    candidates = Candidates.prepare(Lexicon.learn([paper, *PAPERS]), [paper, *PAPERS])
    for typed, words in (
        ("memory networks for large video agents", ("memory networks",)),
        ("memory network", ("memory network",)),
    ):
        [[reason]] = explain_choices([Profile(text=typed)], candidates, [[0]])
        assert reason.words == words


def test_a_phrase_begins_with_no_function_word() -> None:
    paper = PaperText("1", "Tides only have a binary state", "Due to privacy, each action counts.")
    candidates = Candidates.prepare(Lexicon.learn([paper, *PAPERS]), [paper, *PAPERS])
    for typed, words in (
        ("only have a binary", ("binary",)),
        ("due to privacy", ("privacy",)),
        ("each action", ("action",)),
    ):
        [[reason]] = explain_choices([Profile(text=typed)], candidates, [[0]])
        assert reason.words == words
