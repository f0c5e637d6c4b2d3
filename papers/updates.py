"""What became of papers that readers were told of: code, a venue, a withdrawal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from papers.models import Paper, PaperUpdate
from papers.text.markup import truncate

REACH = timedelta(days=8)  # a weekly digest tells of a week
MOST = 3  # in one digest
TITLE_LENGTH = 80

ByPaper = Mapping[int, list[PaperUpdate]]


def updates_since(at: datetime) -> ByPaper:
    """All developments of the last days, by paper, for a chunk of readers to pick from."""
    found: dict[int, list[PaperUpdate]] = defaultdict(list)
    recent = PaperUpdate.objects.filter(at__gt=at - REACH, at__lte=at, paper__hidden=False)
    for development in recent.select_related("paper").order_by("-at"):
        found[development.paper_id].append(development)
    return found


def describe_updates(found: ByPaper, papers: Iterable[int], after: datetime | None) -> list[str]:
    """Sentences on these papers, newest first, of what came after a moment."""
    mine = [one for pk in papers if pk in found for one in found[pk]]
    new = [one for one in mine if after is None or one.at > after]
    new.sort(key=lambda one: one.at, reverse=True)
    return [sentence(one.paper, one) for one in new[:MOST]]


def sentence(paper: Paper, development: PaperUpdate) -> str:
    """ "“A title” has code now: https://..."."""
    told = {
        "title": truncate(paper.title, TITLE_LENGTH),
        "what": development.get_kind_display(),
        "detail": development.detail,
    }
    if development.detail:
        return _("You got “%(title)s” from us: it %(what)s: %(detail)s") % told
    return _("You got “%(title)s” from us: it %(what)s.") % told
