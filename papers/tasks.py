"""Doorways: each loads by id and calls one function. Running one twice changes nothing."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from papers import community
from papers.fetching import backfill, sources, thumbnails
from papers.models import Source
from papers.ranking import forecasting, scoring
from papers.searching import indexing
from papers.vectors import stored_lexicon


@shared_task
def fetch_due_sources() -> None:
    """Beat's: one task per source, so that a slow one holds up no other."""
    for pk in Source.objects.due(timezone.now()).values_list("pk", flat=True):
        fetch_source.delay(pk)


@shared_task
def fetch_source(pk: int) -> None:
    done = sources.check_if_due(pk, timezone.now())
    if done and done.result and done.result.new:
        settle_new_papers.delay()


@shared_task
def settle_new_papers() -> None:
    """Have new papers matched, found and ranked at once, not at the next hour."""
    stored_lexicon.learn_lexicon(timezone.now())
    scoring.rescore_if_new(timezone.now())
    indexing.index_changed(timezone.now())


@shared_task
def score_papers() -> None:
    scoring.rescore(timezone.now())


@shared_task
def learn_forecast() -> None:
    forecasting.learn_forecast(timezone.now())


@shared_task
def learn_lexicon() -> None:
    stored_lexicon.learn_lexicon(timezone.now())


@shared_task
def index_papers() -> None:
    indexing.index_changed(timezone.now())


@shared_task
def forget_checks() -> None:
    sources.delete_old_checks(timezone.now())


@shared_task
def fetch_thumbnails() -> None:
    thumbnails.delete_old(timezone.now())
    thumbnails.fetch_missing(timezone.now())


@shared_task
def fill_missed_days() -> None:
    backfill.fill_missed_days(timezone.now())


@shared_task
def bring_in_accepted() -> None:
    """Beat's: one task per accepted proposal that arXiv has not answered yet."""
    for pk in community.due_proposals(timezone.now()):
        bring_in.delay(pk)


@shared_task
def bring_in(pk: int) -> None:
    if community.fetch_proposal(pk, timezone.now()):
        scoring.rescore(timezone.now())
