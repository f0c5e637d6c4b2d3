"""Tell preprints, articles and conference papers apart, from facts that sources state. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

# Sources give a server's name in the place of a journal's.
_SERVERS = (
    *("arXiv", "bioRxiv", "medRxiv", "ChemRxiv", "PsyArXiv", "SocArXiv", "EarthArXiv"),
    *("EdArXiv", "TechRxiv", "engrXiv", "Research Square", "SSRN", "Preprints.org", "OpenReview"),
)
_SERVER = re.compile(rf"(?:{'|'.join(map(re.escape, _SERVERS))})\b", re.I)
_SERVER_NAMES = {name.lower(): name for name in _SERVERS}
# The prefix 10.1101 is shared with journals, whose DOIs have letters after the slash.
_SERVER_DOIS = (
    (re.compile(r"10\.48550/"), "arXiv"),
    (re.compile(r"10\.(?:1101|64898)/\d"), "bioRxiv"),
    (re.compile(r"10\.26434/"), "ChemRxiv"),
    (re.compile(r"10\.31234/"), "PsyArXiv"),
    (re.compile(r"10\.31235/"), "SocArXiv"),
    (re.compile(r"10\.31223/"), "EarthArXiv"),
    (re.compile(r"10\.36227/"), "TechRxiv"),
    (re.compile(r"10\.21203/"), "Research Square"),
    (re.compile(r"10\.2139/"), "SSRN"),
    (re.compile(r"10\.20944/"), "Preprints.org"),
)
_CONFERENCE = re.compile(
    r"\b(?i:(?:in)?proceedings|proc\.?|conf(?:erence)?|symposium|workshops?)(?![\w-])"
    r"|\b(?:NeurIPS|NIPS|ICML|ICLR|CVPR|ICCV|ECCV|WACV|BMVC|EMNLP|NAACL|EACL|AACL|ACL|COLING"
    r"|AAAI|IJCAI|KDD|SIGIR|WWW|CIKM|WSDM|RecSys|ICRA|IROS|CoRL|RSS|INTERSPEECH|ICASSP|AISTATS"
    r"|UAI|COLT|STOC|FOCS|SODA|ICSE|FSE|ASE|ISSTA|CHI|UIST|SIGGRAPH|MICCAI|USENIX|NDSS)\b"
)
# Journals whose names have such a word: "Proc. Natl. Acad. Sci.", "Proceedings of the IEEE".
_JOURNAL_PROCEEDINGS = re.compile(
    r"proc(?:eedings|\.)?\s*(?:of\s+)?(?:the\s+)?"
    r"(?:nat(?:iona)?l\b|royal\b|r\.\s*soc|roy\.|ieee(?!\s+\w)|london\b|lond\.|amer|vldb|acm\b)",
    re.I,
)
_YEAR = re.compile(r"(?<![\d.:/-])((?:19|20)\d\d)(?![\d:/-])")
_YEAR_IN_BRACKETS = re.compile(r"\(\s*(?:[A-Za-z]{3,9}\.?\s+)?((?:19|20)\d\d)\s*\)")


class Kind(StrEnum):
    """The kind of a publication."""

    PREPRINT = "preprint"
    ARTICLE = "article"
    CONFERENCE = "conference"
    OTHER = "other"


def preprint_server(journal: str, doi: str, arxiv_id: str) -> str:
    """Return the server of a preprint, or ""."""
    if named := _SERVER.match(journal):
        return _SERVER_NAMES[named[0].lower()]
    if journal:
        return ""
    by_doi = (name for pattern, name in _SERVER_DOIS if pattern.match(doi))
    return "arXiv" if arxiv_id else next(by_doi, "")


def publication_kind(journal: str, doi: str, arxiv_id: str) -> Kind:
    """Return the kind of a paper. Only a journal reference makes it a published paper.

    A paper with a DOI and without a journal is a preprint if it is on a preprint server: its DOI
    says that it was published, but not where.
    """
    if preprint_server(journal, doi, arxiv_id):
        return Kind.PREPRINT
    if not journal:
        return Kind.OTHER
    is_conference = _CONFERENCE.search(journal) and not _JOURNAL_PROCEEDINGS.match(journal)
    return Kind.CONFERENCE if is_conference else Kind.ARTICLE


def publication_year(journal: str) -> int:
    """Return the year that a journal reference states, or 0 if it states none or several."""
    years = set(_YEAR_IN_BRACKETS.findall(journal)) or set(_YEAR.findall(journal))
    return int(years.pop()) if len(years) == 1 else 0
