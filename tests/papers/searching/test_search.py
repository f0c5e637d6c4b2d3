from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest

from papers.ingest import ingest_document
from papers.models import Paper, PaperVector, SearchEntry, SearchWord
from papers.searching import corrections, indexing, search
from papers.searching.queries import parse_query
from papers.text import lexemes
from papers.vectors import stored_lexicon

pytestmark = pytest.mark.django_db
MakePaper = Callable[..., Paper]
Library = dict[str, Paper]


def hits_of(typed: str) -> list[int]:
    return search.search_papers(parse_query(typed)).pks


@pytest.fixture
def library(make_paper: MakePaper, now: datetime) -> Library:
    papers = {
        "video": make_paper("Diffusion for video generation", categories=["cs.CV"]),
        "images": make_paper(
            "Images by diffusion models",
            authors=["Jürgen Müller", "Ada Lovelace"],
            categories=["cs.CV", "stat.ML"],
            listed_on=date(2026, 3, 1),
        ),
        "chain": make_paper(
            "Agents that think",
            abstract="A chain of thought, and thought in a chain of diffusion agents.",
            categories=["cs.CL"],
        ),
        "quantum": make_paper("Quantum chains", abstract="Spins.", categories=["quant-ph"]),
        "hidden": make_paper("Diffusion nobody sees", hidden=True),
    }
    indexing.index_changed(now)
    return papers


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("diffusion", {"video", "images", "chain"}),
        ("diffusing video", {"video"}),
        ('"chain of thought"', {"chain"}),
        ('"thought of chain"', set()),
        ("diffusion -agents", {"video", "images"}),
        ('diffusion -"video generation"', {"images", "chain"}),
        ("author:muller", {"images"}),
        ('author:"Ada Müller"', {"images"}),
        ("author:diffusion", set()),
        ("muller", {"images"}),
        ("diffusion cat:cs", {"video", "images", "chain"}),
        ("diffusion cat:stat", {"images"}),
        ("cat:quant-ph", {"quantum"}),
        ("cat:cs.cl cat:quant-ph", {"chain", "quantum"}),
        ("cat:c", set()),
        ("date:2026-03", {"images"}),
        ("diffusion since:2026-04", {"video", "chain"}),
        ("diffusion until:2026-04-01", {"images"}),
        ("the of", set()),
        ("", set()),
        ("-diffusion", set()),
    ],
)
def test_a_search_returns_matching_papers(library: Library, typed: str, names: set[str]) -> None:
    hits = hits_of(typed)
    assert {name for name, paper in library.items() if paper.pk in hits} == names


@pytest.mark.parametrize(
    "typed", ["pretraining", "pre-training", "pre training", "large pre training", '"pre training"']
)
@pytest.mark.promise(42)
def test_a_compound_is_found_in_any_spelling(
    make_paper: MakePaper, now: datetime, typed: str
) -> None:
    titles = ("Pretraining, large", "Large pre-training", "Large pre training")
    expected = {make_paper(title).pk for title in titles}
    make_paper("Training before a large test")
    indexing.index_changed(now)
    assert set(hits_of(typed)) == expected


@pytest.mark.parametrize(
    "typed", ["vision language action", "vision-language-action", '"vision language action"']
)
def test_a_compound_of_three_words_is_found_in_any_spelling(
    make_paper: MakePaper, now: datetime, typed: str
) -> None:
    titles = ("A vision-language-action model", "Actions of a vision language action model")
    expected = {make_paper(title).pk for title in titles}
    indexing.index_changed(now)
    assert set(hits_of(typed)) == expected


def test_a_word_of_the_title_counts_more(library: Library) -> None:
    assert hits_of("diffusion")[-1] == library["chain"].pk


def test_an_arxiv_id_or_link_comes_first(library: Library) -> None:
    paper = library["quantum"]
    for typed in (paper.arxiv_id, f"https://arxiv.org/pdf/{paper.arxiv_id}v3 diffusion"):
        assert hits_of(str(typed))[0] == paper.pk


def test_some_of_the_words_suffice_if_no_paper_has_all(library: Library) -> None:
    assert search.search_papers(parse_query("quantum video")).by_words == 0
    assert hits_of("quantum video")[:1] in ([library["quantum"].pk], [library["video"].pk])


def test_rare_words_count_more_if_no_paper_has_all(make_paper: MakePaper, now: datetime) -> None:
    for number in range(6):
        make_paper(f"Safety of LLMs {number}", abstract="An LLM is an LLM.")
    rare = make_paper("Serving models", abstract="Fast inference with an LLM and nothing else.")
    indexing.index_changed(now)
    assert hits_of("how can I make LLM inference cheaper?")[0] == rare.pk


def test_misspelt_words_are_corrected(
    library: Library, make_paper: MakePaper, now: datetime
) -> None:
    make_paper("Once more: diffusion", authors=["Ada Lovelace"])
    indexing.index_changed(now)
    assert corrections.spelling_corrections(parse_query("difusion the video")) == {
        "difusion": "diffusion"
    }
    assert corrections.spelling_corrections(parse_query("author:lovelac")) == {
        "lovelac": "lovelace"
    }
    assert corrections.spelling_corrections(parse_query("xqzzyx")) == {}


def test_a_word_half_of_whose_letters_differ_is_no_correction(
    library: Library, make_paper: MakePaper, now: datetime
) -> None:
    for number in range(3):
        make_paper(f"Charters {number}", authors=["Guo Example"])
    indexing.index_changed(now)
    assert corrections.spelling_corrections(parse_query("guorui")) == {}


def test_german_stop_words_beside_a_german_word_are_left_out(
    library: Library, make_paper: MakePaper, now: datetime
) -> None:
    make_paper("Under the del of a form")
    indexing.index_changed(now)
    typed = "Roboter und Sprachmodelle der Zukunft für uns"
    query = parse_query(typed)
    corrected = query.with_corrections(corrections.spelling_corrections(query))
    assert not {"und", "der", "für", "under", "del", "form"} & set(corrected.words)
    assert {"robot", "language"} <= set(corrected.words)


def test_german_words_are_translated_and_unknown_compounds_in_part(library: Library) -> None:
    for typed, english in (
        ("Quantenketten", "quantum chain"),
        ("Lieblingsroboter Erklärung", "robot"),
        ("Lieblingsroboter", ""),  # alone, it may be a misspelt name
    ):
        word = typed.split()[0].lower()
        found = corrections.spelling_corrections(parse_query(typed))
        assert {k.lower(): v for k, v in found.items()}.get(word, "") == english


def test_a_changed_text_is_found_only_by_its_new_words(library: Library, now: datetime) -> None:
    paper = library["video"]
    Paper.objects.filter(pk=paper.pk).update(title="Walking robots", abstract="", text_seen_at=now)
    assert indexing.index_changed(now) == 1
    assert hits_of("robot") == [paper.pk]
    assert paper.pk not in hits_of("diffusion")


def test_indexing_twice_changes_nothing(library: Library, now: datetime) -> None:
    before = list(SearchWord.objects.order_by("word").values_list("word", "papers"))
    assert indexing.index_changed(now) == 0
    assert list(SearchWord.objects.order_by("word").values_list("word", "papers")) == before
    assert SearchEntry.objects.count() == Paper.objects.count()


def test_another_method_indexes_all_papers_again(
    library: Library, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("papers.text.lexemes.METHOD", lexemes.METHOD + 1)
    assert indexing.index_changed(now) == Paper.objects.count()
    assert indexing.index_changed(now) == 0


def test_ingest_makes_words_searchable_at_once(now: datetime) -> None:
    feed = b"""<rss version="2.0"><channel><title>Lab</title><item><title>Charters, medieval</title>
      <link>https://example.org/1</link><description>About vellum.</description></item>
      </channel></rss>"""
    ingest_document(feed, "https://example.org/feed", now)
    [paper] = Paper.objects.all()
    assert hits_of("charters") == hits_of("vellum") == [paper.pk]


@pytest.mark.slow
def test_a_text_of_any_size_is_indexed(make_paper: MakePaper, now: datetime) -> None:
    long = make_paper(
        "A giant",
        abstract="x" * 5000
        + " ".join(f" {number:x}ü-{number * 7919:x}" for number in range(60_000)),
        authors=["'; DROP", "\\'", "A" * 3000],
    )
    indexing.index_changed(now)
    assert hits_of("giant") == hits_of("x" * 5000) == [long.pk]


SPELLINGS = {
    "navier": ("Navier–Stokes regularity", []),
    "kullback": ("Kullback–Leibler divergence of the Erdős–Rényi graph", ["Erwin Schrödinger"]),
    "cafe": ("Zero‐shot learning in the café", ["Kim O’Brien"]),
    "glm": ("GLM-5V-Turbo sees", ["Søren Kjær"]),
    "slashes": ("A text/image encoder/decoder for read/write memory", ["Jean-Pierre Müller"]),
    "qwen": ("Qwen2.5-VL and InternVL3.5 compared", ["Geoffrey Hinton"]),
    "trends": ("Trends 2020-2021", ["Mary Rogers"]),
    "code": ("Node.js and C++ for 3D/4D scenes", ["Ann Åberg"]),
    "chinese": ("扩散模型的快速采样方法", ["王伟"]),
    "korean": ("확산 모델의 빠른 샘플링", ["김민수"]),
    "yolo": ("YOLOv8 and MobileNetV3 on-line", ["Bo Li"]),
    "schrodinger": ("The Schrödinger equation is Gauß's", ["Li Mueller"]),
}


@pytest.fixture
def spelt(make_paper: MakePaper, now: datetime) -> Library:
    papers = {
        name: make_paper(title, authors=authors, abstract="We study it.")
        for name, (title, authors) in SPELLINGS.items()
    }
    indexing.index_changed(now)
    return papers


TYPED = [
    ("Navier-Stokes", "navier"),
    ("navier stokes", "navier"),
    ("Navier−Stokes", "navier"),
    ("Navier--Stokes", "navier"),
    ("Kullback-Leibler", "kullback"),
    ("Erdos-Renyi", "kullback"),
    ('"erdos renyi graph"', "kullback"),
    ("zero-shot", "cafe"),
    ("zeroshot", "cafe"),
    ("zero shot cafe", "cafe"),
    ("GLM-5V", "glm"),
    ("GLM5V", "glm"),
    ("glm tur", "glm"),
    ("5v-turbo", "glm"),
    ("decoder", "slashes"),
    ("image encoder", "slashes"),
    ("encoder/decoder", "slashes"),
    ('"read write"', "slashes"),
    ("Qwen2.5", "qwen"),
    ("qwen 2.5", "qwen"),
    ("Qwen2.5-VL", "qwen"),
    ("qwen compared", "qwen"),
    ("internvl", "qwen"),
    ("InternVL3", "qwen"),
    ("internvl3.5 comparing", "qwen"),
    ("2021", "trends"),
    ("2020-2021", "trends"),
    ("Node.js", "code"),
    ("nodejs", "code"),
    ("C++", "code"),
    ("4D", "code"),
    ("3D/4D", "code"),
    ("扩散模型", "chinese"),
    ("扩散", "chinese"),
    ("快速采样", "chinese"),
    ("法", "chinese"),
    ('"扩散模型" 采样', "chinese"),
    ("author:王伟", "chinese"),
    ("모델", "korean"),
    ("샘플", "korean"),
    ("author:Schroedinger", "kullback"),
    ("author:Schrodinger", "kullback"),
    ("author:o'brien", "cafe"),
    ("author:OBrien", "cafe"),
    ("author:Soeren", "glm"),
    ("author:Kjaer", "glm"),
    ("author:Aaberg", "code"),
    ('author:"G. Hinton"', "qwen"),
    ("author:rogers", "trends"),
    ("rogers", "trends"),
    ("author:jean-pierre", "slashes"),
    ("Schroedinger equation", "schrodinger"),
    ("gauss", "schrodinger"),
    ("yolo and the", "yolo"),
    ("yolo mobilenet", "yolo"),
    ("YOLO v8", "yolo"),
    ("MobileNet-V3", "yolo"),
    ("online yolov8", "yolo"),
    ("on-line", "yolo"),
    ("title:navier", "navier"),
    ("regul", "navier"),
]


def test_each_spelling_finds_the_paper(spelt: Library) -> None:
    found = {typed: search.papers_with_words(parse_query(typed)) for typed, _name in TYPED}
    assert found == {typed: [spelt[name].pk] for typed, name in TYPED}


def test_both_transliterations_of_a_name_are_found(spelt: Library) -> None:
    for typed in ("author:Mueller", "author:Müller"):
        hits = search.papers_with_words(parse_query(typed))
        assert set(hits) == {spelt["slashes"].pk, spelt["schrodinger"].pk}, typed


def test_other_words_find_nothing(spelt: Library) -> None:
    for typed in ("C#", "2D", "title:study", "author:Gol", "c++ 2020", "the", "in-line"):
        assert search.papers_with_words(parse_query(typed)) == [], typed


def test_excluded_words_are_excluded_in_each_spelling(spelt: Library) -> None:
    for typed in ("-Navier-Stokes", '-"kullback leibler"', "-zeroshot", "-Schroedinger"):
        assert len(search.papers_with_words(parse_query(f"abstract:study {typed}"))) in (11, 10), (
            typed
        )
        excluded = typed.strip('-"')
        hits = search.papers_with_words(parse_query(f"abstract:study {typed}"))
        assert not set(hits) & set(search.papers_with_words(parse_query(f'"{excluded}"')))


def test_the_last_word_may_be_a_prefix_and_whole_words_come_first(
    make_paper: MakePaper, now: datetime
) -> None:
    begun, whole = make_paper("Nervous robots"), make_paper("Robots with NER")
    indexing.index_changed(now)
    assert search.papers_with_words(parse_query("robots ner")) == [whole.pk, begun.pk]
    assert search.papers_with_words(parse_query("ner robots")) == [whole.pk], "only the last one"


def test_a_doi_comes_first(library: Library, make_paper: MakePaper) -> None:
    paper = make_paper("Chains", doi="10.1000/xyz.1")
    for typed in ("10.1000/xyz.1", "https://doi.org/10.1000/XYZ.1", "doi:10.1000/xyz.1 chain"):
        assert hits_of(typed)[0] == paper.pk


def test_ranks_are_fused() -> None:
    assert search.fuse([[1, 2, 3], [3, 4]]) == [3, 1, 4, 2]
    assert search.fuse([]) == []


@pytest.fixture
def small_embeddings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a lexicon learn embeddings from few papers."""
    monkeypatch.setattr("papers.vectors.lexicon.PAPERS_FOR_CUTS", 10)
    monkeypatch.setattr("papers.vectors.lexicon.PAPERS_FOR_MEANING", 2)
    monkeypatch.setattr("papers.vectors.lexicon.COMMON_SHARE", 1.0)


@pytest.fixture
def traffic(small_embeddings: None, make_paper: MakePaper, now: datetime) -> list[Paper]:
    """Return indexed papers on genes and on cars, half of which say automobile."""
    road = "engine wheel road driver brake lane".split()
    cell = "gene cell protein enzyme tissue dna".split()
    papers = []
    for number in range(24):
        words, name = (road, "car") if number % 2 else (cell, "dna")
        name = "automobile" if number % 4 == 3 else name
        text = " ".join(words[(number + step) % 6] for step in range(4))
        papers.append(make_paper(f"{name} {text}", abstract=f"{text} {name}"))
    stored_lexicon.learn_lexicon(now)
    indexing.index_changed(now)
    return papers


def test_papers_of_similar_meaning_are_found_without_the_word(traffic: list[Paper]) -> None:
    hits = search.papers_in_order(hits_of("car"))
    with_word = [paper for paper in hits if "car" in paper.title]
    assert hits[: len(with_word)] == with_word
    assert "automobile" in hits[len(with_word)].title
    assert not [
        paper
        for paper in search.papers_in_order(hits_of("car -automobile"))
        if "automobile" in paper.title
    ]


def test_similar_papers_are_of_the_same_subject(traffic: list[Paper]) -> None:
    near = search.similar_papers(traffic[1], 5)
    assert len(near) == 5
    assert traffic[1] not in near
    assert all(paper.title.startswith(("car", "automobile")) for paper in near)


def test_vectors_of_two_lexicons_are_never_mixed(
    traffic: list[Paper], make_paper: MakePaper, now: datetime
) -> None:
    before = indexing.serving_version()
    for number in range(6):
        make_paper(f"whale song ocean {number}")
    later = stored_lexicon.learn_lexicon(now + timedelta(days=1))
    assert later
    assert indexing.serving_version() == before, "until every paper has its new meaning"
    assert hits_of("car")
    indexing.index_changed(now)
    assert indexing.serving_version() == later.version != before
    assert set(PaperVector.objects.values_list("version", flat=True)) == {later.version}
    assert PaperVector.objects.count() == Paper.objects.count()
    [vector] = PaperVector.objects.values_list("vector", flat=True)[:1]
    assert len(vector) == stored_lexicon.load_lexicon().embeddings.width
