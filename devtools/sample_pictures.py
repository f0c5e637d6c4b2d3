"""Store the pictures of the sample papers without a network."""

from __future__ import annotations

from datetime import datetime

from devtools import sample
from papers.models import Paper, Thumbnail


def store_pictures(now: datetime) -> int:
    """Store the pictures of sample papers that have none yet; return their number."""
    pictures = sample.pictures()
    papers = Paper.objects.filter(arxiv_id__in=pictures, thumbnail=None)
    rows = [
        Thumbnail(
            paper=paper,
            media_type="image/png",
            body=pictures[paper.arxiv_id or ""].read_bytes(),
            fetched_at=now,
        )
        for paper in papers.only("arxiv_id")
    ]
    return len(Thumbnail.objects.bulk_create(rows))
