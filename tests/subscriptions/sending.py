"""What tests of sending share: totals of digests, and work in several threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connections

from subscriptions.models import Digest


def totals() -> dict[str, int]:
    return {status: count for status, count in Digest.objects.all().totals().items() if count}


def at_once(count: int, work: Callable[[int], None]) -> None:
    """Run work in so many threads, each with a database connection of its own."""
    gate, failed = threading.Barrier(count), []

    def run(number: int) -> None:
        try:
            gate.wait()
            work(number)
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
