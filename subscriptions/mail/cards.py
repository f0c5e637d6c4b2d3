"""Papers as readers are shown them: cards, made once and kept while the papers' rows stay as they
are."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import TextField
from django.db.models.expressions import RawSQL
from django.dispatch import receiver
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.autoreload import file_changed
from django.utils.translation import gettext as _

from papers.bulk import any_of
from papers.models import Paper
from papers.ranking.trending import describe_parts, popularity_reasons
from papers.text.shortening import short_authors, truncate
from papers.text.summary import extract_summary
from subscriptions.mail.links import absolute
from subscriptions.mail.prerendered import PrerenderedTemplate, slot
from subscriptions.matching.selection import SECTIONS
from subscriptions.models import Reaction
from web.language import active_language

KEPT = 3_000  # papers; two days' editions that overlap around the world
TITLE_LENGTH, AUTHORS_LENGTH, EXTRACT_LENGTH = 240, 200, 550  # characters, in mails
BRIEF_AUTHORS_LENGTH, BRIEF_EXTRACT_LENGTH = 120, 240
FRESH = 10.0  # seconds; a paper that a curator hides is in no mail made later than this
# Where a row stands and who wrote it: PostgreSQL knows this of every row, and it changes with each
# update.
ROW = RawSQL("papers_paper.xmin::text || papers_paper.ctid::text", (), TextField())


class Card:
    """What is on a paper's card whoever looks at it, and its stencils for mails."""

    def __init__(self, paper: Paper, row: str = "") -> None:
        self.paper, self.row = paper, row
        self._stencils: dict[tuple[str, str, bool, bool, bool, str], PrerenderedTemplate] = {}
        self._spoken: dict[str, dict[str, Any]] = {}
        self._mailed: dict[str, dict[str, Any]] = {}

    @property
    def same_for_all(self) -> dict[str, Any]:
        """In the language of the moment."""
        return self._said(active_language())

    def _said(self, language: str) -> dict[str, Any]:
        if language not in self._spoken:
            self._spoken[language] = self._for_all()
        return self._spoken[language]

    def _for_all(self) -> dict[str, Any]:
        paper = self.paper
        return {
            "paper": paper,
            "trend": describe_parts(paper.score_parts),
            "popularity_reasons": popularity_reasons(paper.score_parts),
            "authors": short_authors(paper.authors),
            "extract": extract_summary(paper.abstract),
            "url": paper.abstract_url or absolute(paper.get_absolute_url()),
            "links": _links(paper),
        }

    def _in_mails(self, language: str) -> dict[str, Any]:
        """What mails show of it; cut where titles, names or abstracts have no end."""
        if language not in self._mailed:
            self._mailed[language] = self._shortened(self._said(language))
        return self._mailed[language]

    def _shortened(self, known: Mapping[str, Any]) -> dict[str, Any]:
        said = self.paper.tldr or known["extract"]
        return {
            **known,
            "title": truncate(self.paper.title, TITLE_LENGTH),
            "authors": truncate(known["authors"], AUTHORS_LENGTH),
            "extract": truncate(said, EXTRACT_LENGTH),
            "extract_by": self.paper.tldr_by,
            "brief_authors": truncate(known["authors"], BRIEF_AUTHORS_LENGTH),
            "brief_extract": truncate(said, BRIEF_EXTRACT_LENGTH),
            "more_url": self._reaction_url(Reaction.Kind.MORE),
            "less_url": self._reaction_url(Reaction.Kind.LESS),
        }

    def for_item(self, item: Mapping[str, Any], number: int) -> dict[str, Any]:
        """As a page shows an item of a digest."""
        own = {"number": number, "section": item["section"], "reason": item["reason"]}
        return self.same_for_all | own | {"note": self._note(item)}

    def _note(self, item: Mapping[str, Any]) -> str:
        """The curator's: that of the edition, or else that of the paper."""
        return item.get("note") or self.paper.note

    def stencil(
        self, template: str, item: Mapping[str, Any], language: str, *, is_lead: bool
    ) -> PrerenderedTemplate:
        """As a mail's part, by its template, shows an item, the mail's first one larger; in the
        language of the moment, which is asked once for all cards of a mail. Blanks are `number`,
        `reason`, `token`."""
        states_trend = item["reason"] in self._said(language)["popularity_reasons"]
        shows = (bool(item["reason"]), not states_trend, self._note(item))
        key = (language, template, is_lead, *shows)
        if key not in self._stencils:
            self._stencils[key] = self._rendered(*key)
        return self._stencils[key]

    def _rendered(
        self,
        language: str,
        template: str,
        is_lead: bool,
        has_reason: bool,
        shows_trend: bool,
        note: str,
    ) -> PrerenderedTemplate:
        known = self._in_mails(language)
        own = {
            "number": slot("number"),
            "reason": slot("reason") if has_reason else "",
            "trend": known["trend"] if shows_trend else "",
            "note": note,
        }
        context = {"paper": self.paper, "card": known | own, "is_lead": is_lead}
        return PrerenderedTemplate(
            render_to_string(template, context), is_html=template.endswith(".html")
        )

    def _reaction_url(self, kind: str) -> str:
        """With the blank for a token and its slash; nothing is there for signed-in readers."""
        return absolute(reverse("react", args=[kind, self.paper.pk])) + slot("token")


def _links(paper: Paper) -> list[tuple[str, str]]:
    """Where a paper is: each place's name with its address, as on the site."""
    places = (
        ("arXiv" if paper.arxiv_id else _("Publisher"), paper.abstract_url),
        ("PDF", paper.pdf_url),
        (_("Code"), paper.code_url),
        (_("Project"), paper.project_url),
    )
    return [(name, url) for name, url in places if url]


_kept: dict[int, Card] = {}


def visible_cards(pks: Collection[int]) -> dict[int, Card]:
    """The cards of those of these papers that may be shown; one small query where all are kept."""
    visible = Paper.objects.visible().filter(any_of("pk", pks)).annotate(row=ROW)
    rows = dict(visible.values_list("pk", "row"))
    found = {pk: card for pk in rows if (card := _kept.get(pk))}
    found = {pk: card for pk, card in found.items() if card.row == rows[pk]}
    if len(found) < len(rows):
        for paper in visible.exclude(any_of("pk", found)):
            found[paper.pk] = _kept[paper.pk] = Card(paper, paper.row)
    for pk in list(_kept)[: max(len(_kept) - KEPT, 0)]:
        _kept.pop(pk, None)
    return found


@receiver(file_changed)
def forget(**_: object) -> None:
    """While working on templates: what was rendered before is old."""
    _kept.clear()


class Cards:
    """The cards of some digests' papers, looked up for all of them at once, and anew after a while.

    A paper that was hidden or withdrawn since is not among them.
    """

    def __init__(self, pks: Collection[int]) -> None:
        self.pks, self.until = pks, 0.0
        self.found: dict[int, Card] = {}

    def now(self) -> dict[int, Card]:
        if time.monotonic() > self.until:
            self.found = visible_cards(self.pks)
            self.until = time.monotonic() + FRESH
        return self.found


def cards_for_items(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A card for each item of a digest whose paper may still be shown, numbered from one."""
    found = visible_cards([item["paper"] for item in items])
    left = [item for item in items if item["paper"] in found]
    return [found[item["paper"]].for_item(item, number) for number, item in enumerate(left, 1)]


def digest_sections(cards: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts of a digest that hold something, with their cards."""
    return [
        {"name": title, "cards": mine}
        for section, title in SECTIONS.items()
        if (mine := [card for card in cards if card["section"] == section])
    ]
