"""Papers, their sources, and how popular they are. Independent of readers."""

from papers.models.community import Block, Merge, Report, Submission, Vote
from papers.models.derived import (
    PaperVector,
    SearchEntry,
    SearchWord,
    StoredForecast,
    StoredLexicon,
)
from papers.models.papers import (
    Observation,
    Paper,
    PaperQuerySet,
    PaperUpdate,
    Thumbnail,
    Version,
    Window,
)
from papers.models.sources import MAX_WAIT, Document, Source, SourceCheck, SourceQuerySet

__all__ = [
    "MAX_WAIT",
    "Block",
    "Document",
    "Merge",
    "Observation",
    "Paper",
    "PaperQuerySet",
    "PaperUpdate",
    "PaperVector",
    "Report",
    "SearchEntry",
    "SearchWord",
    "Source",
    "SourceCheck",
    "SourceQuerySet",
    "StoredForecast",
    "StoredLexicon",
    "Submission",
    "Thumbnail",
    "Version",
    "Vote",
    "Window",
]
