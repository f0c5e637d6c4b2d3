"""Generated requests: the API responds as its OpenAPI document says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, settings

from config.wsgi import application
from papers.models import Paper
from papers.searching import indexing

pytestmark = pytest.mark.django_db
FEW_EXAMPLES = settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


document = schemathesis.openapi.from_wsgi("/api/openapi.json", application)


@pytest.fixture
def papers(make_paper: Callable[..., Paper], now: datetime) -> Iterator[None]:
    for number in range(3):
        make_paper(f"Paper {number}", doi=f"10.1/{number}" if number else None, votes=number)
    indexing.index_changed(now)
    # Like Django's test client, keep the connection open so that the test's transaction survives.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@document.parametrize()
@FEW_EXAMPLES
def test_responses_match_the_openapi_document(case: schemathesis.Case, papers: None) -> None:
    case.call_and_validate(headers={"Host": "127.0.0.1", "Accept-Encoding": "identity"})
