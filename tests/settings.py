"""The project's settings with services and outbox of the tests' own."""

import os
from pathlib import Path

os.environ.setdefault("DATA_DIR", str(Path(__file__).resolve().parent.parent / ".data" / "test"))

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, and only for tests
SECONDS_BETWEEN_REQUESTS = 0  # to a host; the tests' own servers do not mind
ENTRANCE_RATES = dict.fromkeys(ENTRANCE_RATES, (0, 0))  # noqa: F405  tests of the guard set theirs
