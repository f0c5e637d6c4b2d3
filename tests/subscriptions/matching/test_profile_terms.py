from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.vectors.lexicon import Lexicon, PaperText
from subscriptions.matching.profile import Profile
from subscriptions.matching.profile_terms import (
    remove_entries,
    remove_phrase,
    strongest_terms,
    terms_of_paper,
)

PAPERS = [
    PaperText("1", "Protein folding with diffusion", "We fold proteins. Diffusion helps."),
    PaperText("2", "Language models that plan", "Planning in language models is studied."),
    PaperText("3", "Video generation", "Video by diffusion."),
]
LEXICON = Lexicon.learn(PAPERS)


def test_strongest_terms_tell_which_were_typed() -> None:
    profile = Profile(text="video generation", liked=(PAPERS[0],))
    typed = {word.text: word.typed for word in strongest_terms(profile, LEXICON)}
    assert {word for word in typed if typed[word]} <= {"video", "generation", "video generation"}
    assert True in typed.values()
    assert [word for word in typed if "fold" in word and not typed[word]]
    weights = [word.weight for word in strongest_terms(profile, LEXICON)]
    assert weights == sorted(weights, reverse=True)


def test_half_of_the_places_are_for_typed_words() -> None:
    profile = Profile(text="robots that walk", liked=tuple(PAPERS))
    shown = strongest_terms(profile, LEXICON, count=4)
    assert [word.text for word in shown if word.typed] == ["robots that walk"]
    assert len(shown) == 4


def test_words_of_a_shown_phrase_are_not_repeated() -> None:
    terms = [
        word.text for word in strongest_terms(Profile(text="language models that plan"), LEXICON)
    ]
    assert len(terms) > 0
    assert not [(a, b) for a in terms for b in terms if a != b and set(a.split()) <= set(b.split())]


def test_a_short_clause_is_shown_and_removed_as_typed() -> None:
    typed = "Language models that plan; video, Diffusion"
    terms = [word.text for word in strongest_terms(Profile(text=typed), LEXICON)]
    assert set(terms) == {"Language models that plan", "video", "diffusion"}
    assert remove_phrase(typed, "Language models that plan") == "video, Diffusion"


def test_a_long_sentence_is_shown_as_words() -> None:
    typed = "We work on language models that plan and on proteins that fold with diffusion"
    terms = [word.text for word in strongest_terms(Profile(text=typed), LEXICON)]
    assert typed not in terms
    assert "diffusion" in terms


def test_pairs_of_words_of_papers_are_shown_only_if_they_are_phrases() -> None:
    words = "tasks differ mock workspace distinguishes models office agents".split()
    others = [PaperText(f"{n}", word, f"{word}.") for n, word in enumerate(words * 3)]
    paper = PaperText(
        "4",
        "ClawGym for office agents",
        "Because tasks differ, a mock workspace distinguishes models. A mock workspace is small.",
    )
    lexicon = Lexicon.learn([paper, *others])
    shown = [word.text for word in strongest_terms(Profile(liked=(paper,)), lexicon)]
    assert {word for word in shown if " " in word} == {"office agents", "mock workspace"}
    assert "clawgym" in shown
    assert "because" not in shown


def test_words_of_disliked_papers_are_not_shown() -> None:
    profile = Profile(text="planning", disliked=(PAPERS[2],))
    assert not {word.text for word in strongest_terms(profile, LEXICON)} & {"video", "diffusion"}


def test_an_empty_profile_has_no_terms() -> None:
    assert strongest_terms(Profile(), LEXICON) == []
    assert strongest_terms(Profile(text="the of and"), LEXICON) == []


def test_typed_words_count_with_an_empty_lexicon() -> None:
    [word] = strongest_terms(Profile(text="palaeography"), Lexicon.learn([]))
    assert (word.text, word.typed) == ("palaeography", True)


def test_the_terms_of_a_paper_are_listed() -> None:
    assert any("video" in word for word in terms_of_paper(PAPERS[2], LEXICON))


@pytest.mark.parametrize(
    ("text", "phrase", "left"),
    [
        ("Robots, video generation, and agents", "video generation", "Robots, and agents"),
        ("Robots. Video. Agents", "video", "Robots. Agents"),
        ("Planning of the long tasks", "planning long", "tasks"),
        ("video", "video", ""),
        ("Videos and e-video", "video", "Videos and e-video"),
        ("First line; video\nSecond line", "video", "First line\nSecond line"),
        (r"$\ell_1$-norms; K\"{a}hler metrics", "ℓ₁-norms", "Kähler metrics"),
        (r"$\ell_1$-norms", "video", r"$\ell_1$-norms"),
    ],
)
def test_a_typed_phrase_is_removed_from_the_text(text: str, phrase: str, left: str) -> None:
    assert remove_phrase(text, phrase) == left


def test_entries_with_a_phrase_are_removed() -> None:
    assert remove_entries(["video generation", "agents"], "video") == ["agents"]


@given(st.text(max_size=200), st.text(min_size=1, max_size=30))
def test_removal_never_fails_and_never_adds_text(text: str, phrase: str) -> None:
    assert len(remove_phrase(text, phrase)) <= len(text)
