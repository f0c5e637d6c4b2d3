"""Parse arXiv IDs and DOIs into their canonical form."""

import html
import re
from urllib.parse import unquote

# Before April 2007 an id began with its archive; some of these were merged into others since.
_ARCHIVES = (
    "acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg|comp-gas"
    "|cond-mat|cs|dg-ga|funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math-ph|math|mtrl-th|nlin"
    "|nucl-ex|nucl-th|patt-sol|physics|plasm-ph|q-alg|q-bio|quant-ph|solv-int|supr-con"
)
_MONTH = r"\d{2}(?:0[1-9]|1[0-2])"
_ID = (
    rf"(?P<id>{_MONTH}\.\d{{4,5}}"
    rf"|(?P<archive>{_ARCHIVES})(?:\.[A-Za-z-]{{2,12}})?/(?P<number>{_MONTH}\d{{3}}))"
    r"(?:v(?P<version>[1-9]\d{0,2}))?"
)
_ARXIV_ID = re.compile(rf"(?:oai:arXiv\.org:|arXiv:?\s*|abs/)?{_ID}(?:\.pdf)?", re.I)
# Pages about a paper put its id behind one of these path segments, on arXiv and elsewhere; people
# leave out the scheme.
_ARXIV_LINK = re.compile(
    r"(?:https?://)?[\w-]+(?:\.[\w-]+)+(?::\d{1,5})?/(?:[^?#\s]*/)?"
    r"(?:(?:abs|pdf|html|format|src|ps|e-print|papers?|p|arxiv|overview|audio|chat)/(?:arXiv:)?"
    rf"|arXiv:){_ID}(?:\.pdf)?(?:/[a-z-]{{0,20}})?/?(?:[?#]\S*)?",
    re.I,
)
# A link to arXiv inside another: of a search engine, an archive, a proxy.
_LINK_INSIDE = re.compile(rf"//(?:[\w-]+\.){{0,3}}arxiv\.org/(?:abs|pdf|html)/{_ID}(?!\d)", re.I)
_BIBCODE = re.compile(r"https?://\S+/\d{4}arXiv(\d{4})\.?(\d{4,5})[A-Z]\b\S*")  # of ADS
_ARXIV_DOI = re.compile(rf"10\.48550/arxiv\.{_ID}", re.I)
_AROUND = " \t\r\n<>()[]{}\"'“”‘’«»,;.:!?…"  # what a text puts around an id
_SPACED = re.compile(rf"\b(arXiv:)\s+(?={_MONTH}\.\d{{4}}|(?:{_ARCHIVES})[./])", re.I)

_DOI = re.compile(
    r"""(?: (?P<resolver> (?:https?://)? (?:www\.|dx\.)? doi\.org/ (?:doi:)? )
          | (?P<page> https?://[^\s/]+/ (?:[^\s?\#]*/)? doi/ (?:[a-z]{2,12}/){0,2} )
          | (?:info:|urn:)? doi [:/\s] \s* )?
        (?P<doi> 10\.\d{4,9}(?:\.\d+)*/\S{1,200})""",
    re.I | re.X,
)
MAX_DOI = 300  # characters; as wide as the column, which a test compares
_NEXT_DOI = re.compile(r"[,;]\s*10\.\d{4,9}/.*", re.S)


def parse_arxiv_id(text: str) -> tuple[str, int | None]:
    """Return ID and version from "2401.00001v2", an OAI identifier, a link or a DOI.

    Returns ("", None) for any other text. Old IDs lose their subject class:
    "math.GT/0309136" is "math/0309136".
    """
    text = text.strip(_AROUND)
    found = _ARXIV_ID.fullmatch(text) or _ARXIV_LINK.fullmatch(text)
    found = found or _ARXIV_DOI.fullmatch(_bare_doi(text))
    if not found and re.match(r"https?://\S+$", text, re.I):
        found = _LINK_INSIDE.search(unquote(text))
    if not found:
        bibcode = _BIBCODE.fullmatch(text)
        return (f"{bibcode[1]}.{bibcode[2]}" if bibcode else ""), None
    version = int(found["version"]) if found["version"] else None
    if found["archive"]:
        return f"{found['archive'].lower()}/{found['number']}", version
    return found["id"], version


def join_arxiv_ids(text: str) -> str:
    """Return the text with "arXiv: 2401.00001" joined to one word."""
    return _SPACED.sub(r"\1", text)


def parse_doi(text: str) -> str:
    """Return the first DOI of a field or link in lower case; "" if none, or if it is arXiv's.

    arXiv's own DOI only repeats the arXiv id, while the field is for the published version.
    """
    found = _bare_doi(text)
    return "" if _ARXIV_DOI.fullmatch(found) or len(found) > MAX_DOI else found


def _bare_doi(text: str) -> str:
    found = _DOI.match(html.unescape(unquote(text.strip())))
    if not found:
        return ""
    name = _NEXT_DOI.sub("", found["doi"])
    if found["page"]:
        name = re.split(r"[?#]|/(?:full|abstract|pdf|epdf|meta)$", name)[0]
    return name.rstrip(".,;").lower()


def abstract_url(arxiv: str) -> str:
    return f"https://arxiv.org/abs/{arxiv}" if arxiv else ""


def pdf_url(arxiv: str) -> str:
    return f"https://arxiv.org/pdf/{arxiv}" if arxiv else ""
