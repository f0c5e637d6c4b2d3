"""Text of papers: from what sources send to what a reader sees.

Pure: no ORM, no clock, no settings. Whatever the input, nothing here raises.
"""

import html
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations

import nh3
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from papers.text import formulas, latex
from papers.text.folding import LETTERS

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")


def readable_text(tex: str) -> str:
    r"""Title or abstract as received, TeX made Unicode and hard wraps undone.

    >>> readable(r"K\"{a}hler: $\mathcal{O}(n^2)$ at 50% of the cost")
    'Kähler: O(n²) at 50% of the cost'
    """
    return unwrap_lines(latex.to_unicode(tex))


def readable_lines(typed: str) -> str:
    """What somebody typed, TeX made Unicode as in our papers; lines stay lines."""
    return "\n".join(map(readable_text, typed.splitlines()))


def unwrap_lines(text: str) -> str:
    """`text` with one space for each run of white space; paragraphs stay apart by a blank line."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\n" not in text:
        return " ".join(text.split())
    paragraphs = (" ".join(part.split()) for part in _BLANK_LINE.split(text))
    return "\n\n".join(part for part in paragraphs if part)


# --- HTML -------------------------------------------------------------------------------------

# A "<" that opens no tag: "a<b", "p <q and r> s". A name of one letter must be the whole tag or be
# followed by an attribute with a value.
_LESS_THAN = re.compile(
    r"""<(?! [!?]
           | /?[a-zA-Z][\w:-]+ (?:[\s/][^<>]*)? >
           | /?[a-zA-Z] (?: \s* /? > | \s (?=[^<>=]*=) [^<>]* > ) )""",
    re.X,
)
_BLOCK = re.compile(
    r"</?(?:p|div|br|hr|li|ul|ol|h[1-6]|tr|table|blockquote|section|article|pre|dl|dt|dd|sec|st"
    # Crossref's and PubMed's abstracts are JATS, with a prefix or without.
    r"|\w+:(?:p|sec|title|list-item|abstract))\b[^<>]*>",
    re.I,
)
# nh3 drops an element of MathML or SVG in HTML with all that follows it, and JATS, which journals
# send, has elements of these names too, such as <sec> and <list>. Those become <span>.
_NAME_OF_TAG = re.compile(r"<(/?)([a-zA-Z][\w:-]*)")
_INVISIBLE = {"script", "style", "template", "noscript", "iframe", "object", "svg", "title"}
_ELEMENTS = nh3.ALLOWED_TAGS | _INVISIBLE


def _known_element(tag: re.Match[str]) -> str:
    return tag[0] if tag[2].lower() in _ELEMENTS else f"<{tag[1]}span"


def html_to_text(markup: str) -> str:
    """HTML as plain text: no element, no script, entities decoded; "a < b" is left alone.

    What comes back is text, not safe HTML: `&lt;i&gt;` has become "<i>".
    """
    if "<" in markup:
        markup = formulas.readable(markup)
        markup = _LESS_THAN.sub("&lt;", markup)
        markup = _BLOCK.sub(lambda tag: f"\n\n{tag.group()}", markup)
        markup = _NAME_OF_TAG.sub(_known_element, markup)
        markup = nh3.clean(markup, tags=set(), attributes={}, clean_content_tags=_INVISIBLE)
    return unwrap_lines(html.unescape(markup) if "&" in markup else markup)


# --- Single lines -----------------------------------------------------------------------------

_LINE_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
# Controls, the soft hyphen, directional overrides and isolates, byte order mark, lone surrogates,
# noncharacters.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\xad\u061c\u202a-\u202e\u2066-\u2069\u200b\u2060\ufeff"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def one_line(text: str) -> str:
    """`text` fit for a header or a table cell: one line, printable, NFC."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    text = _UNPRINTABLE.sub("", _LINE_BREAKS.sub(" ", text))
    return unicodedata.normalize("NFC", " ".join(text.split()))


# --- Sentences --------------------------------------------------------------------------------

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
    """The sentences of `text`, in order; joined by spaces they are the text again."""
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


# --- The extract ------------------------------------------------------------------------------

MOST_SENTENCES = 40  # looked at; an abstract has about eight
EXTRACT_LENGTH = 350  # characters at most for two sentences: four lines of a mail on a phone


def _cues(*rows: tuple[float, str]) -> tuple[tuple[float, re.Pattern[str]], ...]:
    return tuple((weight, re.compile(pattern)) for weight, pattern in rows)


# What tells a sentence that says what was done, one that says what came of it, and one that says
# neither; matched against the sentence in lower case. Every row that matches counts once.
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
    # What leans on the sentence before it reads badly on its own.
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
    """How well a sentence carries the claim and how well the result.

    `place` runs from 0, the first sentence, to 1, the last: claims stand in the middle of an
    abstract, results towards its end.
    """
    sentence = sentence.lower()
    claim, result = _weight(sentence, _CLAIM), _weight(sentence, _RESULT)
    # A sentence may name the gap and the answer to it; with a claim in it, it is no background.
    background = _weight(sentence, _BACKGROUND) * (0.25 if claim >= 2.0 else 1.0)
    size = 2.0 * (len(sentence) < 40) + max(0, len(sentence) - 240) / 100
    common = _weight(sentence, _ASIDE) + background - size
    return claim + common + 0.25 * result - place, result + common - 0.25 * claim + place


@lru_cache(maxsize=4096)  # an edition's papers: the same few stand in very many mails
def extract_summary(abstract: str, limit: int = 2) -> str:
    """The one or two (`limit`) sentences of `abstract` that carry its point, whole and in order.

    The rule: every sentence is weighed twice, for how much it claims ("we propose") and how much
    it concludes ("outperforms", "we show", figures), by the tables above; background, links,
    availability notes, over-long sentences and ones that lean on the one before lose points.
    Chosen is the claim, counted double, with the result that follows it and, together with it,
    stays within EXTRACT_LENGTH; without a result worth its room the claim stands alone, however
    long. An abstract that is short enough comes back whole.
    """
    text = one_line(abstract)
    found = split_sentences(text)[:MOST_SENTENCES]
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


# --- Names and keys ---------------------------------------------------------------------------

_MARKS = re.compile("[\u0300-\u036f]")
_NO_WORD = re.compile("[^a-z0-9]+")
_AFFILIATION = re.compile(r"\([^()]*(?:\([^()]*\)[^()]*)*\)")


def truncate(text: str, most: int) -> str:
    """At most so many characters, the last an ellipsis where something is left out."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def short_authors(authors: Sequence[str], limit: int = 3) -> str:
    """ "A. One, B. Two, C. Three and 14 more"."""
    return join_names([name for name in map(one_line, authors) if name], limit)


def join_names(names: Sequence[str], most: int | None = None) -> str:
    """ "one, two and three"; beyond `most` of them "one, two and 14 more", but nobody is left out
    for the sake of "1 more"."""
    if most and len(names) > most + 1:
        more = number_format(len(names) - most, force_grouping=True)
        return _("%(names)s and %(more)s more") % {"names": ", ".join(names[:most]), "more": more}
    if len(names) < 2:
        return "".join(names)
    return _("%(names)s and %(last)s") % {"names": ", ".join(names[:-1]), "last": names[-1]}


def _folded(text: str) -> str:
    """`text` without case and accents, a space for all but letters, digits and other marks."""
    if text.isascii():
        return _NO_WORD.sub(" ", text.lower())
    text = _MARKS.sub("", unicodedata.normalize("NFKD", text)).casefold().translate(LETTERS)
    return "".join(sign if unicodedata.category(sign)[0] in "LNM" else " " for sign in text)


def title_key(title: str) -> str:
    """What two spellings of one title share: letters and digits, without case, accent or TeX."""
    text = readable_text(title)
    return "".join(_folded(text).split()) or one_line(text)


def name_key(name: str) -> str:
    """What two spellings of one author's name share: its words, folded and sorted.

    "Müller, J. K.", "J.K. Muller" and "J K Müller (MIT)" are one; an initial and the full first
    name are two, since too many people share a surname and an initial.
    """
    return " ".join(sorted(_folded(_AFFILIATION.sub(" ", readable_text(name))).split()))
