"""Cards: papers as pages and emails show them, cached until the paper's row changes."""

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
from papers.ranking.forecast import describe_forecast
from papers.ranking.trending import describe_parts, popularity_reasons
from papers.text.shortening import short_authors, truncate
from papers.text.summary import extract_summary
from subscriptions.mail.links import absolute
from subscriptions.mail.prerendered import PrerenderedTemplate, slot
from subscriptions.matching.fit import describe_fit
from subscriptions.matching.sections import group_items
from subscriptions.models import Reaction
from web.language import active_language

MAX_CACHED = 3_000  # papers; two days' editions overlap around the world
TITLE_LENGTH, AUTHORS_LENGTH, EXTRACT_LENGTH = 240, 200, 600  # characters, in emails
BRIEF_AUTHORS_LENGTH, BRIEF_EXTRACT_LENGTH = 120, 240
REFRESH_AFTER = 10.0  # seconds after which a hidden paper is in no new email
# The row version: PostgreSQL's transaction and position of a row, which change with each update.
ROW_VERSION = RawSQL("papers_paper.xmin::text || papers_paper.ctid::text", (), TextField())

Shape = tuple[bool, bool, bool, str]  # has a reason, has a fit, shows what trends; the note


class Card:
    """The content of a paper's card that is the same for all readers, and its email templates."""

    def __init__(self, paper: Paper, version: str = "") -> None:
        self.paper, self.version = paper, version
        self._templates: dict[
            tuple[str, str, bool, bool, bool, bool, str], PrerenderedTemplate
        ] = {}
        self._contents: dict[str, dict[str, Any]] = {}
        self._email_contents: dict[str, dict[str, Any]] = {}

    @property
    def content(self) -> dict[str, Any]:
        """The content in the active language."""
        return self._content(active_language())

    def _content(self, language: str) -> dict[str, Any]:
        if language not in self._contents:
            self._contents[language] = self._build_content()
        return self._contents[language]

    def _build_content(self) -> dict[str, Any]:
        paper = self.paper
        return {
            "paper": paper,
            "trend": describe_parts(paper.score_parts) or describe_forecast(paper.forecast_reason),
            "popularity_reasons": popularity_reasons(paper.score_parts),
            "authors": short_authors(paper.authors),
            "extract": extract_summary(paper.abstract),
            "url": paper.abstract_url or absolute(paper.get_absolute_url()),
            "links": _links(paper),
        }

    def _email_content(self, language: str) -> dict[str, Any]:
        """Return the content for emails, with long titles, names and abstracts cut."""
        if language not in self._email_contents:
            self._email_contents[language] = self._shorten(self._content(language))
        return self._email_contents[language]

    def _shorten(self, content: Mapping[str, Any]) -> dict[str, Any]:
        extract = self.paper.tldr or content["extract"]
        return {
            **content,
            "title": truncate(self.paper.title, TITLE_LENGTH),
            "authors": truncate(content["authors"], AUTHORS_LENGTH),
            "extract": truncate(extract, EXTRACT_LENGTH),
            "extract_by": self.paper.tldr_by,
            "brief_authors": truncate(content["authors"], BRIEF_AUTHORS_LENGTH),
            "brief_extract": truncate(extract, BRIEF_EXTRACT_LENGTH),
            "more_url": self._reader_url("react", Reaction.Kind.MORE),
            "less_url": self._reader_url("react", Reaction.Kind.LESS),
            "keep_url": self._reader_url("keep"),
        }

    def for_item(self, item: Mapping[str, Any], number: int) -> dict[str, Any]:
        """Return the card of a digest's item for a page."""
        values = {name: item[name] for name in ("section", "reason")}
        own = {"number": number, "note": self._note(item), "fit": fit_of(item)}
        return self.content | values | own

    def _note(self, item: Mapping[str, Any]) -> str:
        """Return the curator's note from the edition, else from the paper."""
        return item.get("note") or self.paper.note

    def prerendered(
        self, template: str, item: Mapping[str, Any], language: str, *, is_lead: bool
    ) -> PrerenderedTemplate:
        """Return the prerendered card of a digest's item.

        Slots are `number`, `fit`, `reason` and `token`.
        `language` is the active one, passed in so that it is looked up once per email. The lead
        card is larger.
        """
        has_reason = bool(item["reason"])
        popularity = self._content(language)["popularity_reasons"]
        states_trend = has_reason and item["reason"] in popularity
        shape = (has_reason, bool(fit_of(item)), not states_trend, self._note(item))
        key = (language, template, is_lead, *shape)
        if key not in self._templates:
            self._templates[key] = self._render(*key)
        return self._templates[key]

    def _render(
        self,
        language: str,
        template: str,
        is_lead: bool,
        has_reason: bool,
        has_fit: bool,
        shows_trend: bool,
        note: str,
    ) -> PrerenderedTemplate:
        content = self._email_content(language)
        values = {
            "number": slot("number"),
            "reason": slot("reason") if has_reason else "",
            "fit": slot("fit") if has_fit else "",
            "trend": content["trend"] if shows_trend else "",
            "note": note,
        }
        context = {"paper": self.paper, "card": content | values, "is_lead": is_lead}
        return PrerenderedTemplate(
            render_to_string(template, context), is_html=template.endswith(".html")
        )

    def _reader_url(self, name: str, *args: str) -> str:
        """Return the URL with a slot for the token and its slash, empty for signed-in readers."""
        return absolute(reverse(name, args=[*args, self.paper.pk])) + slot("token")


def fit_of(item: Mapping[str, Any]) -> str:
    """Return how well an item fits, in the active language; "" outside the reader's topics."""
    return describe_fit(item.get("fit", ""))


def _links(paper: Paper) -> list[tuple[str, str]]:
    """Return the name and URL of each place where a paper is, as on the site."""
    places = (
        ("arXiv" if paper.arxiv_id else _("Publisher"), paper.abstract_url),
        ("PDF", paper.pdf_url),
        (_("Code"), paper.code_url),
        (_("Project"), paper.project_url),
    )
    return [(name, url) for name, url in places if url]


_cache: dict[int, Card] = {}


def visible_cards(pks: Collection[int]) -> dict[int, Card]:
    """Return the cards of visible papers, by key. One small query if all are cached."""
    visible = Paper.objects.visible().filter(any_of("pk", pks)).annotate(row_version=ROW_VERSION)
    versions = dict(visible.values_list("pk", "row_version"))
    cards = {
        pk: card
        for pk, version in versions.items()
        if (card := _cache.get(pk)) and card.version == version
    }
    if len(cards) < len(versions):
        for paper in visible.exclude(any_of("pk", cards)):
            cards[paper.pk] = _cache[paper.pk] = Card(paper, paper.row_version)
    for pk in list(_cache)[: max(len(_cache) - MAX_CACHED, 0)]:
        _cache.pop(pk, None)
    return cards


@receiver(file_changed)
def clear_cache(**_kwargs: object) -> None:
    """Discard cards when a template changes during development."""
    _cache.clear()


class Cards:
    """The cards of some digests' papers, looked up together and refreshed after a while.

    Papers hidden or withdrawn meanwhile are dropped.
    """

    def __init__(self, pks: Collection[int]) -> None:
        self.pks, self.until = pks, 0.0
        self.cards: dict[int, Card] = {}

    def current(self) -> dict[int, Card]:
        if time.monotonic() > self.until:
            self.cards = visible_cards(self.pks)
            self.until = time.monotonic() + REFRESH_AFTER
        return self.cards


def cards_for_items(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return numbered cards of a digest's items whose papers are still visible."""
    cards = visible_cards([item["paper"] for item in items])
    shown = [item for item in items if item["paper"] in cards]
    return [cards[item["paper"]].for_item(item, number) for number, item in enumerate(shown, 1)]


def digest_sections(cards: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the sections of a digest that have cards."""
    return [
        {"name": section.topic_name or _(section.title), "cards": section.items}
        for section in group_items(cards)
    ]
