from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import translation

from papers.models import Paper, StoredForecast
from papers.ranking import forecast, forecasting, hit_rate, scoring
from subscriptions.mail.cards import Card, visible_cards

pytestmark = pytest.mark.django_db
MakePaper = Callable[..., Paper]


@pytest.fixture
def archive(make_paper: MakePaper, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Papers of a month, learnt and forecast; every fourth, about robots, was featured."""
    monkeypatch.setattr(forecast, "MIN_FEATURED", 20)
    for number in range(100):
        is_robot = number % 4 == 0
        day = now.date() - timedelta(days=10 + number % 20)
        make_paper(
            f"{'Robots' if is_robot else 'Glaciers'} {number}",
            abstract="",
            authors=["Ada One" if is_robot else "Bo Two"],
            categories=["cs.RO"],
            listed_on=day,
            featured_on=day if is_robot else None,
            forecast=0.9 if is_robot else 0.1,
            scored_at=now,
        )


def arrive(make_paper: MakePaper, title: str, **fields: object) -> Paper:
    values = {"abstract": "", "authors": ["Ada One"], "categories": ["cs.RO"]} | fields
    return make_paper(title, **values)


def text_of_email(card: Card, language: str) -> str:
    """Return the card in the plain text of an email."""
    item = {"paper": card.paper.pk, "reason": "", "section": "for_you"}
    with translation.override(language):
        text = card.prerendered("emails/_card.txt", item, language, is_lead=False)
        return str(text.fill({"number": "1", "reason": "", "token": ""}))


@pytest.mark.usefixtures("archive")
def test_a_likely_paper_is_shown_with_its_reason_until_it_is_featured(
    client: Client, make_paper: MakePaper, now: datetime
) -> None:
    stored = forecasting.learn_forecast(now)
    assert stored
    robots, glaciers = (
        arrive(make_paper, "Robots again"),
        arrive(make_paper, "Glaciers again", authors=["Cy Three"]),
    )
    late = arrive(make_paper, "Robots of last week", listed_on=now.date() - timedelta(days=7))
    scoring.rescore(now)
    for paper in (robots, glaciers, late):
        paper.refresh_from_db()
    assert robots.forecast
    assert glaciers.forecast
    assert robots.forecast > forecast.LIKELY > glaciers.forecast
    assert late.forecast is None, "its outcome may be known"
    home = client.get("/").text
    assert home.count("Earlier papers by Ada One were featured; words typical") == 1
    assert home.count("were featured") == 1
    reason = "Likely to trend (forecast): earlier papers by Ada One were featured; words typical"
    card = visible_cards([robots.pk])[robots.pk]
    assert card.content["trend"] == f"{reason} of featured papers: Robots"
    assert "Wahrscheinlich bald im Gespräch (Prognose): " in text_of_email(card, "de")
    page = client.get(robots.get_ranking_url()).text
    assert "we called it likely to trend" in page
    assert "25 of 25 that we called likely to trend were featured within a week (100%)." in page
    assert "Of all papers of these days, 25% were." in page
    Paper.objects.filter(pk=robots.pk).update(featured_on=now.date())
    scoring.rescore(now + timedelta(hours=1))
    assert "Likely to trend" not in client.get("/").text
    robots.refresh_from_db()
    assert robots.forecast > forecast.LIKELY, "the hit rate counts it"


@pytest.mark.usefixtures("archive")
def test_forecasts_are_silent_while_they_are_no_better_than_chance(
    client: Client, make_paper: MakePaper, now: datetime
) -> None:
    Paper.objects.filter(featured_on=None).update(forecast=0.9)
    stored = forecasting.learn_forecast(now)
    assert stored
    assert not hit_rate.HitRate.from_json(stored.hits).beats_chance
    robots = arrive(make_paper, "Robots again")
    scoring.rescore(now)
    robots.refresh_from_db()
    assert robots.forecast
    assert robots.forecast > forecast.LIKELY
    assert robots.forecast_reason == {}
    assert "Likely to trend" not in client.get("/").text
    assert "so we don't" in client.get(robots.get_ranking_url()).text.replace("&#x27;", "'")


@pytest.mark.usefixtures("archive")
def test_few_models_are_kept_and_none_is_learnt_from_few_features(now: datetime) -> None:
    for _night in range(forecasting.MAX_STORED + 1):
        forecasting.learn_forecast(now)
    assert StoredForecast.objects.count() == forecasting.MAX_STORED
    assert forecasting.learn_forecast(now - timedelta(days=25)) is None
