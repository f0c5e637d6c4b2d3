"""Typed words match new papers at once, with any lexicon."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from papers.vectors.lexicon import Lexicon, PaperText
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.match import HALF_SCORE_SIMILARITY as HALF
from subscriptions.matching.match import match_profiles
from subscriptions.matching.profile import Profile
from subscriptions.matching.profile_terms import strongest_terms
from subscriptions.matching.reasons import explain_choices

OLD = [
    PaperText(
        str(n),
        f"Language models that plan {n % 7}",
        f"We train models on tasks and design agents. Topic{n % 11} needs all of it.",
        ("cs.CL",),
    )
    for n in range(1200)
]
NEW = [
    PaperText("n1", "Byzantine chant notation read by neural codecs", "Neumes become tokens."),
    PaperText("n2", "Kolmogorov–Arnold layers", "Façade parsing by FooNet-3’s encoder."),
    PaperText("n3", "All you need is design", "Tasks gain. We turn models to agents, long ago."),
    PaperText("n4", "Long context at last", "Models read totals."),
]
NOTHING = Lexicon.learn([])
SMALL = Lexicon.learn(OLD[:40])


def _large() -> Lexicon:
    """Return a lexicon that claims 1,200 papers but has learnt from 40."""
    return replace(SMALL, paper_count=1200, version="of many")


@pytest.fixture(params=[NOTHING, SMALL, _large()], ids=["nothing", "small", "large"])
def candidates(request: pytest.FixtureRequest) -> Candidates:
    return Candidates.prepare(request.param, [*OLD[:30], *NEW])


def chosen(candidates: Candidates, **inputs: object) -> list[str]:
    """Return the keys of papers with grounds, best first."""
    [match] = match_profiles([Profile(**inputs)], candidates)
    scores = match.personal
    return [candidates.papers[n].key for n in np.argsort(-scores, kind="stable") if scores[n] > 0]


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("Byzantine chant notation", "n1"),
        ("neumes", "n1"),
        ("Our work is about neumes and, now and then, codices", "n1"),
        ("Kolmogorov-Arnold layers", "n2"),
        ("kolmogorov arnold", "n2"),
        ("facade", "n2"),
        ("FooNet-3", "n2"),
        ("foonet-3's encoder", "n2"),
        ("long context", "n4"),
    ],
)
@pytest.mark.promise(42)
def test_a_typed_word_matches_and_is_the_reason(
    candidates: Candidates, typed: str, key: str
) -> None:
    assert chosen(candidates, text=typed)[0] == key
    assert chosen(candidates, words=(typed,))[0] == key
    place = [paper.key for paper in candidates.papers].index(key)
    [[reason]] = explain_choices([Profile(text=typed)], candidates, [[place]])
    assert reason.words
    assert all(word.lower() in typed.lower() for word in reason.words)


COMPOUNDS = [
    PaperText("c1", "Transformer-based forecasts of tides", "We use data."),
    PaperText("c2", "GLM-5V-Turbo", "A report on the training of this model."),
    PaperText("c3", "Speech by an encoder/decoder", "We compare the two."),
    PaperText("c4", "Auto‑encoders of Navier–Stokes-like flows", "Turbulence in pipes."),
    PaperText("c5", "Counting birds", "We run YOLOv8 and Qwen2.5-VL beside node.js."),
    PaperText("c6", "Vision-touch navigation", "A state-of-the-art robot finds the door."),
    PaperText("c7", "Smell-heat-taste policies", "Cups."),
    PaperText("c8", "Wind rain snow maps", "Spoons."),
    PaperText("c9", "Multilingual pretraining", "Forks."),
    PaperText("c10", "Multi‑modal distillation", "Knives on dinner sets."),
    PaperText("c11", "Few-shot grasping by semi supervised grippers", "Plates."),
    PaperText("c12", "基于大语言模型的推理方法", "Bowls."),
    PaperText("c13", "拡散モデルによる画像生成", "Pans."),
    PaperText("c14", "음성 인식을 위한 신경망", "Pots."),
]


@pytest.fixture(
    scope="module", params=[NOTHING, SMALL, _large()], ids=["nothing", "small", "large"]
)
def compounds(request: pytest.FixtureRequest) -> Candidates:
    return Candidates.prepare(request.param, [*OLD[:30], *COMPOUNDS])


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("transformer", "c1"),
        ("GLM-5V", "c2"),
        ("GLM 5V", "c2"),
        ("glm–5v turbo", "c2"),
        ("5V-Turbo", "c2"),
        ("encoder", "c3"),
        ("decoder", "c3"),
        ("encoders", "c4"),
        ("Navier-Stokes", "c4"),
        ("stokes", "c4"),
        ("YOLO", "c5"),
        ("qwen", "c5"),
        ("Qwen2.5", "c5"),
        ("node", "c5"),
        ("touch navigation", "c6"),
        ("the art", "c6"),
        ("smell heat taste", "c7"),
        ("Smell–heat–taste policies", "c7"),
        ("heat taste", "c7"),
        ("wind-rain-snow", "c8"),
        ("Wind‑rain‑snow maps", "c8"),
        ("pre-training", "c9"),
        ("pre training", "c9"),
        ("multimodal", "c10"),
        ("multi modal", "c10"),
        ("few shot grasping", "c11"),
        ("fewshot", "c11"),
        ("semisupervised", "c11"),
        ("semi-supervised", "c11"),
        ("大语言模型", "c12"),
        ("推理", "c12"),
        ("画像生成", "c13"),
        ("拡散モデル", "c13"),
        ("음성 인식", "c14"),
    ],
)
@pytest.mark.promise(42)
def test_a_typed_word_matches_as_part_of_a_compound(
    compounds: Candidates, typed: str, key: str
) -> None:
    assert chosen(compounds, text=typed) == [key]
    place = [paper.key for paper in compounds.papers].index(key)
    [[reason]] = explain_choices([Profile(text=typed)], compounds, [[place]])
    assert " ".join(reason.words).lower() == typed.removeprefix("the ").lower()
    assert chosen(compounds, text=typed, ignored=(typed,)) == []
    assert chosen(compounds.select([place]), text=typed) == [key]


def test_the_rest_of_a_prefixed_word_does_not_match_alone() -> None:
    paper = PaperText("r", "Recognition of interaction, pretraining aside", "")
    candidates = Candidates.prepare(SMALL, [*OLD[:30], paper])
    assert [chosen(candidates, text=word) for word in ("cognition", "action")] == [[], []]
    assert chosen(candidates, text="pre-training") == ["r"]


def test_whole_words_rank_before_parts_and_liked_papers_match_no_parts() -> None:
    whole = PaperText("w", "Tides by transformer", "We use data.")
    candidates = Candidates.prepare(SMALL, [*OLD[:30], *COMPOUNDS, whole])
    assert chosen(candidates, text="transformer") == ["w", "c1"]
    liked = PaperText("l", "Transformer", "")
    assert chosen(candidates, liked=(liked,)) == ["w"]


def test_a_score_by_a_part_of_a_compound_breaks_down_like_others() -> None:
    candidates = Candidates.prepare(SMALL, [*OLD[:30], *COMPOUNDS])
    profile = Profile(text="transformer")
    place = [paper.key for paper in candidates.papers].index("c1")
    [matched] = match_profiles([profile], candidates)
    [[reason]] = explain_choices([profile], candidates, [[place]])
    similarity = reason.parts["words"] + reason.parts["meaning"] + reason.parts["fields"]
    assert similarity / (similarity + HALF) == pytest.approx(float(matched.scores[place]), abs=1e-5)


def test_a_reason_names_only_the_shared_part_of_a_compound() -> None:
    candidates = Candidates.prepare(SMALL, [*OLD[:30], *COMPOUNDS])
    typed = "heat-taste-memory"
    assert chosen(candidates, text=typed) == ["c7"]
    place = [paper.key for paper in candidates.papers].index("c7")
    [[reason]] = explain_choices([Profile(text=typed)], candidates, [[place]])
    assert reason.words == ("heat-taste",)


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("smell heat taste", "c7"),
        ("wind-rain snow", "c8"),
        ("pre-training", "c9"),
        ("pre training", "c9"),
        ("multimodal", "c10"),
        ("fewshot", "c11"),
        ("语言模型", "c12"),
        ("画像", "c13"),
        ("lingual", None),
        ("testbed", None),
    ],
)
@pytest.mark.promise(42)
def test_a_compound_is_excluded_in_any_spelling(word: str, key: str | None) -> None:
    candidates = Candidates.prepare(SMALL, COMPOUNDS)
    barred = [COMPOUNDS[place].key for place in candidates.lookups.phrases.find(word)]
    assert barred == ([key] if key else [])


@pytest.mark.parametrize(
    "typed", ["", "asdf qwer zxcv", "the of and", "大语言模型 推理", "10.1000/x"]
)
@pytest.mark.promise(43)
def test_text_that_no_paper_has_gives_no_grounds(candidates: Candidates, typed: str) -> None:
    assert chosen(candidates, text=typed) == []


def test_separate_filler_words_are_not_grounds(candidates: Candidates) -> None:
    typed = "We turn all of what we need for long tasks into a design that gains"
    assert chosen(candidates, text=typed) == []


def test_a_single_typed_filler_word_is_grounds(candidates: Candidates) -> None:
    assert "n3" in chosen(candidates, text="design")


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("Kolmogorov-Arnold", "n2"),
        ("Kolmogorov‑Arnold", "n2"),
        ("Kolmogorov−Arnold", "n2"),
        ("kolmogorov arnold", "n2"),
        ("facade parsing", "n2"),
        ("FooNet-3's", "n2"),
        ("neumes", "n1"),
        ("LONG-CONTEXT", "n4"),
    ],
)
def test_an_excluded_word_bars_papers_in_any_spelling(
    candidates: Candidates, word: str, key: str
) -> None:
    [matched] = match_profiles(
        [Profile(text="layers chant context", excluded_words=(word,))], candidates
    )
    barred = [candidates.papers[n].key for n in np.flatnonzero(matched.scores < 0)]
    assert barred == [key]


def test_words_of_a_new_liked_paper_match_another_new_one() -> None:
    liked = PaperText("l", "Chant notation of Byzantine neumes", "Codecs.")
    for lexicon in (NOTHING, SMALL, _large()):
        candidates = Candidates.prepare(lexicon, [*OLD[:30], *NEW])
        assert chosen(candidates, liked=(liked,))[0] == "n1"


def test_new_words_are_among_the_strongest_terms_without_fillers() -> None:
    liked = PaperText("l", "Attention is all you need", "Turning gains into tasks with neumes.")
    profile = Profile(text="long context. Byzantine chant", liked=(liked,))
    terms = {word.text for word in strongest_terms(profile, SMALL)}
    assert {"long context", "Byzantine chant", "neumes"} <= terms
    assert not terms & {"all", "need", "long", "context", "turning", "gains", "tasks", "byzantine"}


def test_an_ignored_word_never_counts() -> None:
    candidates = Candidates.prepare(SMALL, [*OLD[:30], *NEW])
    assert chosen(candidates, text="neumes")
    assert chosen(candidates, text="neumes", ignored=("neumes",)) == []
    liked = PaperText("l", "Neumes", "")
    assert "n1" in chosen(candidates, liked=(liked,))
    assert chosen(candidates, liked=(liked,), ignored=("Neumes",)) == []
    assert "neumes" not in {
        word.text for word in strongest_terms(Profile(liked=(liked,), ignored=("neumes",)), SMALL)
    }


def test_common_words_match_only_where_typed() -> None:
    lexicon = Lexicon.learn([*OLD[:1100]])
    assert len(lexicon.common_columns)
    candidates = Candidates.prepare(lexicon, [*OLD[:10], *NEW])
    keys = chosen(candidates, text="language models")
    assert set(keys) == {str(n) for n in range(10)}
