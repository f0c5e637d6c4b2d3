"""Digests as emails: a frame, cards, and the reader's own values.

The templates emails/digest.*, _card.* and _weekly_card.* are rendered once per shape (numbers of
papers and notices), with slots for personal values. A weekly digest shows one paper in full and the
others in brief, all numbered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from email.utils import formataddr
from functools import lru_cache
from itertools import count
from typing import Any

from django.conf import settings
from django.dispatch import receiver
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.autoreload import file_changed
from django.utils.translation import gettext, gettext_noop

from papers.citations.export import FORMATS
from papers.text.markup import one_line
from papers.text.shortening import truncate
from subscriptions import tokens
from subscriptions.mail import editor_note, unread_section
from subscriptions.mail.cards import Card, fit_of
from subscriptions.mail.links import (
    absolute,
    list_unsubscribe,
    message_id,
    reader_links,
    return_path,
    signed_url,
    site_links,
)
from subscriptions.mail.mime import OutgoingMail
from subscriptions.mail.prerendered import FilledTemplate, PrerenderedTemplate, Value, slot
from subscriptions.matching.sections import group_items
from subscriptions.matching.selection import SECTIONS
from subscriptions.models import Digest, Subscriber, Subscription
from subscriptions.tokens import Purpose, ReturnPath
from web.language import active_language

MAX_HTML_BYTES = 102_400  # Gmail clips longer emails, and the unsubscribe link with them
SUBJECT_LENGTH = 150  # characters; phones show about 40, and providers cut long subjects
REASON_LENGTH, NOTICE_LENGTH = 250, 400  # characters
PREHEADER_LENGTH, PREHEADER_TITLE, PREHEADER_TITLES = 220, 70, 3  # of each section
PERIOD_DAYS: dict[str, int] = {
    Digest.Period.WEEK: 7,
    Digest.Period.FORTNIGHT: 14,
    Digest.Period.MONTH: 31,
}
HEADINGS: dict[str, str] = {
    Digest.Period.DAY: "",
    Digest.Period.WEEK: gettext_noop("Your week in papers"),
    Digest.Period.FORTNIGHT: gettext_noop("Your two weeks in papers"),
    Digest.Period.MONTH: gettext_noop("Your month in papers"),
}
LINKS = ("preferences_url", "rhythm_url", "unsubscribe_url", "view_url", "library_url")

Item = Mapping[str, Any]
Cards = Mapping[int, Card]


def digest_message(digest: Digest, cards: Cards) -> OutgoingMail:
    """Return a reader's digest for a transport; papers without a card are left out."""
    reader = digest.subscriber
    links = reader_links(reader, digest.subscription_id)
    with translation.override(reader.language):
        html, text = _render_parts(digest, cards, links)
    return OutgoingMail(
        to=reader.email,
        subject=one_line(digest.subject)[:SUBJECT_LENGTH],
        text=text,
        html=html,
        headers={
            "Auto-Submitted": "auto-generated",
            "Message-ID": message_id(digest),
            "List-Id": formataddr(
                (f"{settings.SITE_NAME} digest", f"digest.{settings.MAIL_DOMAIN}")
            ),
            **list_unsubscribe(links["unsubscribe_url"]),
        },
        public_id=str(digest.public_id),
        tag=f"edition-{digest.day.isoformat()}",
        return_path=return_path(ReturnPath.DIGEST, digest.pk),
    )


def test_message(digest: Digest, cards: Cards, to: str) -> OutgoingMail:
    """Return a digest as a test email to a curator, with links that act for no reader.

    It leaves out the unread section: a library is private.
    """
    is_typical = digest.subscriber_id is None  # a digest of no particular reader
    language = settings.LANGUAGE_CODE if is_typical else digest.subscriber.language
    copy = Digest(
        subscriber=Subscriber(pk=0, email=to, language=language),
        subscription=Subscription(),
        public_id=digest.public_id,
        day=digest.day,
        period=digest.period,
        subject=digest.subject,
        items=digest.new_items,
        notices=digest.notices,
    )
    mail = digest_message(copy, cards)
    return replace(mail, subject=f"[Test] {mail.subject}"[:SUBJECT_LENGTH])


def browser_page(
    digest: Digest, cards: Cards, exports: Mapping[str, str], *, has_library: bool
) -> str:
    """Return the HTML as a page with all papers, those of the library only with `has_library`.

    `exports` has the URL of each format of citations by its ending.

    Its links have no token: the address of a digest must not act for the reader, so they only work
    for a signed-in reader.
    """
    items = list(_items(digest, cards))
    unread = unread_section.visible_items(digest, cards) if has_library else []
    values = _values(digest, items, unread, cards, site_links(), acts_by_link=False)
    values |= {f"export_{ending}": url for ending, url in exports.items()}
    with translation.override(digest.subscriber.language):
        return str(_fill("html", digest, items, unread, cards, values, in_browser=True))


def _render_parts(
    digest: Digest, cards: Cards, links: Mapping[str, str]
) -> tuple[FilledTemplate, FilledTemplate]:
    """Return HTML and text, both with as many papers as fit into the HTML."""
    items, unread = list(_items(digest, cards)), unread_section.visible_items(digest, cards)
    left_out = 0
    values = _values(digest, items, unread, cards, links)
    html = _fill("html", digest, items, unread, cards, values)
    while len(items) > 1 and _is_too_large(html):
        items.pop()
        left_out += 1
        html = _fill("html", digest, items, unread, cards, values, left_out=left_out)
    return html, _fill("txt", digest, items, unread, cards, values, left_out=left_out)


def _is_too_large(html: FilledTemplate) -> bool:
    """Return whether the HTML is too large; the encoded size is longer and checked first."""
    if len(html.encoded()) <= MAX_HTML_BYTES:
        return False
    text = str(html)
    return len(text.encode()) + text.count("\n") > MAX_HTML_BYTES  # lines end in CRLF


def _items(digest: Digest, cards: Cards) -> Iterator[Item]:
    """Yield the items that have a card, in the order of the sections."""
    for section in group_items(digest.items):
        yield from (item for item in section.items if item["paper"] in cards)


def _values(
    digest: Digest,
    items: Sequence[Item],
    unread: Sequence[Item],
    cards: Cards,
    links: Mapping[str, str],
    *,
    acts_by_link: bool = True,
) -> dict[str, Value]:
    """Return the values of the frame's slots except the cards; `token` ends reaction links."""
    token = f"{tokens.make_token(Purpose.REACT, digest.subscriber_id)}/" if acts_by_link else ""
    return {
        **links,
        "subject": digest.subject,
        "preheader": preheader(items, digest.subject, cards) if items else preview_titles(unread),
        "view_url": signed_url("digest", Purpose.DIGEST, digest.public_id),
        "token": token,
        **unread_section.slot_values(unread, token),
        **{
            f"notice_{number}{form}": value
            for number, notice in enumerate(digest.notices)
            for form, value in _notice_values(notice)
        },
    }


def _notice_values(notice: str) -> list[tuple[str, Value]]:
    """Return suffixes and values of a notice's slots; the editor's note has one per format."""
    if not editor_note.is_note(notice):
        return [("", truncate(notice, NOTICE_LENGTH))]
    return [(f"_{form}", _note(notice, form)) for form in ("html", "txt")]


@lru_cache(maxsize=64)
def _note(notice: str, form: str) -> FilledTemplate:
    is_html = form == "html"
    rendered = editor_note.to_email_html(notice) if is_html else editor_note.to_text(notice)
    return PrerenderedTemplate(rendered, is_html=is_html).fill({})


def _fill(
    form: str,
    digest: Digest,
    items: Sequence[Item],
    unread: Sequence[Item],
    cards: Cards,
    values: Mapping[str, Value],
    *,
    left_out: int = 0,
    in_browser: bool = False,
) -> FilledTemplate:
    sections = group_items(items)
    shapes = tuple((one.key, bool(one.topic_name), len(one.items)) for one in sections)
    language = active_language()
    frame = _frame(
        *(form, language, digest.period, digest.day, shapes),
        unread_section.item_shapes(unread) if digest.unread_items else None,
        *(tuple(map(editor_note.is_note, digest.notices)), left_out, in_browser),
    )
    template = f"emails/_weekly_card.{form}" if digest.is_round_up else f"emails/_card.{form}"
    has_lead = form == "html" or digest.is_round_up  # daily plain text shows all papers alike
    all_values = dict(values)
    for number, one in enumerate(sections):
        all_values[f"section_{number}"] = _heading(one.topic_name, form)
    for number, item in enumerate(items, start=1):
        card = cards[item["paper"]].prerendered(
            template, item, language, is_lead=has_lead and number == 1
        )
        own = {"number": str(number), **_reason_values(item, form), "token": values["token"]}
        all_values[f"card_{number}"] = card.fill(own)
    return frame.fill(all_values)


def _reason_values(item: Item, form: str) -> dict[str, Value]:
    """Return the fit and the reason; in plain text they are one value, wrapped together."""
    fit, reason = fit_of(item), truncate(item["reason"], REASON_LENGTH)
    return {"fit": fit, "reason": f"{fit}: {reason}" if fit and form == "txt" else reason}


def _heading(name: str, form: str) -> str:
    """Return a section's name as a heading; in plain text it is in capitals."""
    return name.upper() if form == "txt" else name


@lru_cache(maxsize=1024)
def _frame(
    form: str,
    _language: str,
    period: str,
    day: date,
    shapes: tuple[tuple[str, bool, int], ...],
    unread: unread_section.Shapes | None,
    notes: tuple[bool, ...],
    left_out: int,
    in_browser: bool,
) -> PrerenderedTemplate:
    """Render everything around the cards.

    `shapes` has the key of each section, whether it has a topic's name, and its number of cards;
    `unread` is None without an unread section; `notes` says which notices are the editor's.
    """
    papers = sum(size for _key, _is_named, size in shapes)
    context = {
        **{name: slot(name) for name in LINKS},
        "home_url": absolute(reverse("home")),
        "digest": {"subject": slot("subject"), "day": day},
        "heading": gettext(HEADINGS[period]) if HEADINGS[period] else "",
        "period_from": period_start(day, period),
        "preheader": slot("preheader"),
        "count": papers,
        "notices": _notice_slots(notes, form),
        "sections": _section_slots(shapes, form),
        "has_unread": unread is not None,
        "unread_title": _heading(gettext("Your unread papers"), form),
        "unread": unread_section.entry_slots(unread or ()),
        "left_out": left_out,
        "in_browser": in_browser,
        "exports": [(one.name, slot(f"export_{ending}")) for ending, one in FORMATS.items()],
    }
    rendered = render_to_string(f"emails/digest.{form}", context)
    if form == "html":
        return PrerenderedTemplate(rendered, is_html=True)
    _subject, _, text = rendered.partition("\n")
    return PrerenderedTemplate(f"{text.strip()}\n", is_html=False)


def _notice_slots(notes: tuple[bool, ...], form: str) -> list[dict[str, Any]]:
    """Return the context of each notice; those of the editor have a slot for each form."""
    texts = (
        slot(f"notice_{number}_{form}" if is_note else f"notice_{number}")
        for number, is_note in enumerate(notes)
    )
    return [{"text": text, "is_note": is_note} for text, is_note in zip(texts, notes, strict=True)]


def _section_slots(shapes: tuple[tuple[str, bool, int], ...], form: str) -> list[dict[str, Any]]:
    """Return the context of each section, with a slot for each card."""
    numbers = count(1)
    return [
        {
            "name": slot(f"section_{index}")
            if is_named
            else _heading(gettext(SECTIONS[key]), form),
            "cards": [slot(f"card_{next(numbers)}") for _ in range(size)],
        }
        for index, (key, is_named, size) in enumerate(shapes)
    ]


@receiver(file_changed)
def clear_cache(**_kwargs: object) -> None:
    """Discard frames when a template changes during development."""
    _frame.cache_clear()


def period_start(day: date, period: str) -> date | None:
    """Return the first day of a round-up of this day; None for a daily digest."""
    days = PERIOD_DAYS.get(period)
    return day - timedelta(days=days - 1) if days else None


def preheader(items: Sequence[Item], subject: str, cards: Cards) -> str:
    """Return the preview text that mail programs show after the subject.

    These are the first titles of each section, without one that the subject has already. If there
    is no other, it is the reason.
    """
    titles = [
        truncate(cards[item["paper"]].paper.title, PREHEADER_TITLE)
        for section in group_items(items)
        for item in section.items[:PREHEADER_TITLES]
    ]
    others = [title for title in titles if title.rstrip("…") not in subject]
    return truncate(" · ".join(others) or items[0]["reason"], PREHEADER_LENGTH)


def preview_titles(unread: Sequence[Item]) -> str:
    """Return the preview text of a digest with only unread papers."""
    titles = [truncate(item["title"], PREHEADER_TITLE) for item in unread]
    return truncate(" · ".join(titles), PREHEADER_LENGTH)
