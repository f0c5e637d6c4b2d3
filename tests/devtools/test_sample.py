"""The sample: documents moved to today, and pictures stored without a network."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from devtools import sample
from devtools.sample.draw_pictures import draw
from devtools.sample.drawing import PICTURES
from devtools.sample_pictures import store_pictures
from papers.models import Paper, Thumbnail


def test_each_drawing_has_a_file_and_is_reproducible() -> None:
    assert sorted(sample.pictures()) == sorted(PICTURES)
    assert all(draw(arxiv_id) == draw(arxiv_id) for arxiv_id in PICTURES)


@pytest.mark.django_db
def test_a_third_of_the_sample_papers_get_a_picture(
    client: Client, now: datetime, tmp_path: Path
) -> None:
    paths = sample.write_for(now.date(), tmp_path)
    call_command("ingest", *paths, stdout=io.StringIO())
    assert store_pictures(now) == len(PICTURES)
    assert store_pictures(now) == 0
    assert 0.3 < Thumbnail.objects.count() / Paper.objects.count() < 0.4
    paper = Paper.objects.get(arxiv_id="2604.26752")
    response = client.get(reverse("picture", args=[paper.pk]))
    assert response["Content-Type"] == "image/png"
    assert response.content.startswith(b"\x89PNG")
