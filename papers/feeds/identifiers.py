"""arXiv ids and DOIs, in the one form they are stored in."""

import re
from urllib.parse import unquote

_ID = (
    r"(?P<id>\d{2}(?:0[1-9]|1[0-2])\.\d{4,5}"
    r"|(?P<archive>[a-z]{2,8}(?:-[a-z]{2,4})?)(?:\.[A-Za-z-]{2,12})?/(?P<number>\d{7}))"
    r"(?:v(?P<version>[1-9]\d{0,2}))?"
)
_ARXIV_ID = re.compile(rf"(?:oai:arXiv\.org:|arXiv:)?{_ID}", re.I)
# Pages about a paper put its id behind one of these path segments, on arXiv and elsewhere.
_ARXIV_LINK = re.compile(
    rf"https?://[^/\s]+/(?:[^?#\s]*/)?(?:abs|pdf|html|e-print|papers?|p|arxiv)/{_ID}"
    r"(?:\.pdf)?/?(?:[?#]\S*)?",
    re.I,
)
_ARXIV_DOI = re.compile(rf"10\.48550/arxiv\.{_ID}", re.I)
_DOI = re.compile(
    r"(?:(?:https?://)?(?:dx\.)?doi\.org/|doi:\s*)?(10\.\d{4,9}(?:\.\d+)*/\S{1,200})", re.I
)
_NEXT_DOI = re.compile(r"[,;]\s*10\.\d{4,9}/.*", re.S)


def arxiv_id(text: str) -> tuple[str, int | None]:
    """Id without version, and the version, from "2401.00001v2", an OAI id, a link or a DOI.

    ("", None) if the text is none of these. Old ids lose their subject class:
    "math.GT/0309136" is "math/0309136".
    """
    text = text.strip()
    found = _ARXIV_ID.fullmatch(text) or _ARXIV_LINK.fullmatch(text)
    found = found or _ARXIV_DOI.fullmatch(_bare_doi(text))
    if not found:
        return "", None
    version = int(found["version"]) if found["version"] else None
    if found["archive"]:
        return f"{found['archive'].lower()}/{found['number']}", version
    return found["id"], version


def doi(text: str) -> str:
    """The first DOI of a field or link, lower case; "" if there is none, or it is arXiv's own.

    arXiv's own DOI only repeats the arXiv id, while the field is for the published version.
    """
    found = _bare_doi(text)
    return "" if _ARXIV_DOI.fullmatch(found) else found


def _bare_doi(text: str) -> str:
    found = _DOI.match(unquote(text.strip()))
    return _NEXT_DOI.sub("", found[1]).rstrip(".,;").lower() if found else ""


def abstract_url(arxiv: str) -> str:
    return f"https://arxiv.org/abs/{arxiv}" if arxiv else ""


def pdf_url(arxiv: str) -> str:
    return f"https://arxiv.org/pdf/{arxiv}" if arxiv else ""
