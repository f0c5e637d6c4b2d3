"""A database of the benchmark's own, and what a process used."""

from __future__ import annotations

import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from config import services
from config.progress import step


@contextmanager
def database() -> Iterator[str]:
    """An empty, migrated database beside the real one, which stays as it is; yields its name.

    The name is that of the tests' database with `bench` before it, so that both can run at once.
    """
    with step("Starting PostgreSQL and Redis"):
        services.start_embedded()
    real = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = f"bench_{real}"
    with step("Making a database for the benchmark"):
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield connection.settings_dict["NAME"]
    finally:
        connection.creation.destroy_test_db(real, verbosity=0)


def peak_mb() -> float:
    """The most memory this process ever held, in MB. Where Linux says it in /proc, from there:
    ru_maxrss (in KiB) begins with that of the process which started this one."""
    status = Path("/proc/self/status")
    if status.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
