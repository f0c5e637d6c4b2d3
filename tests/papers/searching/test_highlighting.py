from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from papers.searching.highlighting import best_passage, highlight, query_stems


def marks(text: str, query: str) -> list[str]:
    return [part for part, is_match in highlight(text, query_stems(query)) if is_match]


def test_other_forms_of_a_word_are_highlighted() -> None:
    text = "Pre-training diffuses; Diffusion, diffusing and art, not artificial."
    assert marks(text, "diffusion art") == ["diffuses", "Diffusion", "diffusing", "art"]
    assert marks(text, "pre-train") == ["Pre", "training"]


def test_stop_words_are_not_highlighted() -> None:
    assert marks("The art of the deal", "the art of") == ["art"]


def test_parts_of_names_and_other_scripts_are_highlighted() -> None:
    assert marks("GLM-5V-Turbo runs at 5 V", "GLM-5V") == ["GLM", "5V"]
    assert marks("InternVL3.5 of 2020-2021", "internvl 2021") == ["InternVL3", "2021"]
    assert marks("Jürgen Müller and Mueller", "mueller") == ["Müller", "Mueller"]
    assert marks("快速扩散模型的方法", "扩散模型") == ["扩散模型"]


def test_accents_do_not_matter() -> None:
    assert marks("Schrödinger met SCHRODINGER", "schrodinger") == ["Schrödinger", "SCHRODINGER"]


@given(st.text(max_size=80), st.text(max_size=20))
def test_the_parts_add_up_to_the_text(text: str, query: str) -> None:
    assert "".join(part for part, _ in highlight(text, query_stems(query))) == text


@given(st.lists(st.sampled_from("c b model models diffusion <b> & é".split())).map(" ".join))
def test_each_word_highlights_itself(text: str) -> None:
    highlighted = marks(text, text)
    assert " ".join(highlighted) == " ".join(text.replace("<b>", "b").replace("&", "").split())


def test_the_best_passage_has_the_most_query_words() -> None:
    text = "We begin here. Models of cats are known. Nothing else is. Our cats model dogs well."
    assert best_passage(text, query_stems("cat dog"), 1) == "Our cats model dogs well."
    assert best_passage(text, query_stems("model cat")) == (
        "Models of cats are known. Our cats model dogs well."
    )
    assert best_passage(text, query_stems("whale")) == ""
