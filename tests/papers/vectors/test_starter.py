"""The starter lexicon: what it holds, what it brings to a new installation, how it is outgrown."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from operations.checks import check_settings
from papers import tasks
from papers.models import Paper, StoredLexicon
from papers.vectors import stored_lexicon
from papers.vectors.lexicon import Lexicon, PaperText
from papers.vectors.starter import Starter, StarterError
from papers.vectors.starter_learning import learn_starter
from papers.vectors.terms import term_ids

SUBJECTS, WORDS, PAPERS = 8, 24, 1050
MakePaper = Callable[..., Paper]


def _paper(number: int) -> PaperText:
    """Return a paper of one of eight subjects, with random words of the subject.

    Each has “water”, every 105th has “estuary”.
    """
    words = np.random.default_rng(number).permutation(WORDS)[:9]
    names = [f"subject{number % SUBJECTS}word{word}" for word in words]
    pairs = zip(names[1::2], names[2::2], strict=True)
    sentences = [f"Water {left} {right} flows." for left, right in pairs]
    sentences += [f"Only{number} here.", "Estuary." if number % 105 == 0 else ""]
    return PaperText(str(number), names[0], " ".join(sentences))


@pytest.fixture(scope="module")
def papers() -> list[PaperText]:
    return [_paper(number) for number in range(PAPERS)]


@pytest.fixture(scope="module")
def starter(papers: list[PaperText]) -> Starter:
    return learn_starter(papers, "2026-04-30", "made-up papers")


@pytest.fixture(scope="module")
def learnt(papers: list[PaperText]) -> Lexicon:
    return Lexicon.learn(papers)


@pytest.fixture(scope="module")
def starter_path(starter: Starter, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("starter") / "starter.npz"
    path.write_bytes(starter.dumps())
    return str(path)


def _rarity(lexicon: Lexicon, word: str) -> float:
    columns = lexicon.columns_of(term_ids(word))
    return float(lexicon.rarity_at(columns)[0]) if columns[0] >= 0 else lexicon.unseen_rarity


def test_the_command_writes_the_same_bytes_again_and_no_text(
    papers: list[PaperText], starter: Starter, tmp_path: Path
) -> None:
    rows = [
        {
            "arxiv_id": paper.key,
            "title": paper.title,
            "abstract": paper.abstract,
            "categories": ["cs.CL"],
            "authors": [],
            "listed": "2026-04-30",
        }
        for paper in papers
    ]
    source, target = tmp_path / "papers.jsonl.gz", tmp_path / "starter.npz"
    source.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    call_command("learn_starter", str(source), str(target), name="made-up papers")
    assert target.read_bytes() == starter.dumps()
    loaded = Starter.loads(target.read_bytes())
    assert (loaded.paper_count, loaded.newest) == (PAPERS, "2026-04-30")
    assert loaded.learnt_from == "made-up papers"
    assert loaded.frequency.min() >= 10, "a term of few papers could identify them"
    assert not np.isin(term_ids("Only7"), loaded.ids).any()
    with np.load(target) as stored:
        texts = [name for name in stored if stored[name].dtype.kind in "US"]
    assert texts == ["newest", "learnt_from"]


def test_quantised_embeddings_rank_like_those_they_are_made_from(
    papers: list[PaperText], learnt: Lexicon, starter: Starter
) -> None:
    begun = Lexicon.learn([], starter)
    some = papers[:200]
    exact, small = (lexicon.embed(lexicon.vectors(some)) for lexicon in (learnt, begun))
    assert small.shape[1] == starter.embeddings.width
    assert np.corrcoef((exact @ exact.T).ravel(), (small @ small.T).ravel())[0, 1] > 0.98


def test_own_papers_change_frequencies_and_outgrow_the_starter(
    papers: list[PaperText], learnt: Lexicon, starter: Starter
) -> None:
    word = "subject0word0"
    rarities = []
    for count in (0, 40, 400):
        own = [PaperText(f"own{n}", f"Title about{n}", f"We use {word}.") for n in range(count)]
        rarities.append(_rarity(Lexicon.learn(own, starter), word))
    assert rarities[0] > 2 * rarities[1] > 4 * rarities[2]
    assert Lexicon.learn(papers, starter).version == learnt.version


def test_words_and_papers_of_other_fields_need_no_starter(starter: Starter) -> None:
    texts = ("Nave vaults of the abbey", "Rib vaults and the nave", "Abbey charters of monks")
    own = [PaperText(str(n), text, f"We date {text.lower()}.") for n, text in enumerate(texts)]
    lexicon = Lexicon.learn(own, starter)
    assert not len(lexicon.embeddings), "it knows too few of their words"
    assert _rarity(lexicon, "charters") > _rarity(lexicon, "nave") > 0
    similarity = (lexicon.vectors(own) @ lexicon.vectors(own).T).toarray()
    assert similarity[0, 1] > similarity[0, 2] > 0


@pytest.mark.parametrize("count", [2, 16, 160])
@pytest.mark.parametrize(("other_words", "is_used"), [(4, True), (40, False)])
def test_the_share_of_known_words_decides_in_collections_of_any_size(
    starter: Starter, count: int, other_words: int, is_used: bool
) -> None:
    own = [_paper(PAPERS + number) for number in range(count)]
    texts = (
        " ".join(f"new{(n * 7 + word) % 90}" for word in range(other_words)) for n in range(count)
    )
    own = [replace(p, abstract=f"{p.abstract} {t}.") for p, t in zip(own, texts, strict=True)]
    assert bool(len(Lexicon.learn(own, starter).embeddings)) == is_used


def test_a_new_word_of_two_papers_gets_the_direction_of_these_papers(starter: Starter) -> None:
    own = [_paper(PAPERS + number) for number in range(16)]
    own[1], own[9] = (replace(own[n], title=f"{own[n].title} Quux") for n in (1, 9))
    own[4] = replace(own[4], title=f"{own[4].title} Xyzzy")
    lexicon = Lexicon.learn(own, starter)
    words = [PaperText("", word) for word in ("quux", "subject3word3", "subject2word3", "xyzzy")]
    new, same, other, single = lexicon.embed(lexicon.vectors(words))
    assert new @ same > 0.5 > abs(new @ other) + 0.2
    assert not single.any(), "its paper has no other word to share"


def test_both_embeddings_are_joined_in_a_growing_collection(starter: Starter) -> None:
    own = [_paper(number) for number in range(PAPERS, 2 * PAPERS - 20)]
    known = Lexicon.learn(own, starter)
    first, second, third = known.embed(known.vectors([_paper(80), _paper(88), _paper(81)]))
    assert known.embeddings.width == 256
    assert first @ second > 0.5 > abs(first @ third) + 0.2


@pytest.mark.django_db
def test_a_preview_of_three_papers_knows_which_typed_word_is_rare(
    client: Client, make_paper: MakePaper, settings: Any, starter_path: str
) -> None:
    now = timezone.now()
    for title in ("Water and tides", "Tides of the estuary", "Currents"):
        make_paper(title, abstract="We measure.", listed_on=now.date(), first_seen_at=now)
    for path, papers in (("", 2), (starter_path, 1)):
        settings.STARTER_LEXICON = path
        tasks.settle_new_papers()
        page = client.get("/preview/", {"interests": "water near an estuary"}).text
        [count] = re.findall(r"Your digest for [^:]+: (\d+) paper", page)
        assert int(count) == papers
        assert "Tides of the estuary" in re.sub("<[^>]*>", "", page)


@pytest.mark.django_db
def test_another_starter_or_none_makes_a_new_lexicon(
    make_paper: MakePaper, now: datetime, settings: Any, starter_path: str
) -> None:
    for number in range(3):
        make_paper(f"Paper {number} on graphs")
    versions = []
    for number, path in enumerate((starter_path, "", starter_path)):
        settings.STARTER_LEXICON = path
        assert stored_lexicon.learn_lexicon(now + timedelta(hours=number)) is not None
        assert stored_lexicon.learn_lexicon(now + timedelta(hours=number)) is None
        versions.append(stored_lexicon.current_version())
    assert versions[0] == versions[2] != versions[1]
    assert StoredLexicon.objects.count() == 2


def test_a_file_that_is_no_starter_is_reported(settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "starter.npz"
    path.write_text("nothing of the kind")
    settings.STARTER_LEXICON = str(path)
    with pytest.raises(StarterError, match="not a starter lexicon"):
        stored_lexicon.load_starter(str(path))
    [error] = [message for message in check_settings() if message.id == "operations.E005"]
    assert str(path) in error.msg
    empty = tmp_path / "papers.jsonl"
    empty.write_text("")
    with pytest.raises(CommandError, match="no papers"):
        call_command("learn_starter", str(empty), str(path))
