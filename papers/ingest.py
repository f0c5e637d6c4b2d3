"""Store parsed documents: one row per paper, regardless of how often it is announced.

A paper is identified by its arXiv ID, else its DOI, else its normalised title and first author.
Ingest never removes values: it fills blanks, replaces text only with newer text of the same or a
higher rank, and stores counts as observations over time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256

from django.db import connection, transaction

from papers import bulk, curation
from papers.feeds import Entry, ParsedDocument, kinds, parse_document
from papers.freshness import rules
from papers.models import Document, Observation, Paper, PaperUpdate, Source, Version
from papers.searching import indexing
from papers.text.identity import name_key, title_key

LOCK = 0x9A9E4B07  # arbitrary key of the advisory lock; documents are stored one at a time

TEXT = ("title", "title_raw", "abstract", "abstract_raw")
BLANKS = (
    "tldr",
    "journal_ref",
    "published_at",
    "abstract_url",
    "pdf_url",
    "code_url",
    "project_url",
    "thumbnail_url",
)
COUNTS = ("votes", "comments", "stars")
# One parameter for each kind of identity, however many entries; the planner joins three indexes.
SAME = """SELECT * FROM papers_paper
    WHERE arxiv_id = ANY(%s) OR doi = ANY(%s) OR title_key = ANY(%s) ORDER BY id"""
OWNED = (
    *TEXT,
    *BLANKS,
    *COUNTS,
    *("arxiv_id", "doi", "title_key", "version", "text_source", "authors", "categories"),
    *("announce_type", "updated_at", "listed_on", "featured_on", "withdrawn", "text_seen_at"),
)
"""The columns that ingest writes; the others are the curator's."""


@dataclass(slots=True)
class IngestResult:
    """The counts of one document's entries."""

    location: str
    entries: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    reasons: list[str] = field(default_factory=list)
    known: bool = False  # the very same bytes were stored before
    document: Document | None = None

    @property
    def refused(self) -> int:
        return len(self.reasons)

    def line(self) -> str:
        counts = (
            f"entries={self.entries} new={self.new} updated={self.updated} "
            f"unchanged={self.unchanged} refused={self.refused}"
        )
        return f"{self.location}: {counts}{' (seen before)' if self.known else ''}"


def ingest_document(
    data: bytes,
    location: str,
    now: datetime,
    kind: str | None = None,
    source: Source | None = None,
    day: date | None = None,
) -> IngestResult:
    """Parse and store one document; raise `papers.feeds.DocumentError` if it cannot be read.

    `day` is the day of the list, for documents that do not contain it, such as API answers.
    """
    return store_document(
        parse_document(data, kind), sha256(data).hexdigest(), location, now, source, day
    )


@transaction.atomic
def store_document(
    parsed: ParsedDocument,
    digest: str,
    location: str,
    now: datetime,
    source: Source | None = None,
    day: date | None = None,
) -> IngestResult:
    """Store all entries of a document, or none on an error."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    document, is_new = Document.objects.get_or_create(
        sha256=digest,
        defaults={
            "source": source,
            "kind": parsed.kind,
            "location": location[:2000],
            "title": parsed.title[:500],
            "first_seen_at": now,
            "published_at": parsed.published_at,
            "list_day": day or kinds.by_name(parsed.kind).list_day(parsed),
            "categories": _categories(parsed),
        },
    )
    result = IngestResult(
        location,
        entries=len(parsed.entries) + len(parsed.refused),
        reasons=[f"{refusal.where}: {refusal.reason}" for refusal in parsed.refused],
        known=not is_new,
        document=document,
    )
    _store_entries(parsed.entries, document, result)
    if is_new:
        _keep_counts(document, result)
    return result


def _categories(parsed: ParsedDocument) -> dict[str, tuple[int, str | None]]:
    counts = rules.count_categories((entry.categories, entry.listed_on) for entry in parsed.entries)
    return {
        name: (count, newest.isoformat() if newest else None)
        for name, (count, newest) in counts.items()
    }


def _keep_counts(document: Document, result: IngestResult) -> None:
    for name in ("entries", "new", "updated", "unchanged", "refused", "reasons"):
        setattr(document, name, getattr(result, name))
    document.save(update_fields=["entries", "new", "updated", "unchanged", "refused", "reasons"])


def _store_entries(entries: Sequence[Entry], document: Document, result: IngestResult) -> None:
    keys = [identity_by_title(entry.title, entry.authors) for entry in entries]
    known = KnownPapers.of(entries, keys)
    new: list[Paper] = []
    changed: dict[int, Paper] = {}
    touched: list[tuple[Paper, Entry]] = []
    observed = _observed(document)
    history = History(document.first_seen_at)
    for entry, key in zip(entries, keys, strict=True):
        paper = known.find(entry, key)
        if paper is None:
            paper = _new_paper(entry, key, document)
            known.take_doi(paper, entry.doi)
            known.add(paper)
            new.append(paper)
            result.new += 1
        else:
            before = Snapshot.of(paper)
            gained = known.take_doi(paper, entry.doi)
            if _merge(paper, entry, document, paper.pk not in observed) or gained:
                result.updated += 1
                if paper.pk:
                    changed[paper.pk] = paper
                    history.add(before, paper)
            else:
                result.unchanged += 1
        touched.append((paper, entry))
    bulk.insert(new)
    curation.hide_blocked(new)
    bulk.update(list(changed.values()), OWNED)
    indexing.index_papers([*new, *changed.values()])
    history.save()
    _observe(touched, document)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a paper before an entry changed it."""

    version: int | None
    title: str
    abstract: str
    code_url: str
    venue: str
    withdrawn: bool

    @classmethod
    def of(cls, paper: Paper) -> Snapshot:
        return cls(
            *(paper.version, paper.title, paper.abstract, paper.code_url),
            *(paper.venue, paper.withdrawn),
        )


@dataclass(slots=True)
class History:
    """Replaced versions and updates found in one document."""

    at: datetime
    versions: list[Version] = field(default_factory=list)
    updates: list[PaperUpdate] = field(default_factory=list)
    new_versions: dict[int, PaperUpdate] = field(default_factory=dict)

    def add(self, before: Snapshot, paper: Paper) -> None:
        if before.version and before.version < (paper.version or 0):
            self._add_new_version(paper)
            self.versions.append(
                Version(
                    paper=paper,
                    number=before.version,
                    title=before.title,
                    abstract=before.abstract,
                    replaced_at=self.at,
                )
            )
        kind = PaperUpdate.Kind
        if paper.code_url and not before.code_url:
            self._add_update(paper, kind.CODE, paper.code_url)
        if paper.venue and not before.venue:
            self._add_update(paper, kind.VENUE, paper.venue)
        if paper.withdrawn and not before.withdrawn:
            self._add_update(paper, kind.WITHDRAWN, "")

    def _add_update(self, paper: Paper, kind: str, detail: str) -> None:
        self.updates.append(PaperUpdate(paper=paper, kind=kind, at=self.at, detail=detail))

    def _add_new_version(self, paper: Paper) -> None:
        """Record a new version. arXiv gives a withdrawal a number too, but it has its own kind."""
        if not paper.withdrawn:
            kind, detail = PaperUpdate.Kind.VERSION, f"v{paper.version}"
            self.new_versions[paper.pk] = PaperUpdate(
                paper=paper, kind=kind, at=self.at, detail=detail
            )

    def save(self) -> None:
        """Store all rows. A paper has one row of each kind; that of versions is the newest."""
        Version.objects.bulk_create(self.versions, ignore_conflicts=True)
        PaperUpdate.objects.bulk_create(self.updates, ignore_conflicts=True)
        PaperUpdate.objects.bulk_create(
            self.new_versions.values(),
            update_conflicts=True,
            unique_fields=["paper", "kind"],
            update_fields=["at", "detail"],
        )


def _observed(document: Document) -> set[int]:
    """Return the papers with an observation from this document."""
    seen = Observation.objects.filter(kind=document.kind, observed_at=document.first_seen_at)
    return set(seen.values_list("paper_id", flat=True))


def _observe(touched: Sequence[tuple[Paper, Entry]], document: Document) -> None:
    rows = {
        paper.pk: Observation(
            paper=paper,
            kind=document.kind,
            observed_at=document.first_seen_at,
            votes=entry.votes,
            comments=entry.comments,
            stars=entry.stars,
        )
        for paper, entry in touched
        if any(getattr(entry, name) is not None for name in COUNTS)
    }
    Observation.objects.bulk_create(rows.values(), ignore_conflicts=True)


def identity_by_title(title: str, authors: Sequence[str]) -> str:
    """Return the key of normalised title and first author, if any."""
    return f"{title_key(title)}|{name_key(authors[0]) if authors else ''}"[:400]


class KnownPapers:
    """The stored papers that may match a document's entries, loaded in one query."""

    def __init__(self, papers: Iterable[Paper]) -> None:
        self.by_arxiv_id: dict[str, Paper] = {}
        self.by_doi: dict[str, Paper] = {}
        self.by_title: dict[str, Paper] = {}
        for paper in papers:
            self.add(paper)

    @classmethod
    def of(cls, entries: Sequence[Entry], keys: Sequence[str]) -> KnownPapers:
        """Load the papers for these entries; `keys` has the title key of each."""
        ids = [entry.arxiv_id for entry in entries if entry.arxiv_id]
        return cls(Paper.objects.raw(SAME, [ids, [e.doi for e in entries if e.doi], list(keys)]))

    def add(self, paper: Paper) -> None:
        if paper.arxiv_id:
            self.by_arxiv_id[paper.arxiv_id] = paper
        if paper.doi:
            self.by_doi[paper.doi] = paper
        self.by_title.setdefault(paper.title_key, paper)

    def find(self, entry: Entry, key: str) -> Paper | None:
        """Return the paper of an entry. Titles are compared only if the IDs do not differ."""
        by_id = self.by_arxiv_id.get(entry.arxiv_id) or self.by_doi.get(entry.doi)
        if by_id and not _differ(by_id, entry):
            return by_id
        by_title = self.by_title.get(key)
        if by_title is None or _differ(by_title, entry):
            return None
        nameless = key.endswith("|")
        return None if nameless and (by_title.arxiv_id or by_title.doi) else by_title

    def take_doi(self, paper: Paper, doi: str) -> bool:
        """Set a paper's DOI unless it has one or another paper has this DOI; return whether set."""
        if not doi or paper.doi or doi in self.by_doi:
            return False
        paper.doi = doi
        self.by_doi[doi] = paper
        return True


def _differ(paper: Paper, entry: Entry) -> bool:
    """Return whether the IDs show that these are two papers."""
    if paper.arxiv_id and entry.arxiv_id:
        return paper.arxiv_id != entry.arxiv_id
    return bool(paper.doi and entry.doi and paper.doi != entry.doi)


def _new_paper(entry: Entry, key: str, document: Document) -> Paper:
    seen = document.first_seen_at
    paper = Paper(
        arxiv_id=entry.arxiv_id or None,
        title_key=key,
        version=entry.version,
        text_source=document.kind,
        authors=list(entry.authors),
        categories=list(entry.categories),
        announce_type=entry.announce_type,
        updated_at=entry.updated_at,
        listed_on=entry.listed_on or entry.featured_on or document.list_day or seen.date(),
        featured_on=entry.featured_on,
        withdrawn=entry.withdrawn,
        first_seen_at=seen,
        text_seen_at=seen,
    )
    for name in (*TEXT, *BLANKS):
        setattr(paper, name, getattr(entry, name))
    for name in COUNTS:
        setattr(paper, name, getattr(entry, name) or 0)
    return paper


def _merge(paper: Paper, entry: Entry, document: Document, count: bool) -> bool:
    """Merge an entry into a stored paper; return whether a visible value changed."""
    before = {name: getattr(paper, name) for name in OWNED}
    if _is_newer_text(paper, entry, document):
        _take_text(paper, entry, document)
    for name in (*BLANKS, "authors", "categories", "abstract", "abstract_raw"):
        if not getattr(paper, name) and (value := getattr(entry, name)):
            setattr(paper, name, list(value) if isinstance(value, tuple) else value)
    paper.arxiv_id = paper.arxiv_id or entry.arxiv_id or None
    _take_days(paper, entry)
    if count:
        for name in COUNTS:
            if (value := getattr(entry, name)) is not None:
                setattr(paper, name, value)
    return any(before[name] != getattr(paper, name) for name in OWNED if name != "text_seen_at")


def _is_newer_text(paper: Paper, entry: Entry, document: Document) -> bool:
    """Return whether the entry's text replaces the paper's: by rank, version, then age."""
    rank, new_rank = (kinds.by_name(name).rank for name in (paper.text_source, document.kind))
    if new_rank != rank:
        return new_rank > rank
    if entry.version != paper.version:
        return (entry.version or 0) > (paper.version or 0)
    return document.first_seen_at > paper.text_seen_at


def _take_text(paper: Paper, entry: Entry, document: Document) -> None:
    for name in TEXT:
        setattr(paper, name, getattr(entry, name) or getattr(paper, name))
    paper.title_key = identity_by_title(entry.title, entry.authors)
    paper.authors = list(entry.authors) or paper.authors
    paper.categories = list(entry.categories) or paper.categories
    paper.version = max(entry.version or 0, paper.version or 0) or None
    paper.updated_at = entry.updated_at or paper.updated_at
    paper.withdrawn = entry.withdrawn
    paper.text_source, paper.text_seen_at = document.kind, document.first_seen_at


def _take_days(paper: Paper, entry: Entry) -> None:
    """Keep the first day in a list; revisions do not count."""
    is_revision = entry.announce_type.startswith("replace")
    if entry.listed_on and not is_revision:
        paper.listed_on = min(paper.listed_on, entry.listed_on)
    if entry.featured_on:
        paper.featured_on = min(paper.featured_on or entry.featured_on, entry.featured_on)
    if not paper.announce_type or (paper.announce_type.startswith("replace") and not is_revision):
        paper.announce_type = entry.announce_type or paper.announce_type
