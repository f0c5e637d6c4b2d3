"""Updates on papers from earlier digests: code, publication, withdrawal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from papers.models import Paper, PaperUpdate
from papers.text.shortening import truncate

MAX_AGE = timedelta(days=8)  # covers the week of a weekly digest
MAX_UPDATES = 3  # in one digest
MAX_TITLE_LENGTH = 80

UpdatesByPaper = Mapping[int, list[PaperUpdate]]


def updates_since(at: datetime) -> UpdatesByPaper:
    """Return the updates of the last `MAX_AGE`, by paper, newest first."""
    updates: dict[int, list[PaperUpdate]] = defaultdict(list)
    recent = PaperUpdate.objects.filter(at__gt=at - MAX_AGE, at__lte=at, paper__hidden=False)
    for update in recent.select_related("paper").order_by("-at"):
        updates[update.paper_id].append(update)
    return updates


def describe_updates(
    updates: UpdatesByPaper, papers: Iterable[int], after: datetime | None
) -> list[str]:
    """Return sentences on the updates of these papers after a moment, newest first."""
    of_papers = [update for pk in papers if pk in updates for update in updates[pk]]
    new = [update for update in of_papers if after is None or update.at > after]
    new.sort(key=lambda update: update.at, reverse=True)
    return [describe_update(update.paper, update) for update in new[:MAX_UPDATES]]


def describe_update(paper: Paper, update: PaperUpdate) -> str:
    """Return a sentence: "A paper we sent you, “A title”, now has code: https://…"."""
    values = {
        "title": truncate(paper.title, MAX_TITLE_LENGTH),
        "what": update.get_kind_display(),
        "detail": update.detail,
    }
    if update.detail:
        return _("A paper we sent you, “%(title)s”, %(what)s: %(detail)s") % values
    return _("A paper we sent you, “%(title)s”, %(what)s.") % values
