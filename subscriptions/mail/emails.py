"""Every email other than the digest, one function each.

The email NAME has the templates emails/NAME.txt, whose first line is the subject, and
emails/NAME.html. Alerts to the operator share alert.txt and alert.html.

To add an email: a kind in `Message.Kind`, a rule in `transactional.RULES`, its templates, and a
function here with an entry in `RENDERERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.http import urlencode

from papers.models import Paper
from papers.text.markup import one_line
from subscriptions import tokens
from subscriptions.mail.links import (
    absolute,
    feed_url,
    list_unsubscribe,
    message_id,
    reader_links,
    return_path,
    signed_url,
)
from subscriptions.mail.mime import OutgoingMail
from subscriptions.mail.prerendered import PrerenderedTemplate
from subscriptions.models import Edition, Message, Subscriber
from subscriptions.schedule import local_due
from subscriptions.tokens import Purpose, ReturnPath

Kind = Message.Kind


def render_message(message: Message) -> OutgoingMail:
    """Render a message for a transport."""
    mail = RENDERERS[message.kind](message)
    return replace(
        mail,
        headers={**mail.headers, "Message-ID": message_id(message)},
        public_id=str(message.public_id),
        kind="message",
        tag=message.kind,
        return_path=return_path(ReturnPath.MESSAGE, message.pk) if message.subscriber else "",
    )


def confirmation(reader: Subscriber) -> OutgoingMail:
    """Ask an address that has not agreed to anything yet to confirm."""
    url = signed_url("confirm", Purpose.CONFIRM, reader.pk)
    return _mail("confirmation", reader, {"confirm_url": url, "home_url": absolute("/")})


def preferences_link(reader: Subscriber, back_to: str = "") -> OutgoingMail:
    """Send the links to sign in, to the preferences and to the reader's data.

    It goes only to the stored address. After signing in, the reader is taken to `back_to`.
    """
    offered = reader.suggestion is not None
    links = {**reader_links(reader), "data_url": signed_url("data", Purpose.DATA, reader.pk)}
    if back_to:
        links["sign_in_url"] += f"?{urlencode({'next': back_to})}"
    feeds = _feed_addresses(reader) if reader.is_active else {}
    return _mail("preferences_link", reader, {**links, "offered": offered, **feeds})


def _feed_addresses(reader: Subscriber) -> dict[str, Any]:
    """Return the addresses of the reader's feeds; those of topics if there are several."""
    topics = list(reader.topics.filter(active=True))
    feeds = [{"title": topic.title, "url": feed_url(reader, topic.pk)} for topic in topics]
    return {"feed_url": feed_url(reader), "topic_feeds": feeds if len(feeds) > 1 else []}


def vote_link(reader: Subscriber, paper: Paper) -> OutgoingMail:
    """Send the link to vote for a paper, only to the stored address."""
    token = tokens.make_token(Purpose.REACT, reader.pk)
    url = absolute(reverse("vote", args=[paper.pk, token]))
    return _mail("vote_link", reader, {**reader_links(reader), "paper": paper, "vote_url": url})


def welcome(reader: Subscriber) -> OutgoingMail:
    """Welcome a confirmed reader: what to expect, and how to enter interests."""
    titles = [topic.title for topic in reader.topics.all() if not topic.is_blank]
    return _to_reader("welcome", reader, {**_first_digest(reader), "topic_titles": titles})


def _first_digest(reader: Subscriber) -> dict[str, Any]:
    """Return the context about the first digest: how often, and when it is due."""
    due = reader.subscriptions.exclude(next_digest_at=None).order_by("next_digest_at")
    if not (subscription := due.first()):
        return {}
    return {
        "subscription": subscription,
        "due": local_due(subscription.next_digest_at, reader.timezone),
    }


def less_often(reader: Subscriber) -> OutgoingMail:
    """Offer fewer emails, a break or unsubscribing to a reader who does not react."""
    return _to_reader("less_often", reader, {})


def goodbye(reader: Subscriber) -> OutgoingMail:
    """Confirm that the reader is unsubscribed, with a link to come back."""
    context = {
        "confirm_url": signed_url("confirm", Purpose.CONFIRM, reader.pk),
        "link_url": absolute(reverse("sign-in")),
        "home_url": absolute(reverse("home")),
    }
    return _mail("goodbye", reader, context)


def edition_trouble(edition: Edition) -> OutgoingMail:
    """Alert the operator that an edition is paused or its totals do not add up."""
    page = reverse("admin:subscriptions_edition_change", args=[edition.pk])
    context = {"edition": edition, "page_url": absolute(page)}
    subject, _, text = render_to_string("emails/edition_trouble.txt", context).partition("\n")
    return _alert(subject, text)


def standstill(sentences: Sequence[str]) -> OutgoingMail:
    """Alert the operator that an edition is missing or nothing is being sent."""
    page = absolute(reverse("admin:subscriptions_edition_changelist"))
    text = "\n\n".join([*sentences, f"Editions: {page}"])
    return _alert(f"{settings.SITE_NAME}: emails are not being sent", text)


def signup_trouble(sentences: Sequence[str]) -> OutgoingMail:
    """Alert the operator to a problem with sign-ups."""
    page = absolute(reverse("admin:subscriptions_signupswitch_changelist"))
    text = "\n\n".join([*sentences, f"Sign-up switch: {page}"])
    return _alert(f"{settings.SITE_NAME}: sign-ups are not being confirmed", text)


def _reader(message: Message) -> Subscriber:
    if message.subscriber is None:
        raise ValueError(f"message {message.pk} has no reader")
    return message.subscriber


def _paper(message: Message) -> Paper:
    return Paper.objects.visible().get(pk=int(message.about))


def _edition(message: Message) -> Edition:
    return Edition.objects.get(pk=date.fromisoformat(message.about))


RENDERERS: dict[str, Callable[[Message], OutgoingMail]] = {
    Kind.CONFIRMATION: lambda message: confirmation(_reader(message)),
    Kind.PREFERENCES_LINK: lambda message: preferences_link(
        _reader(message), message.details.get("next", "")
    ),
    Kind.VOTE_LINK: lambda message: vote_link(_reader(message), _paper(message)),
    Kind.WELCOME: lambda message: welcome(_reader(message)),
    Kind.LESS_OFTEN: lambda message: less_often(_reader(message)),
    Kind.GOODBYE: lambda message: goodbye(_reader(message)),
    Kind.EDITION_TROUBLE: lambda message: edition_trouble(_edition(message)),
    Kind.STANDSTILL: lambda message: standstill(message.details["sentences"]),
    Kind.SIGNUP_TROUBLE: lambda message: signup_trouble(message.details["sentences"]),
}
"""The function that renders each kind of message."""


def _to_reader(name: str, reader: Subscriber, context: Mapping[str, Any]) -> OutgoingMail:
    """Render an email to an active reader, with unsubscribe headers."""
    links = reader_links(reader)
    mail = _mail(name, reader, {**links, "reader": reader, **context})
    return replace(mail, headers={**mail.headers, **list_unsubscribe(links["unsubscribe_url"])})


def _mail(name: str, reader: Subscriber, context: Mapping[str, Any]) -> OutgoingMail:
    """Render an email in the reader's language."""
    with translation.override(reader.language):
        text = render_to_string(f"emails/{name}.txt", dict(context))
        html = render_to_string(f"emails/{name}.html", dict(context))
    subject, _, body = text.partition("\n")
    return _outgoing(reader.email, subject, body, html)


def _alert(subject: str, text: str) -> OutgoingMail:
    context = {"subject": one_line(subject), "text": text.strip(), "home_url": absolute("/")}
    body = render_to_string("emails/alert.txt", context)
    html = render_to_string("emails/alert.html", context)
    return _outgoing(parseaddr(settings.OPERATOR_EMAIL)[1], subject, body, html)


def _outgoing(to: str, subject: str, text: str, html: str) -> OutgoingMail:
    return OutgoingMail(
        to=to,
        subject=one_line(subject),
        text=PrerenderedTemplate(f"{text.strip()}\n", is_html=False).fill({}),
        html=PrerenderedTemplate(html, is_html=True).fill({}),
        headers={"Auto-Submitted": "auto-generated"},
    )
