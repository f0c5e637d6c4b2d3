"""The work of a worker process: the product's tasks, and the baselines."""

from __future__ import annotations

import smtplib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import connection, connections
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import mark_safe

from config import services
from config.celery import limit_blas_threads
from devtools.benchmarks.scratch_database import peak_mb
from devtools.benchmarks.stopwatch import OTHER_BUILDING, OTHER_SENDING, Stopwatch
from subscriptions import tokens
from subscriptions.delivery import mailing_run
from subscriptions.editions import digests
from subscriptions.mail import cards, digest_mail
from subscriptions.mail.links import reader_links, signed_url
from subscriptions.models import Digest
from subscriptions.tokens import Purpose

Numbers = dict[str, float]


def use_smtp(database: str, port: int) -> None:
    """Prepare the process: send mail to an SMTP server at this port."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 30
    _connect(database)


def use_provider(database: str, port: int, threads: int) -> None:
    """Prepare the process: send mail to a provider's HTTP API, through django-anymail."""
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    url = f"http://127.0.0.1:{port}/"
    settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "none", "POSTMARK_API_URL": url}
    settings.MAIL_CONNECTIONS, settings.SEND_RATE = threads, 0
    _connect(database)


def _connect(database: str) -> None:
    limit_blas_threads()
    services.start_embedded()
    connection.close()
    connections.databases[connection.alias]["NAME"] = database
    connection.settings_dict["NAME"] = database
    connection.ensure_connection()


@lru_cache
def stopwatch() -> Stopwatch:
    """Return the stopwatch of this process."""
    return Stopwatch()


def send_chunk(pks: Sequence[int]) -> dict[str, Any]:
    """Build and send the digests of due readers as the tasks do; return seconds by stage."""
    watch, statements = stopwatch(), Counter[str]()

    def count_statement(execute: Callable[..., Any], *args: Any) -> Any:
        statements["queries"] += 1
        return execute(*args)

    before = dict(watch.seconds)
    cpu = time.process_time()
    with connection.execute_wrapper(count_statement):
        ready = watch.measure(
            OTHER_BUILDING, lambda: digests.build_due_digests(pks, timezone.now())
        )
        report = watch.measure(
            OTHER_SENDING, lambda: mailing_run.deliver_digests(ready, timezone.now)
        )
    return {
        "sent": report.tally.get(Digest.Status.SENT, 0),
        "queries": statements["queries"],
        "cpu_s": time.process_time() - cpu,
        "peak_rss_mb": peak_mb(),
        "stages": {name: s - before.get(name, 0.0) for name, s in watch.seconds.items()},
    }


def send_by_django(pks: Sequence[int]) -> Numbers:
    """Send digests by Django's means, over one connection.

    These are render_to_string, a message object, and the SMTP backend. The content is loaded before
    the measurement.
    """
    digests_ = list(Digest.objects.filter(pk__in=pks).select_related("subscriber"))
    cards_by_pk = cards.visible_cards({pk for digest in digests_ for pk in digest.paper_ids})
    contexts = [(digest, _context(digest, cards_by_pk)) for digest in digests_]
    backend = get_connection()
    backend.open()
    started = time.perf_counter()
    for digest, context in contexts:
        backend.send_messages([_django_message(digest, context)])
    took = time.perf_counter() - started
    backend.close()
    return {"digests": len(contexts), "seconds": took}


def send_by_smtplib(pks: Sequence[int]) -> Numbers:
    """Send one prepared message repeatedly over one connection."""
    digest = Digest.objects.select_related("subscriber").get(pk=pks[0])
    outgoing = digest_mail.digest_message(digest, cards.visible_cards(digest.paper_ids))
    content = outgoing.as_bytes("paperboy@example.org", timezone.now())
    with smtplib.SMTP(settings.EMAIL_HOST, settings.EMAIL_PORT) as smtp:
        smtp.ehlo()
        started = time.perf_counter()
        for _ in pks:
            smtp.sendmail("paperboy@example.org", [outgoing.to], content)
        took = time.perf_counter() - started
    return {"digests": len(pks), "seconds": took, "bytes": len(content)}


def _context(digest: Digest, cards_by_pk: dict[int, cards.Card]) -> dict[str, Any]:
    reader = digest.subscriber
    token = tokens.make_token(Purpose.REACT, reader.pk)
    items = [item for item in digest.items if item["paper"] in cards_by_pk]
    rows = [
        cards_by_pk[item["paper"]].for_item(item, number)
        | {
            "title": cards_by_pk[item["paper"]].paper.title,
            "more_url": f"{settings.SITE_URL}/react/more/{item['paper']}/{token}/",
            "less_url": f"{settings.SITE_URL}/react/less/{item['paper']}/{token}/",
        }
        for number, item in enumerate(items, start=1)
    ]
    return {
        "digest": digest,
        "count": len(rows),
        "notices": digest.notices,
        "sections": cards.digest_sections(rows),
        "preheader": digest_mail.preheader(items, digest.subject, cards_by_pk),
        "view_url": signed_url("digest", Purpose.DIGEST, digest.public_id),
        **reader_links(reader),
    }


def _django_message(digest: Digest, context: dict[str, Any]) -> EmailMultiAlternatives:
    parts = {}
    for form in ("txt", "html"):
        sections = [
            section
            | {
                "cards": [
                    mark_safe(  # noqa: S308 - a template rendered it
                        render_to_string(
                            f"emails/_card.{form}", {"card": card, "paper": card["paper"]}
                        )
                    )
                    for card in section["cards"]
                ]
            }
            for section in context["sections"]
        ]
        parts[form] = render_to_string(f"emails/digest.{form}", context | {"sections": sections})
    message = EmailMultiAlternatives(
        digest.subject, parts["txt"], settings.DEFAULT_FROM_EMAIL, [digest.subscriber.email]
    )
    message.attach_alternative(parts["html"], "text/html")
    return message
