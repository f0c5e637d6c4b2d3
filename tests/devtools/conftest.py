"""Fixtures that tests of the tools share with those of subscriptions."""

from tests.subscriptions.conftest import make_digest, smtp  # noqa: F401
