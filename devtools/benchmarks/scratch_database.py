"""A temporary database for benchmarks, and the memory use of a process."""

from __future__ import annotations

import gc
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.db import connection

from config import services
from config.progress import step


@contextmanager
def database() -> Iterator[str]:
    """Create an empty, migrated database beside the real one; yield its name.

    The name starts with `bench`, so that tests can run at the same time.
    """
    with step("Starting PostgreSQL and Redis"):
        services.start_embedded()
    real = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = f"bench_{real}"
    with step("Creating a database for the benchmark"):
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield connection.settings_dict["NAME"]
    finally:
        connection.creation.destroy_test_db(real, verbosity=0)


def peak_mb() -> float:
    """Return the peak memory of this process in MB.

    Read it from /proc on Linux, since ru_maxrss (in KiB) starts with that of the parent process.
    """
    status = Path("/proc/self/status")
    if status.exists() and (match := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return int(match[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def reset_peak() -> None:
    """Make `peak_mb` start from the present use, where the system allows it (Linux)."""
    gc.collect()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
