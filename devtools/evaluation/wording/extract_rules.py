"""Rules for extracts, independent of how they are made. Pure.

The rules look at an extract beside its abstract, as a reader does who knows only the title.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from papers.text.markup import one_line

DANGLING, NOT_DONE, NO_OUTCOME, CUT = "dangling", "not what was done", "no outcome", "cut"

# --- References ---------------------------------------------------------------------------------

# "This paper" and similar words name the paper itself, so nothing before them is needed.
_ITSELF = (
    r"(?:(?:survey|position|review|short|system|white|tutorial|technical|demo|research) )?"
    r"(?:paper|work|article|study|survey|thesis|report|review|manuscript|tutorial|chapter|letter|"
    r"note|dissertation|contribution|essay|research|perspective|submission|document|project|"
    r"position|case)\b"
)
_POINTING = re.compile(
    rf"^(?:(?:this|these|those|that)\b(?! {_ITSELF})"
    rf"(?! (?:is|are) (?:the|a) (?:first )?{_ITSELF})"
    r"|it (?!is (?:well |widely |now |also |often |not |unclear|known|important|possible))"
    r"|(?:they|its|their|such|both(?! \w+ and\b)|here|there(?:by|fore)|the (?:former|latter)|"
    r"as such|as a result|thus|hence|then|consequently|in (?:this|these|such|those|that) (?!"
    rf"{_ITSELF})"
    r"(?:case|setting|way|manner|context|regard|direction|end)|by doing so|in doing so|to do so|"
    r"to (?:this|that) end|moreover|furthermore|in addition|additionally|besides|likewise|"
    r"similarly|specifically|in particular|concretely|for (?:example|instance)|however|"
    r"nevertheless|nonetheless|instead(?! of)|in contrast(?! to)|conversely|"
    r"on the other hand|second(?:ly)?,|"
    r"third(?:ly)?,|also,|finally,|next,|later,|afterwards|subsequently|accordingly|"
    r"with (?:this|these)|based on (?:this|these|that)|building on (?:this|these)|"
    r"using (?:this|these)|through (?:this|these)|from (?:this|these)|"
    r"(?:inspired|motivated|driven|guided) by (?:this|these)|in light of (?:this|these)|"
    r"in response(?! to an?\b| to the)\b|following (?:this|these)|given (?:this|these)|"
    r"despite (?:this|these)|"
    r"(?:to|for) (?:\w+ ){0,3}(?:this|these|those|such)\b)\b)",
    re.I,
)
# A sentence of this kind says that something is described, not what it is about.
_EMPTY = re.compile(
    r"^(?:we|this \w+|the paper) (?:also |further |then |finally |conclude by |briefly )*"
    r"(?:describ\w+|discuss\w*|outlin\w+|present\w*|provid\w+|highlight\w*|identif\w+|offer\w*) "
    r"(?:(?:several|some|various|possible|potential|key|many|a number of|our|the|important|"
    r"practical|these|such|future|open) )*"
    r"(?:mitigations?|results|findings|implications|directions|challenges|limitations|insights|"
    r"recommendations|lessons|examples|applications|details|strategies|issues|questions)"
    r"(?: that \w+ \w+| and \w+)?\.$",
    re.I,
)
# In the first sentence: “We study this from …”, “We also introduce …”.
_WITHIN = re.compile(
    r"\b(?:this|these|those)(?: (?:from|as|in|by|to|using|with|through|via|and|is|are|for)\b|[.,;])"
    r"|\bwe (?:also|further|additionally) ",
    re.I,
)
_EXPERIMENT = re.compile(
    r"^(?:(?:extensive|comprehensive|experimental|empirical|numerical|simulation|quantitative|"
    r"qualitative|ablation|further|our|the|these|and) )*"
    r"(?:experiments?|results?|evaluations?|simulations?|findings|ablations?)\b",
    re.I,
)
# Words of a second sentence that need the one just before it, even if both are in the extract.
_NEEDS_NEIGHBOUR = re.compile(
    r"^(?:(?:this|these|those|such)\b"
    rf"(?! {_ITSELF})|(?:it(?! (?:is|was) (?:shown|found))|they|its|their|both(?! \w+ and\b)|"
    r"the (?:former|latter))\b)",
    re.I,
)

# --- Content ------------------------------------------------------------------------------------

_WE = r"\b(?:we|our|this|paper|work|study|article|survey|report|thesis|authors|here|i)\b"
_DID = re.compile(
    rf"{_WE}.{{0,80}}?\b(?:propos|introduc|present|develop|design|stud[iy]|investigat|examin|"
    r"explor|analy[sz]|evaluat|compar|review|survey|show|demonstrat|find|found|prov[ei]|argu|"
    r"describ|build|built|creat|construct|conduct|train|appl|use[sd]?\b|using|formulat|deriv|"
    r"establish|address|tackl|report|releas|offer|extend|adapt|combin|leverag|measur|test|ask|"
    r"benchmark|assess|learn|optimi|improv|identif|revisit|rethink|reframe|reformulat|unif|"
    r"characteri|quantif|reveal|provid|aim|focus|seek|enabl|allow|estimat|predict|generat|"
    r"integrat|employ|implement|suggest|contribut|advocat|treat|tak|perform|fine-tun|augment|"
    r"model|cast|replac|view|observ|consider|discuss|solv|simulat|collect|curat|synthesi|"
    r"explain|give[sn]?|outlin|trac|map|replicat|reproduc|outperform|achiev|attain|detail|"
    r"discover|uncover|highlight|scale|validat|verif|illustrat|open-sourc|outlin|publish|"
    r"systemati[sz]|formali[sz]|operationali[sz]|bridg|delv)",
    re.I | re.S,
)
# "FooNet is a framework that", "FooBench, a benchmark of", "is proposed", "has been developed".
_NAMED = re.compile(
    r"\b(?:is|are|was|were|has been|have been) (?:then |also |first |further )?(?:propos|introduc|"
    r"present|develop|design|stud|investigat|examin|analy[sz]|evaluat|compar|review|describ|"
    r"construct|train|appl|used|formulat|deriv|built|creat|conduct|assess|tested|obtain)\w*"
    r"|\b(?:[Tt]he|[Oo]ur) (?:proposed|present|new|resulting)\b"
    r"|[A-Z]\w*[A-Z\d][\w-]*,? (?:is |are )?(?:an?|the)(?: \S+){1,8} (?:that|which|for|to|of|"
    r"designed|built|with)\b"
    r"|[A-Z]\w*[A-Z\d][\w-]*(?: \([^)]*\))? (?:\w+ly )?[a-z]{3,}s\b",
)
_CAME_OF_IT = re.compile(
    r"\d(?:[\d.,]*)? ?(?:%|\\%|x\b|×|percent|points|pp\b|fold|times|dB|fps|ms\b|hours|tokens|"
    r"samples|examples|images|papers|models|datasets|tasks|languages|participants|hz\b)"
    r"|\b(?:outperform|surpass|exceed|beat|improv|achiev|attain|reach|reduc|increas|decreas|boost|"
    r"yield|gain|enabl|allow|show|demonstrat|reveal|find|found|indicat|suggest|confirm|prov[ei]|"
    r"establish|uncover|observ|conclud|discover|identif|result|match|lower|higher|better|worse|"
    r"best|faster|fewer|effective|superior|competitive|comparable|state-of-the-art|sota|robust|"
    r"accura|first\b|generali[sz]|preserv|maintain|guarantee|convergen|fails?\b|degrad|drop|"
    r"remain|efficien|outcome|strong|significant|support|provid|lead|help|mitigat|eliminat|"
    r"cut|accelerat|speed|scal|capable|can\b|offer|ensur|argue|highlight|validat|correlat|"
    r"consistent)",
    re.I,
)
_ABBREVIATED = re.compile(r"(?:\b(?:e\.g|i\.e|et al|vs|cf|fig|eq|no|resp|approx|dr|st))\.$", re.I)
_END = re.compile(r"[.!?…][\"'”’)\]»}$]*$")
_BEGINNING = re.compile(r"^[\"'“‘(\[«$\\]*(?:[A-Z0-9À-ÞΑ-Ω$\\]|[a-zα-ω]{1,10}[A-Z0-9-])")


def broken_rules(extract: str, sentences: Sequence[str], abstract: str) -> list[str]:
    """Return the rules that an extract of these sentences breaks.

    An outcome is demanded only where the abstract states one.
    """
    checks = {
        DANGLING: is_dangling(sentences, abstract),
        NOT_DONE: not any(map(states_work, sentences)),
        NO_OUTCOME: not _CAME_OF_IT.search(extract) and bool(_CAME_OF_IT.search(abstract)),
        CUT: not is_whole(extract, sentences, abstract),
    }
    return [name for name, is_broken in checks.items() if is_broken]


def states_work(sentence: str) -> bool:
    """Return whether a sentence says what was done, apart from experiments."""
    return not _EXPERIMENT.match(sentence) and bool(
        _DID.search(sentence) or _NAMED.search(sentence)
    )


def is_dangling(sentences: Sequence[str], abstract: str) -> bool:
    """Return whether a sentence refers to something that the extract leaves out."""
    text = one_line(abstract)
    for place, sentence in enumerate(sentences):
        if _EMPTY.match(sentence):
            return True
        is_opening = text.startswith(sentence)
        if (
            place == 0
            and not is_opening
            and (_POINTING.match(sentence) or _WITHIN.search(sentence))
        ):
            return True
        if place and _NEEDS_NEIGHBOUR.match(sentence):
            start = text.find(sentence)
            before = text[:start].rstrip()
            if not before.endswith(sentences[place - 1][-30:]):
                return True
    return False


def is_whole(extract: str, sentences: Sequence[str], abstract: str) -> bool:
    """Return whether the extract consists of whole sentences of the abstract.

    A sentence may lack words at its start, up to a comma and one more word, and a list at its end.
    """
    text = one_line(abstract)
    if " ".join(sentences) != one_line(extract):
        return False
    return all(_is_sentence_of(sentence, text) for sentence in sentences)


def _is_sentence_of(sentence: str, text: str) -> bool:
    if f"{sentence[1:-1]}: " in text:  # a list that follows may be missing
        sentence = f"{sentence[:-1]}:"
    start = text.find(sentence[1:]) - 1  # its first letter may differ
    if start < 0 or text[start].lower() != sentence[0].lower():
        return False
    if not re.search(r"(?:^|[.!?…:][\"'”’)\]»}$]* )$", text[:start]):
        dropped = re.split(r"[.!?:] ", text[:start].rstrip())[-1]
        if len(dropped.rpartition(",")[2].split()) > 1:
            return False
    end = start + len(sentence)
    is_last = end == len(text)
    ends = bool(_END.search(sentence.replace(":", "."))) and not _ABBREVIATED.search(sentence)
    follows = is_last or text[end] == " "
    return (
        bool(_BEGINNING.match(sentence)) and (ends or is_last) and follows and _balanced(sentence)
    )


def _balanced(sentence: str) -> bool:
    # Half-open intervals such as (0, 1] have one of each.
    opened, closed = (sum(map(sentence.count, signs)) for signs in ("([", ")]"))
    listed = len(re.findall(r"(?:^|[\s;,])[\w]{1,3}\)", sentence))  # 1) and a) of a list
    return opened == closed or closed - opened == listed
