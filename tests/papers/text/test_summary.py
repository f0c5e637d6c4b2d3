"""Sentences and the two that summarise an abstract."""

from __future__ import annotations

import gzip
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.text.markup import one_line, readable_text
from papers.text.standalone import stand_alone
from papers.text.summary import LONGEST_EXTRACT, extract_summary, split_sentences
from tests.shared_data import SHARED, needs_shared_data

CORPUS = SHARED / "corpus" / "papers.jsonl.gz"
TEXISH = st.lists(
    st.sampled_from([*"ab1 .,%$#&_^{}[]()\\~`'\"-<>\n", "\\frac", "\\emph{", "\\ours", "é"])
).map("".join)


@pytest.mark.parametrize(
    "whole",
    [
        ["We use e.g. A, i.e. B, cf. C vs. D.", "It works."],
        ["Smith et al. [3] and J. K. Rowling agree (Fig. 3, Sec. 2).", "Next."],
        ["As shown by Smith et al.", "We go on."],
        ["It is state-of-the-art.", "Version 3.5 gains 4.2 points!", "Why?", "iPhones do."],
        ['He said "stop."', "(Then he left.)", "See https://a.org/B.c?d=E for more."],
        ["We tune λ.", "We win."],
        ["The U.S. Army of St. Louis.", "Dr. No."],
        ["One sentence without an end"],
    ],
)
def test_text_is_split_into_sentences(whole: list[str]) -> None:
    assert split_sentences(" ".join(whole)) == whole


def test_a_paragraph_ends_a_sentence() -> None:
    assert split_sentences("A heading\n\nand a text") == ["A heading", "and a text"]
    assert split_sentences("") == []


@given(st.text(st.sampled_from('aB .!?()"\n1')))
def test_sentences_add_up_to_the_text(text: str) -> None:
    assert " ".join(split_sentences(text)).split() == text.split()


BACKGROUND = "In recent years, language models have achieved remarkable success in many fields."
GAP = "However, existing methods remain slow, and their memory grows with the length of the input."
CLAIM = "In this paper, we propose Sieve, a cache that forgets what no later token has asked for."
HOW = "Sieve keeps a counter beside each key and drops the lowest."
RESULT = (
    "Experiments show that Sieve outperforms full attention by 3.2% with a tenth of the memory."
)
CODE = "Code is available at https://example.org/sieve."


def test_the_extract_has_claim_and_result_in_order() -> None:
    abstract = " ".join([BACKGROUND, GAP, CLAIM, HOW, RESULT, CODE])
    assert extract_summary(abstract) == f"{CLAIM} {RESULT}"
    assert extract_summary(abstract, limit=1) == CLAIM


def test_a_claim_in_the_first_sentence_is_found() -> None:
    assert extract_summary(" ".join([CLAIM, GAP, HOW, RESULT, CODE])) == f"{CLAIM} {RESULT}"


def test_the_claim_is_neither_an_evaluation_nor_one_part() -> None:
    abstract = (
        "Caches grow with the length of the input and fill the memory of every machine we know. "
        "Sieve addresses the growth of caches by forgetting unused keys. "
        "For memory, we introduce counters that are kept beside each key in the cache of a model. "
        "The proposed method is evaluated using four models and a hundred thousand documents. "
        "Results show that Sieve halves the memory of all models."
    )
    assert extract_summary(abstract) == (
        "Sieve addresses the growth of caches by forgetting unused keys. "
        "Results show that Sieve halves the memory of all models."
    )


def test_a_shorter_result_replaces_one_that_does_not_fit() -> None:
    long = RESULT.removesuffix(".") + ", " + "and on one more benchmark, " * 20 + "too."
    short = "Sieve reduces the cost by 40%."
    assert extract_summary(" ".join([BACKGROUND, CLAIM, long, short])) == f"{CLAIM} {short}"


def test_a_single_long_sentence_is_not_cut() -> None:
    long = CLAIM.removesuffix(".") + " and so on" * 60 + "."
    assert extract_summary(" ".join([BACKGROUND, long, CODE])) == long


def test_a_short_abstract_is_its_own_extract() -> None:
    assert extract_summary(f"{BACKGROUND}\n\n{HOW}") == f"{BACKGROUND} {HOW}"
    assert extract_summary("") == ""


def test_links_and_background_are_not_extracted() -> None:
    chosen = extract_summary(" ".join([BACKGROUND, GAP, HOW, CODE, RESULT]))
    assert RESULT in chosen
    assert not {BACKGROUND, GAP, CODE} & set(split_sentences(chosen))


@needs_shared_data
def test_extracts_of_real_abstracts_are_complete_sentences() -> None:
    with gzip.open(CORPUS, "rt") as lines:
        some = [
            json.loads(line)["abstract"] or "" for line, _ in zip(lines, range(600), strict=False)
        ]
    for abstract in random.Random(1).sample(some, 200):
        sentences = split_sentences(one_line(readable_text(abstract)))
        whole = [*sentences[:1], *map(stand_alone, sentences[1:])]
        chosen = split_sentences(extract_summary(readable_text(abstract)))
        assert len(chosen) in (0, 1, 2)
        places = [whole.index(sentence) for sentence in chosen]
        assert places == sorted(places)
        assert len(chosen) < 2 or len(" ".join(chosen)) <= LONGEST_EXTRACT
