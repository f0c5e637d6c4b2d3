"""Split texts into sentences and select those that summarise an abstract. Pure."""

import re
from functools import lru_cache
from itertools import combinations

from papers.text.markup import one_line, unwrap_lines

_SENTENCE_END = re.compile(
    r"""(?<=\S) [.!?…]{1,8} ["'”’)\]»]{0,4} \s+
        (?= ["'“‘(\[«]{0,4} (?: [^\W_a-z] | [a-z]{1,8}[A-Z] ) )""",
    re.X,
)
_LAST_WORD = re.compile(r"[^\s\"'“‘(\[«]{1,20}$")
_ABBREVIATIONS = frozenset(
    "e.g i.e fig figs eq eqs sec secs tab no nos vs cf resp approx viz dr prof mr mrs ms st jr sr "
    "ref refs ch vol pp ed eds inc ltd corp dept univ incl w.r.t i.i.d a.k.a ph.d u.s u.k".split()
)
_INITIAL = re.compile(r"(?:[A-Z]\.)*[A-Z]|al")
# After these a name or "et al." does end the sentence: nobody's surname is "We".
_OPENING = re.compile(r"(?:We|The|This|These|Our|In|However|To|It|Here|Results|Experiments)\b")


def split_sentences(text: str) -> list[str]:
    """Return the sentences in order; joined by spaces they are the text again."""
    return [
        sentence
        for paragraph in unwrap_lines(text).split("\n\n")
        for sentence in _sentences_of(paragraph)
        if sentence
    ]


def _sentences_of(paragraph: str) -> list[str]:
    found, start = [], 0
    for end in _SENTENCE_END.finditer(paragraph):
        if not _is_abbreviation(paragraph, end):
            found.append(paragraph[start : end.end()].strip())
            start = end.end()
    return [*found, paragraph[start:].strip()]


def _is_abbreviation(paragraph: str, end: re.Match[str]) -> bool:
    if end.group().strip() != ".":
        return False
    last = _LAST_WORD.search(paragraph, max(0, end.start() - 20), end.start())
    word = last.group() if last else ""
    if _INITIAL.fullmatch(word):
        return not _OPENING.match(paragraph, end.end())
    return word.lower() in _ABBREVIATIONS


MAX_SENTENCES = 40  # considered; an abstract has about eight
EXTRACT_LENGTH = 350  # characters at most for two sentences: four lines of a mail on a phone


def _cues(*rows: tuple[float, str]) -> tuple[tuple[float, re.Pattern[str]], ...]:
    return tuple((weight, re.compile(pattern)) for weight, pattern in rows)


# Patterns of claims, results, background and asides, matched in lower case. Each row counts once.
_CLAIM = _cues(
    (
        3.0,
        r"\b(?:we|paper|work|article|study|survey|report|thesis|authors)\b[^.;:]{0,50}?"
        r"\b(?:propos|introduc|present)",
    ),
    (
        2.0,
        r"\b(?:we|this (?:paper|work|article|study|survey|report))\b[^.;:]{0,40}?\b(?:develop|"
        r"design|formulat|devis|describ|construct|build|create|address|formali[sz]e|study|studies|"
        r"investigat|examin|explor|review|survey|analy[sz]e|provide|establish|prove|release)",
    ),
    (
        1.0,
        r"\bin this (?:paper|work|article|study|report)\b|\bhere,? we\b|"
        r"\bto (?:this end|address|tackle|overcome|bridge|fill)\b",
    ),
    (1.5, r"\bwe (?:also |further )?(?:show|prove|find|found|demonstrate|argue|identify|report)\b"),
    (0.5, r"\bnovel\b|\bthe first\b"),
)
_RESULT = _cues(
    (
        2.5,
        r"\b(?:outperform|surpass|exceed|achiev|attain|improv|reduc|boost|yield|match)"
        r"(?:e?s|ed|ing|e)?\b|\bsets? a new\b",
    ),
    (
        2.0,
        r"\b(?:results?|experiments?|evaluations?|analys[ie]s|findings)\b[^.;:]{0,60}?\b(?:show|"
        r"demonstrat|reveal|indicat|suggest|confirm|highlight|validat)",
    ),
    (2.0, r"\bwe (?:also |further |then )?(?:show|find|found|demonstrate|observe|prove|reveal)\b"),
    (1.0, r"\bstate-of-the-art\b|\bsota\b|\bcompared (?:to|with)\b|\bthan\b"),
    (1.0, r"\d[\d.,]{0,12}\s?(?:%|×|x\b|percent|points?\b|pp\b|times\b)"),
    (2.0, r"^(?:results|conclusions?|findings)\b ?[:.]"),
)
_BACKGROUND = _cues(
    (
        -3.0,
        r"^(?:in recent years|recent(?:ly)?\b|traditional|existing|current|previous|prior|"
        r"although|while|despite|however|yet\b|unfortunately|nevertheless|background)",
    ),
    (
        -2.0,
        r"\b(?:has|have) (?:been|become|emerged|shown|achieved|gained|attracted|made|"
        r"demonstrated|revolutioni[sz]ed|received|witnessed|led|advanced)\b",
    ),
    (
        -2.0,
        r"\b(?:remain|suffer|struggle|fail|lack|hinder|overlook|neglect|limited by|challenging|"
        r"a challenge|an open|poorly understood|is (?:crucial|essential|critical|important|"
        r"a (?:fundamental|key|critical|crucial|core)))",
    ),
    (-1.0, r"\b(?:often|typically|usually|commonly|widely|increasingly|existing|recent)\b"),
)
_ASIDE = _cues(
    (
        -8.0,
        r"https?://|\bgithub\b|\bhugging ?face\b|\bproject (?:page|website)\b|"
        r"\bavailable(?: at| on| online| here| via| from| upon| under| in|[.:]|$)|\bfound at\b|"
        r"\bpublicly (?:available|released?)|\bwill (?:be )?(?:release|open-?source)",
    ),
    (-4.0, r"\b(?:releas|open-?sourc|mak)(?:e|es|ed|ing) (?:[^.]{0,40} )?(?:code|resources)\b"),
    (-4.0, r"\b(?:accepted (?:to|at|by)|to appear in|copyright|all rights reserved)\b|©"),
    (
        -2.0,
        r"\b(?:future (?:work|research)|implications|paves? the way|we (?:discuss|hope|believe|"
        r"conclude))\b",
    ),
    # A sentence that refers to the one before reads badly on its own.
    (
        -1.0,
        r"^(?:this|these|it|they|its|their|such|those|moreover|furthermore|additionally|also|"
        r"finally|first|second|third|then|specifically|in particular|notably|besides|in addition|"
        r"for (?:example|instance)|concretely|subsequently|next)\b",
    ),
)


def _weight(sentence: str, cues: tuple[tuple[float, re.Pattern[str]], ...]) -> float:
    return sum(weight for weight, pattern in cues if pattern.search(sentence))


def _scores(sentence: str, place: float) -> tuple[float, float]:
    """Return how well a sentence states the claim and how well the result.

    `place` is 0 for the first sentence and 1 for the last: claims are in the middle of an abstract,
    results towards its end.
    """
    sentence = sentence.lower()
    claim, result = _weight(sentence, _CLAIM), _weight(sentence, _RESULT)
    # A sentence may name the gap and the answer to it; with a claim in it, it is no background.
    background = _weight(sentence, _BACKGROUND) * (0.25 if claim >= 2.0 else 1.0)
    size = 2.0 * (len(sentence) < 40) + max(0, len(sentence) - 240) / 100
    common = _weight(sentence, _ASIDE) + background - size
    return claim + common + 0.25 * result - place, result + common - 0.25 * claim + place


@lru_cache(maxsize=4096)  # the papers of an edition appear in many emails
def extract_summary(abstract: str, limit: int = 2) -> str:
    """Return up to `limit` (one or two) sentences that summarise an abstract, whole and in order.

    Each sentence gets two scores from the tables above: for claims ("we propose") and for results
    ("outperforms", "we show", figures). Background, links, availability notes, long sentences and
    those that refer to the one before lose points. The best pair of a claim, counted double, and
    a later result within EXTRACT_LENGTH is chosen; if no result is worth its room, the claim alone,
    regardless of its length. A short abstract is returned whole.
    """
    text = one_line(abstract)
    found = split_sentences(text)[:MAX_SENTENCES]
    if len(found) <= limit and len(text) <= EXTRACT_LENGTH:
        return text
    last = max(len(found) - 1, 1)
    scores = [_scores(sentence, index / last) for index, sentence in enumerate(found)]
    alone = [(2 * claim, (index,)) for index, (claim, _) in enumerate(scores)]
    paired = [
        (2 * scores[first][0] + scores[second][1], (first, second))
        for first, second in combinations(range(len(found)), 2)
        if len(found[first]) + 1 + len(found[second]) <= EXTRACT_LENGTH
    ]
    _, chosen = max(alone if limit < 2 else [*alone, *paired])
    return " ".join(found[index] for index in chosen)
