"""Rules for reasons, independent of how they are made. Pure.

They read a reason beside the paper's title and abstract and the reader's text. Words are compared
as whole words in lower case; a compound is its parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

from papers.text.folding import fold_text
from papers.vectors.lexicon import PaperText
from subscriptions.matching.profile import Profile
from subscriptions.matching.reasons import Reason

GENERIC, PARTIAL, NOT_TELLING, NOT_CARRIED = "generic", "partial", "not telling", "not carried"
EMPTY = "no reason"
COMMON_SHARE = 0.04  # of the papers; a single word that more have says little
TELLING = 10  # terms of a paper
MIN_QUANTILE = 0.9  # of the similarities of an example to the papers of the pool
LONGEST_WHOLE = 4  # words of a typed phrase that must not be shown in part

_WORD = re.compile(r"[^\W_]+")
_BREAK = re.compile(r"[.,;:!?()\[\]\"“”\n，、；。､｡･]")
# Words that no phrase may begin or end with.
_EDGES = frozenset(ENGLISH_STOP_WORDS) - {"system", "fire", "computer", "cry", "bill", "mill"}


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, with those of compounds one by one."""
    return _WORD.findall(fold_text(text))


def content_of(text: str) -> list[str]:
    """Return the words of a text that are not stop words."""
    return [word for word in words_of(text) if word not in _EDGES]


def singular(words: Sequence[str]) -> list[str]:
    """Return words without the s of a plural."""
    return [re.sub(r"(?<=\w\w[^s])s$", "", word) for word in words]


class Reference:
    """Papers from which the weights of words and pairs of words are learnt."""

    def __init__(self, papers: Sequence[PaperText]) -> None:
        self.tfidf = TfidfVectorizer(analyzer=_terms, sublinear_tf=True, dtype=np.float32)
        rows = self.tfidf.fit_transform(_texts(papers))
        self.names = self.tfidf.get_feature_names_out()
        self._shares = np.bincount(rows.indices, minlength=rows.shape[1]) / len(papers)

    def is_common(self, word: str) -> bool:
        column = self.tfidf.vocabulary_.get(word)
        return column is not None and bool(self._shares[column] > COMMON_SHARE)


class Pool:
    """Papers of a digest's pool, with the terms that tell them apart."""

    def __init__(self, reference: Reference, papers: Sequence[PaperText]) -> None:
        self.reference = reference
        self._rows = reference.tfidf.transform(_texts(papers))
        self._places = {paper.key: place for place, paper in enumerate(papers)}

    def telling_words(self, paper: PaperText) -> set[str]:
        """Return the words of the paper's TELLING strongest terms."""
        row = self._rows[self._places[paper.key]]
        order = np.argsort(-row.data)[:TELLING]
        return {word for name in self.reference.names[row.indices[order]] for word in name.split()}

    def is_similar(self, paper: PaperText, example: PaperText) -> bool:
        """Return whether the paper is among those of the pool most similar to an example."""
        cosines = (
            (self._rows @ self.reference.tfidf.transform(_texts([example])).T).toarray().ravel()
        )
        return bool(cosines[self._places[paper.key]] >= np.quantile(cosines, MIN_QUANTILE))


def _texts(papers: Sequence[PaperText]) -> list[str]:
    return [f"{paper.title}. {paper.title}. {paper.abstract}" for paper in papers]


def _terms(text: str) -> Iterator[str]:
    for part in _BREAK.split(text):
        content = content_of(part)
        yield from content
        yield from (f"{a} {b}" for a, b in pairwise(content))


def broken_rules(reason: Reason, profile: Profile, paper: PaperText, pool: Pool) -> list[str]:
    """Return the rules that a reason breaks."""
    examples = [
        p
        for p in profile.examples
        if p.title in (*reason.examples, *reason.kept, *reason.opened)[:1]
    ]
    phrases = [*reason.words, *reason.terms]
    telling = set(singular(sorted(pool.telling_words(paper))))
    names_telling = any(telling & set(singular(content_of(phrase))) for phrase in phrases)
    text = f"{paper.title}. {paper.abstract}"
    checks = {
        EMPTY: not reason.sentence(),
        GENERIC: any(_is_generic(phrase, pool) for phrase in phrases),
        PARTIAL: not all(_is_whole(phrase, profile.typed) for phrase in reason.words)
        or _is_split(reason.words, profile.typed, text),
        NOT_TELLING: not (names_telling or examples or reason.author or reason.colleague),
        NOT_CARRIED: not all(_is_carried(phrase, text) for phrase in phrases)
        or not all(pool.is_similar(paper, example) for example in examples),
    }
    return [name for name, is_broken in checks.items() if is_broken]


def _is_generic(phrase: str, pool: Pool) -> bool:
    content = content_of(phrase)
    return not content or (len(content) == 1 and pool.reference.is_common(content[0]))


def _is_whole(phrase: str, typed: str) -> bool:
    """Return whether a phrase is as typed, and does not begin or end in the middle of one."""
    words = words_of(phrase)
    if not words or words[0] in _EDGES or words[-1] in _EDGES:
        return False
    # Not a part of a compound: "shot" of "zero-shot".
    found = re.search(rf"(?<![\w-]){re.escape(fold_text(phrase))}(?![\w-])", fold_text(typed))
    return bool(found)


def _is_split(phrases: Sequence[str], typed: str, text: str) -> bool:
    """Return whether the paper has a typed phrase, or two shown ones in a row, of which only parts
    are shown.
    """
    shown = [" ".join(content_of(phrase)) for phrase in phrases]
    clauses = [content_of(clause) for clause in _BREAK.split(typed)]
    short = [" ".join(clause) for clause in clauses if 1 < len(clause) <= LONGEST_WHOLE]
    joined = [f"{a} {b}" for a in shown for b in shown if a != b]
    joined = [pair for pair in joined if any(_is_run(pair, clause) for clause in clauses)]
    return any(
        _is_carried(whole, text)
        and any(_is_run(part, whole.split()) for part in shown)
        and not any(_is_run(whole, part.split()) for part in shown)
        for whole in (*short, *joined)
    )


def _is_run(phrase: str, words: Sequence[str]) -> bool:
    return f" {phrase} " in f" {' '.join(words)} "


def _is_carried(phrase: str, text: str) -> bool:
    """Return whether a text has a phrase, apart from stop words and plurals, also as one word."""
    content = singular(content_of(phrase))
    parts = [singular(words) for part in _BREAK.split(text) if (words := content_of(part))]
    joined = "".join(content)
    return any(_is_run(" ".join(content), part) for part in parts) or any(
        joined == word or joined == a + b
        for part in parts
        for word, (a, b) in zip(part, [*pairwise(part), ("", "")], strict=True)
    )
