"""Sentences of an abstract, made readable without those before them."""

from __future__ import annotations

import pytest

from papers.text.standalone import points_back, refers_back, stand_alone
from papers.text.summary import extract_summary


@pytest.mark.parametrize(
    ("sentence", "alone"),
    [
        ("To address these limitations, we propose Sieve.", "We propose Sieve."),
        ("Moreover, motivated by this, we propose Sieve.", "We propose Sieve."),
        ("To this end we propose Sieve.", "We propose Sieve."),
        ("To close this gap, a sieve is proposed.", "A sieve is proposed."),
        ("These results suggest that it helps.", "Results suggest that it helps."),
        ("In this paper, we propose Sieve.", "In this paper, we propose Sieve."),
        ("Rather than search, we sort.", "Rather than search, we sort."),
        # What follows the comma is no clause of its own.
        ("With these data, code, and weights, anyone can repeat it.",) * 2,
        ("This work finds that sieves leak.", "This work finds that sieves leak."),
    ],
)
def test_words_that_link_to_the_sentence_before_are_dropped(sentence: str, alone: str) -> None:
    assert stand_alone(sentence) == alone


def test_a_sentence_about_something_before_is_recognised() -> None:
    for sentence in ("It runs in a second.", "We study this from two sides.", "Such sieves leak."):
        assert refers_back(sentence), sentence
    for sentence in ("This paper is short.", "It is well known that sieves leak.", "Sieves leak."):
        assert not refers_back(sentence), sentence


def test_a_demonstrative_before_its_noun_is_recognised() -> None:
    for sentence in ("We remove this dependency.", "We show that these sieves leak."):
        assert points_back(sentence), sentence
    for sentence in ("We study caches such as Sieve.", "In this paper, we study caches."):
        assert not points_back(sentence), sentence


def test_an_extract_has_no_reference_to_a_sentence_left_out() -> None:
    abstract = (
        "Caches grow with the length of the input and fill the memory of every machine. "
        "To address this issue, we propose Sieve, a cache that forgets unused keys. "
        "Sieve keeps one counter beside each key and drops the keys with the lowest counters. "
        "It is simple and it reduces the memory of all models by half. "
        "Experiments on four models show that Sieve keeps their accuracy."
    )
    assert extract_summary(abstract) == (
        "We propose Sieve, a cache that forgets unused keys. "
        "Experiments on four models show that Sieve keeps their accuracy."
    )
