"""The project's settings with services and outbox of the tests' own."""

import os
from pathlib import Path

# Tests that run beside each other have servers of their own: one empties Redis, another stops it.
# What starts them has read these settings as well, and hands its environment down.
TESTS = Path(__file__).resolve().parent.parent / ".data" / "test"
ALONE = str(TESTS / "alone")
if os.environ.get("DATA_DIR", ALONE) == ALONE:
    os.environ["DATA_DIR"] = str(TESTS / os.environ.get("PYTEST_XDIST_WORKER", "alone"))

from config.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, and only for tests
SECONDS_BETWEEN_REQUESTS = 0  # to a host; the tests' own servers do not mind
RATE_LIMITS = dict.fromkeys(RATE_LIMITS, (0, 0))  # noqa: F405  tests of the guard set theirs
RESPONSE_STEP = 0  # the test of it sets its own
