"""The mails beside the digest: one small function each, named as its templates are.

A mail named NAME has templates/emails/NAME.txt, whose first line is the subject, and NAME.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from papers.models import Paper
from papers.text import one_line
from subscriptions import readers, tokens
from subscriptions.links import absolute, link, list_unsubscribe, reader_links, return_path
from subscriptions.models import Edition, Interests, Subscriber
from subscriptions.tokens import Purpose, ReturnPath


def confirmation(reader: Subscriber) -> EmailMultiAlternatives:
    """Asks whether the address wants our mail at all; so far it has agreed to nothing."""
    url = link("confirm", Purpose.CONFIRM, reader.pk)
    context = {"confirm_url": url, "home_url": absolute("/")}
    return _returning(_message("confirmation", reader, context), reader)


def preferences_link(reader: Subscriber) -> EmailMultiAlternatives:
    """The way to the preferences without a password, and to all that we know of the reader; sent
    only to the address on file."""
    offered = Interests.objects.filter(pk=reader.pk).exclude(offered=None).exists()
    links = {**reader_links(reader), "data_url": link("data", Purpose.DATA, reader.pk)}
    return _returning(_message("preferences_link", reader, {**links, "offered": offered}), reader)


def vote_link(reader: Subscriber, paper: Paper) -> EmailMultiAlternatives:
    """The button that votes for a paper, sent only to the address on file."""
    token = tokens.make(Purpose.REACT, reader.pk)
    url = absolute(reverse("vote", args=[paper.pk, token]))
    context = {**reader_links(reader), "paper": paper, "vote_url": url}
    return _returning(_message("vote_link", reader, context), reader)


def welcome(reader: Subscriber) -> EmailMultiAlternatives:
    """What comes when, and how to say what one cares about."""
    return _to_reader("welcome", reader, {"due": readers.local_due(reader)})


def less_often(reader: Subscriber) -> EmailMultiAlternatives:
    """Whether it is too much: a pause and fewer mails offered, leaving as well."""
    return _to_reader("less_often", reader, {})


def goodbye(reader: Subscriber) -> EmailMultiAlternatives:
    """The last mail: that leaving worked, and the way back."""
    context = {
        "confirm_url": link("confirm", Purpose.CONFIRM, reader.pk),
        "link_url": absolute(reverse("preferences-link")),
        "home_url": absolute(reverse("home")),
    }
    return _returning(_message("goodbye", reader, context), reader)


def _to_reader(name: str, reader: Subscriber, more: Mapping[str, Any]) -> EmailMultiAlternatives:
    """A mail to a reader who gets digests, with the ways out of them."""
    links = reader_links(reader)
    message = _message(name, reader, {**links, "reader": reader, **more})
    message.extra_headers |= list_unsubscribe(links["unsubscribe_url"])
    return _returning(message, reader)


def _returning(message: EmailMultiAlternatives, reader: Subscriber) -> EmailMultiAlternatives:
    """The same with a return path of its own; Django takes `from_email` for the envelope."""
    if path := return_path(ReturnPath.READER, reader.pk):
        message.extra_headers["From"], message.from_email = message.from_email, path
    return message


def edition_trouble(edition: Edition) -> EmailMessage:
    """Tells the operator that an edition is paused or its books do not close."""
    page = reverse("admin:subscriptions_edition_change", args=[edition.pk])
    context = {"edition": edition, "page_url": absolute(page)}
    subject, _, text = render_to_string("emails/edition_trouble.txt", context).partition("\n")
    return EmailMessage(one_line(subject), text.strip() + "\n", to=[settings.OPERATOR_EMAIL])


def standstill(found: list[str]) -> EmailMessage:
    """Tells the operator that an edition is missing or that nothing goes out."""
    page = absolute(reverse("admin:subscriptions_edition_changelist"))
    text = "\n\n".join([*found, f"The editions: {page}"])
    return EmailMessage(
        f"{settings.SITE_NAME}: mail is not going out", f"{text}\n", to=[settings.OPERATOR_EMAIL]
    )


def signup_trouble(found: list[str]) -> EmailMessage:
    """Tells the operator what is wrong with sign-ups."""
    page = absolute(reverse("admin:subscriptions_signupswitch_changelist"))
    text = "\n\n".join([*found, f"The switch: {page}"])
    subject = "Sign-ups are not confirmed any more"
    return EmailMessage(subject, f"{text}\n", to=[settings.OPERATOR_EMAIL])


def _message(name: str, reader: Subscriber, context: Mapping[str, Any]) -> EmailMultiAlternatives:
    """In the reader's language, whatever that of the moment is."""
    with translation.override(reader.language):
        whole = render_to_string(f"emails/{name}.txt", dict(context))
        html = render_to_string(f"emails/{name}.html", dict(context))
    first_line, _, text = whole.partition("\n")
    message = EmailMultiAlternatives(
        subject=one_line(first_line),
        body=text.strip() + "\n",
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[reader.email],
        headers={"Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(html, "text/html")
    return message
