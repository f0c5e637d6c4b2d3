"""Settings for tests, with separate servers and outbox."""

import os
from pathlib import Path

# Each xdist worker has its own servers, because tests empty and stop Redis. The xdist controller
# reads these settings too and passes its environment on, so its DATA_DIR is replaced.
TESTS = Path(__file__).resolve().parent.parent / ".data" / "test"
ALONE = str(TESTS / "alone")
if os.environ.get("DATA_DIR", ALONE) == ALONE:
    os.environ["DATA_DIR"] = str(TESTS / os.environ.get("PYTEST_XDIST_WORKER", "alone"))

from config.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, and only for tests
SECONDS_BETWEEN_REQUESTS = 0  # per host; test servers need no pause
RATE_LIMITS = dict.fromkeys(RATE_LIMITS, (0, 0))  # noqa: F405  tests of rate limits set their own
RESPONSE_STEP = 0  # its test sets another value
STARTER_LEXICON = ""  # its tests set their own; elsewhere, few papers must decide all weights
