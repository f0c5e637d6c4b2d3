"""Updates on papers that a reader was sent or keeps: code, publication, version, withdrawal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from papers.models import PaperUpdate
from papers.text.shortening import truncate

MAX_AGE = timedelta(days=8)  # covers the week of a weekly digest
MAX_UPDATES = 3  # in one digest
MAX_TITLE_LENGTH = 80

UpdatesByPaper = Mapping[int, list[PaperUpdate]]
Kind = PaperUpdate.Kind


def updates_since(at: datetime) -> UpdatesByPaper:
    """Return the updates of the last `MAX_AGE`, by paper, newest first.

    New versions are left out: half of all papers get one, so they are news of kept papers only.
    """
    updates: dict[int, list[PaperUpdate]] = defaultdict(list)
    recent = PaperUpdate.objects.filter(at__gt=at - MAX_AGE, at__lte=at, paper__hidden=False)
    told = recent.exclude(kind=Kind.VERSION)
    for update in told.select_related("paper").order_by("-at"):
        updates[update.paper_id].append(update)
    return updates


def describe_updates(
    updates: UpdatesByPaper,
    papers: Iterable[int],
    after: datetime | None,
    kept: Iterable[PaperUpdate] = (),
) -> list[str]:
    """Return sentences on the updates of these papers after a moment, newest first.

    `kept` are updates of other papers, which the reader keeps. They come first, and their
    withdrawals before all others; no withdrawal among them is left out.
    """
    of_kept = sorted(_newest(kept, after), key=lambda update: update.kind != Kind.WITHDRAWN)
    of_sent = _newest([one for pk in papers if pk in updates for one in updates[pk]], after)
    withdrawals = sum(update.kind == Kind.WITHDRAWN for update in of_kept)
    sentences = [describe_update(update, is_kept=True) for update in of_kept]
    sentences += [describe_update(update) for update in of_sent[:MAX_UPDATES]]
    return sentences[: max(MAX_UPDATES, withdrawals)]


def _newest(updates: Iterable[PaperUpdate], after: datetime | None) -> list[PaperUpdate]:
    """Return the updates after a moment, newest first."""
    new = [update for update in updates if after is None or update.at > after]
    return sorted(new, key=lambda update: update.at, reverse=True)


def describe_update(update: PaperUpdate, *, is_kept: bool = False) -> str:
    """Return a sentence: "A paper you kept, “A title”, now has code: https://…"."""
    values = {
        "title": truncate(update.paper.title, MAX_TITLE_LENGTH),
        "what": update.get_kind_display(),
        "detail": update.detail,
    }
    if is_kept and update.detail:
        return _("A paper you kept, “%(title)s”, %(what)s: %(detail)s") % values
    if is_kept:
        return _("A paper you kept, “%(title)s”, %(what)s.") % values
    if update.detail:
        return _("A paper we sent you, “%(title)s”, %(what)s: %(detail)s") % values
    return _("A paper we sent you, “%(title)s”, %(what)s.") % values
