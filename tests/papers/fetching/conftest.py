from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.papers.servers import Server


@pytest.fixture
def server() -> Iterator[Server]:
    with Server().running() as running:
        yield running
