"""Highlighting of search terms in texts. Pure."""

import re
from collections.abc import Iterable
from functools import lru_cache

from papers.text.folding import fold_text
from papers.text.lexemes import IS_UNSPACED, MAX_LEXEME, STOP_WORDS, Run, runs, spellings, stem
from papers.text.summary import split_sentences

Segments = list[tuple[str, bool]]  # in order; True for highlighted parts

BEGUN = "*"  # after the beginning of a word, in place of a stem
_WORD = re.compile(r"[^\W_]+")


def query_stems(text: str, prefixes: Iterable[str] = ()) -> frozenset[str]:
    """Return the stems of a query's words, in all spellings; stop words are left out.

    Beginnings of words end with an asterisk.
    """
    begun = (f"{folded}{BEGUN}" for prefix in prefixes for folded in spellings(prefix))
    return frozenset(begun) | frozenset(
        word_stem
        for spelling in spellings(text)
        for word in spelling.split()
        if word not in STOP_WORDS
        for run in runs(word)
        for word_stem in _stems(run)
    )


def highlight(text: str, stems: frozenset[str]) -> Segments:
    """Split `text` at words with one of these stems; the parts add up to the text."""
    segments: Segments = []
    end = 0
    for word in _matching_words(text, stems):
        segments += [(text[end : word.start()], False), (word[0], True)]
        end = word.end()
    segments.append((text[end:], False))
    return [(part, is_match) for part, is_match in segments if part]


def best_passage(text: str, stems: frozenset[str], limit: int = 2) -> str:
    """Return the `limit` sentences with the most different matching words, in their order.

    Return "" if no sentence has any.
    """
    matches = [
        ({stem(fold_text(word[0])) for word in _matching_words(sentence, stems)}, place, sentence)
        for place, sentence in enumerate(split_sentences(text))
    ]
    ranked = sorted((match for match in matches if match[0]), key=lambda m: (-len(m[0]), m[1]))
    best = sorted(ranked[:limit], key=lambda match: match[1])
    return " ".join(sentence for _, _, sentence in best)


def _stems(run: Run) -> Iterable[str]:
    """Yield the stem of a run, and those of its letters if it also has digits.

    Digits alone are left out: the 2 and 5 of Qwen2.5 would be highlighted everywhere.
    """
    yield stem(run.text) if len(run.text) <= MAX_LEXEME else run.text
    if run.is_mixed:
        yield from (stem(piece) for piece in run.pieces if len(piece) > 1 and not piece.isdigit())


def _matching_words(text: str, stems: frozenset[str]) -> Iterable[re.Match[str]]:
    if not stems:
        return
    # Stemming is slow and never changes the first letters of a word, so these are checked first.
    prefixes = tuple(sorted({word_stem[:2] for word_stem in stems}))
    begun = tuple(sorted(word_stem[:-1] for word_stem in stems if word_stem.endswith(BEGUN)))
    pattern = _prefix_pattern(prefixes) if text.isascii() else _word_pattern(stems)
    for word in pattern.finditer(text):
        if _is_match(word[0], prefixes, begun, stems):
            yield word


@lru_cache(maxsize=1 << 15)  # the results of one search repeat the same words
def _is_match(
    word: str, prefixes: tuple[str, ...], begun: tuple[str, ...], stems: frozenset[str]
) -> bool:
    return any(
        folded.startswith(prefixes)
        and (run.text.startswith(begun) or not stems.isdisjoint(_stems(run)))
        for folded in spellings(word)
        for run in runs(folded)
    )


@lru_cache(maxsize=64)
def _prefix_pattern(prefixes: tuple[str, ...]) -> re.Pattern[str]:
    alternatives = "|".join(map(re.escape, prefixes))
    return re.compile(rf"(?<![a-z0-9])(?:{alternatives})[a-z0-9]*", re.I | re.A)


@lru_cache(maxsize=64)
def _word_pattern(stems: frozenset[str]) -> re.Pattern[str]:
    """Return a pattern for words of any script.

    In scripts without spaces it finds only the stems themselves.
    """
    unspaced = sorted((s for s in stems if IS_UNSPACED.search(s)), key=len, reverse=True)
    if not unspaced:
        return _WORD
    return re.compile(
        "|".join([*map(re.escape, unspaced), rf"(?:(?!{IS_UNSPACED.pattern})[^\W_])+"])
    )
