"""Split texts into sentences and select those that summarise an abstract. Pure."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations

from papers.text.markup import one_line, unwrap_lines
from papers.text.standalone import points_back, refers_back, stand_alone

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
EXTRACT_LENGTH = 350  # characters: four lines of a mail on a phone
LONGEST_EXTRACT = 600  # characters at most for two sentences
LENGTH_COST = 1 / 40  # of the score, for each character above EXTRACT_LENGTH
FULL_RESULT = 2.0  # of the cues below, for a sentence that surely states a result
OUTCOME = 4.0  # added for a pair with such a sentence; a claim alone leaves the outcome open
BACK_REFERENCE = -8.0  # to a sentence that is not in the extract
POINTING = -3.0  # within a sentence, to one that is not in the extract


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
    (
        1.5,
        r"\b(?:is|are|was|were) (?:\w+ )?(?:proposed|introduced|presented|developed|designed|"
        r"investigated|examined|studied|analy[sz]ed|evaluated|compared)\b",
    ),
    (
        0.75,
        r"\b(?:we|this (?:paper|work|article|study|report))\b[^.;:]{0,40}?\b(?:train|fine-tun|"
        r"evaluat|compar|test|measur|appl|assess|quantif|benchmark|ask|adapt|extend|combin|us[ei]|"
        r"elicit|coupl|experiment|collect|conduct|simulat|replac|reformulat|leverag|focus)",
    ),
    # “TriEval addresses”, “FooNet is a framework that”.
    (2.0, r"^[\w-]+ (?:addresses|tackles|introduces|proposes|presents)\b"),
    (
        1.5,
        r"^[\w-]+(?: \([^)]*\))?,? (?:is )?an? (?:[\w-]+ ){0,6}?(?:framework|method|model|"
        r"benchmark|dataset|system|approach|pipeline|algorithm|architecture|tool|library|toolkit|corpus|"
        r"platform)\b",
    ),
    (1.0, r"\b(?:our|the) (?:proposed|present) "),
    # A part, an addition or an experiment is not what the paper is about.
    (-2.0, r"^for [^,]{3,40}, we\b"),
    (
        -4.0,
        r"\bwe (?:also|further|additionally|finally|subsequently)\b|\bfurther (?:stud|inv)|"
        r"\bwe then (?!propose|introduce|present)",
    ),
    (
        -4.0,
        r"^(?:(?:extensive|experimental|empirical|numerical|comprehensive|our|the) )*"
        r"(?:experiments?|results?|evaluations?|simulations?|findings|analys[ie]s|ablations?)\b",
    ),
    (
        -2.0,
        r"\b(?:our|the) (?:method|model|approach|framework|system|algorithm)(?:'s)? (?:\w+s|to)\b",
    ),
    (-3.0, r"^[^,]{0,60}\b(?:is|was|are|were|has been) (?:\w+ )?(?:evaluated|tested|validated)\b"),
)
_RESULT = _cues(
    (
        2.5,
        r"\b(?:outperform|surpass|exceed|achiev|attain|improv|reduc|boost|yield)"
        r"(?:e?s|ed|ing|e)?\b|\bsets? a new\b|"
        r"\bmatch(?:es|ed|ing)? (?:or|the performance|state|human|full|its|those)\b",
    ),
    (
        2.0,
        r"\b(?:results?|experiments?|evaluations?|analys[ie]s|findings)\b[^.;:]{0,60}?\b(?:show|"
        r"demonstrat|reveal|indicat|suggest|confirm|highlight|validat)",
    ),
    (2.0, r"\bwe (?:also |further |then )?(?:show|find|found|demonstrate|observe|prove|reveal)\b"),
    (
        1.5,
        r"\bperform(?:s|ed)? (?:\w+ )?(?:poorly|well|better|worse|best)\b|\bexpos(?:es|ed|ing)\b|"
        r"\bfalls? short\b|\bdegrad|\bdrops?\b|\blags?\b|\b(?:still|even) \w+ (?:fail|struggle)|"
        r"\bperformance gap|\bbest model|\bshow(?:s|ed|ing)? (?:that|how)\b",
    ),
    (1.0, r"\bstate-of-the-art\b|\bsota\b|\bcompared (?:to|with)\b|\bthan\b"),
    (1.0, r"\d[\d.,]{0,12}\s?(?:%|×|x\b|percent|points?\b|pp\b|times\b)"),
    (2.0, r"^(?:results|conclusions?|findings)\b ?[:.]"),
    (
        1.0,
        r"\b(?:enabl|allow|preserv|maintain|guarantee|support|deliver|demonstrat|suggest|reveal|"
        r"confirm|highlight|provid|establish|facilitat|promot|simplif|ensur)(?:e?s|ed|ies|ing)?\b",
    ),
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
        -6.0,
        r"^(?:content |trigger )?(?:warning|disclaimer|note)\b|\bpotentially (?:toxic|offensive)",
    ),
    (
        -2.0,
        r"\b(?:future (?:work|research)|implications|paves? the way|we (?:discuss|hope|believe|"
        r"conclude))\b",
    ),
    (-3.0, r"^this is (?:achieved|done|accomplished)\b"),
    (-3.0, r"^we also (?:experiment|explore|discuss|provide|release|propose|introduce|investig)"),
    # Says that something is described, not what it is about.
    (
        -3.0,
        r"^(?:we|this \w+) (?:\w+ )?(?:describe|discuss|outline|highlight|provide|offer|conclude)\b"
        r"[^,]{0,60}\b(?:insights?|implications|directions|mitigations?|recommendations|challenges|"
        r"limitations|opportunities|guidelines|lessons|examples|applications)\b",
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
    # Towards the end, what remains difficult is a finding.
    background = _weight(sentence, _BACKGROUND) * (0.25 if claim >= 2.0 or place > 0.6 else 1.0)
    size = 2.0 * (len(sentence) < 40) + max(0, len(sentence) - 240) / 100
    common = _weight(sentence, _ASIDE) + background - size
    early = -place if claim else -2.0  # the first sentence is no claim by its place alone
    return claim + common + 0.25 * result + early, result + common - 0.25 * claim + place


@lru_cache(maxsize=4096)  # the papers of an edition appear in many emails
def extract_summary(abstract: str, limit: int = 2) -> str:
    """Return up to `limit` (one or two) sentences that summarise an abstract, whole and in order.

    Each sentence gets two scores from the tables above: for claims ("we propose") and for results
    ("outperforms", "we show", figures). Background, links, availability notes, long sentences and
    those that refer to a sentence left out lose points. The best pair of a claim, counted double,
    and a later result is chosen. It may be longer than EXTRACT_LENGTH at a cost; if no result is
    worth its room, the claim alone is taken, regardless of its length. Words at the start of a
    sentence that only link it to the one before are dropped. A short abstract is returned whole.
    """
    text = one_line(abstract)
    found = split_sentences(text)[:MAX_SENTENCES]
    if len(found) <= limit and len(text) <= EXTRACT_LENGTH:
        return text
    sentences = [found[0], *map(stand_alone, found[1:])] if found else []
    last = max(len(sentences) - 1, 1)
    scores = [_scores(sentence, index / last) for index, sentence in enumerate(sentences)]
    dangling = [
        BACK_REFERENCE * refers_back(sentence) or POINTING * points_back(sentence)
        for sentence in sentences
    ]
    ranked: list[tuple[float, tuple[int, ...]]] = [
        (2 * claim + dangling[index] * bool(index), (index,))
        for index, (claim, _result) in enumerate(scores)
    ]
    if limit > 1:
        ranked += _rank_pairs(sentences, scores, dangling)
    _, chosen = max(ranked)
    return " ".join(sentences[index] for index in chosen)


def _rank_pairs(
    sentences: Sequence[str], scores: Sequence[tuple[float, float]], dangling: Sequence[float]
) -> Iterator[tuple[float, tuple[int, ...]]]:
    """Yield the score of each pair of sentences that is not too long, and their places."""
    for first, second in combinations(range(len(sentences)), 2):
        length = len(sentences[first]) + 1 + len(sentences[second])
        if length <= LONGEST_EXTRACT:
            score = 2 * scores[first][0] + scores[second][1]
            score += OUTCOME * min(_weight(sentences[second].lower(), _RESULT) / FULL_RESULT, 1.0)
            score += dangling[first] * bool(first) + dangling[second] * (second > first + 1)
            yield score - LENGTH_COST * max(0, length - EXTRACT_LENGTH), (first, second)
