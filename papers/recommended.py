"""Recommended sources, and adding sources by address or by name.

The numbers of papers per day are estimates for a working day, including cross-lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from papers.feeds import kinds
from papers.feeds.addresses import ARXIV_LIST, HF_DAILY
from papers.metadata import categories
from papers.models import Source

STARTERS = ("hf-daily", "cs.AI", "cs.CL", "cs.CV", "cs.LG")


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A recommended source. `name` identifies it on the command line."""

    group: str
    name: str
    label: str
    subject: str
    papers_per_day: int
    kind: str
    address: str

    @property
    def is_starter(self) -> bool:
        return self.name in STARTERS


class UnknownName(ValueError):
    """No recommended source has this name. The message suggests similar names."""


def _arxiv(code: str, papers_per_day: int) -> Recommendation:
    subject = categories.NAMES[code]
    address = ARXIV_LIST + code
    label = f"arXiv {code}"
    return Recommendation(
        "arXiv", code, label, subject, papers_per_day, kinds.ARXIV_RSS.name, address
    )


def _preprints(server: str, subject: str, papers_per_day: int) -> Recommendation:
    words = subject.replace("_", " ")
    name = f"{server.lower()}-{subject.replace('_', '-')}"
    address = f"https://connect.{server.lower()}.org/{server.lower()}_xml.php?subject={subject}"
    label = f"{server}: {words}"
    return Recommendation(server, name, label, words, papers_per_day, kinds.FEED.name, address)


def _journal(
    name: str, label: str, subject: str, papers_per_day: int, address: str
) -> Recommendation:
    return Recommendation(
        "Journals", name, label, subject, papers_per_day, kinds.FEED.name, address
    )


RECOMMENDED: tuple[Recommendation, ...] = (
    Recommendation(
        group="Community",
        name="hf-daily",
        label="Hugging Face Daily Papers",
        subject="AI papers that people vote for and discuss",
        papers_per_day=40,
        kind=kinds.HF_DAILY.name,
        address=HF_DAILY,
    ),
    _arxiv("cs.AI", 400),
    _arxiv("cs.CL", 180),
    _arxiv("cs.CV", 220),
    _arxiv("cs.LG", 350),
    _arxiv("cs.RO", 100),
    _arxiv("cs.CR", 60),
    _arxiv("cs.SE", 70),
    _arxiv("cs.HC", 50),
    _arxiv("cs.IR", 40),
    _arxiv("cs.MA", 40),
    _arxiv("cs.CY", 40),
    _arxiv("cs.DC", 30),
    _arxiv("cs.DS", 30),
    _arxiv("cs.GR", 20),
    _arxiv("cs.NE", 20),
    _arxiv("cs.SD", 30),
    _arxiv("eess.AS", 30),
    _arxiv("eess.IV", 30),
    _arxiv("eess.SP", 50),
    _arxiv("eess.SY", 50),
    _arxiv("stat.ML", 60),
    _arxiv("stat.ME", 40),
    _arxiv("math", 250),
    _arxiv("math.OC", 40),
    _arxiv("quant-ph", 100),
    _arxiv("physics", 150),
    _arxiv("cond-mat", 130),
    _arxiv("astro-ph", 110),
    _arxiv("hep-th", 60),
    _arxiv("hep-ph", 60),
    _arxiv("gr-qc", 60),
    _arxiv("q-bio", 30),
    _arxiv("q-fin", 15),
    _arxiv("econ", 20),
    _preprints("bioRxiv", "neuroscience", 25),
    _preprints("bioRxiv", "bioinformatics", 15),
    _preprints("bioRxiv", "cell_biology", 12),
    _preprints("bioRxiv", "microbiology", 12),
    _preprints("bioRxiv", "genomics", 9),
    _preprints("bioRxiv", "evolutionary_biology", 9),
    _preprints("bioRxiv", "immunology", 9),
    _preprints("bioRxiv", "cancer_biology", 9),
    _preprints("bioRxiv", "ecology", 8),
    _preprints("bioRxiv", "biophysics", 8),
    _preprints("bioRxiv", "systems_biology", 5),
    _preprints("bioRxiv", "synthetic_biology", 3),
    _preprints("medRxiv", "epidemiology", 8),
    _preprints("medRxiv", "infectious_diseases", 8),
    _preprints("medRxiv", "public_and_global_health", 8),
    _preprints("medRxiv", "neurology", 6),
    _preprints("medRxiv", "health_informatics", 5),
    _preprints("medRxiv", "psychiatry_and_clinical_psychology", 5),
    _preprints("medRxiv", "genetic_and_genomic_medicine", 5),
    _preprints("medRxiv", "oncology", 4),
    _preprints("medRxiv", "cardiovascular_medicine", 4),
    _preprints("medRxiv", "radiology_and_imaging", 3),
    _journal("nature", "Nature", "all sciences", 10, "https://www.nature.com/nature.rss"),
    _journal(
        *("ncomms", "Nature Communications", "all sciences", 30),
        "https://www.nature.com/ncomms.rss",
    ),
    _journal(
        *("natmachintell", "Nature Machine Intelligence", "machine learning", 1),
        "https://www.nature.com/natmachintell.rss",
    ),
    _journal(
        *("natcomputsci", "Nature Computational Science", "computing in all sciences", 1),
        "https://www.nature.com/natcomputsci.rss",
    ),
    _journal(
        *("nmeth", "Nature Methods", "methods of the life sciences", 1),
        "https://www.nature.com/nmeth.rss",
    ),
    _journal("nm", "Nature Medicine", "medicine", 2, "https://www.nature.com/nm.rss"),
    _journal("neuro", "Nature Neuroscience", "neuroscience", 1, "https://www.nature.com/neuro.rss"),
    _journal("nphys", "Nature Physics", "physics", 1, "https://www.nature.com/nphys.rss"),
    _journal(
        *("ploscompbiol", "PLOS Computational Biology", "computational biology", 3),
        "https://journals.plos.org/ploscompbiol/feed/atom",
    ),
    _journal(
        *("plosbiology", "PLOS Biology", "biology", 3),
        "https://journals.plos.org/plosbiology/feed/atom",
    ),
    _journal("elife", "eLife", "life sciences", 6, "https://elifesciences.org/rss/recent.xml"),
    _journal(
        *("jmlr", "Journal of Machine Learning Research", "machine learning", 1),
        "https://www.jmlr.org/jmlr.xml",
    ),
)
BY_ADDRESS = {item.address: item for item in RECOMMENDED}


def recommended_sources(names: Iterable[str]) -> list[Recommendation]:
    """Return the recommended sources with these names; the starters if there are none."""
    by_name = {item.name.casefold(): item for item in RECOMMENDED}
    requested = [name.casefold() for name in names] or [name.casefold() for name in STARTERS]
    for name in requested:
        if name not in by_name:
            near = [by_name[match].name for match in get_close_matches(name, by_name, 3, 0.6)]
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise UnknownName(f"“{name}” isn't a recommended source.{hint}")
    return [by_name[name] for name in dict.fromkeys(requested)]


def add_source(address: str) -> tuple[Source, bool]:
    """Return the source with this address and whether it is new; a new one is due at once.

    A recommended source gets its label and kind.
    """
    recommendation = BY_ADDRESS.get(address)
    values = {"name": recommendation.label, "kind": recommendation.kind} if recommendation else {}
    return Source.objects.get_or_create(url=address, defaults=values)


def source_reading(address: str, sources: Sequence[Source]) -> Source | None:
    """Return the source that already covers this address, if any.

    An arXiv list that is fetched together with others in one request counts too.
    """
    requested = set(kinds.requested_categories(address))
    for source in sources:
        covered = set(kinds.requested_categories(source.url))
        if source.url == address or (requested and requested <= covered):
            return source
    return None
