from tests.subscriptions.conftest import make_digest, smtp

__all__ = ["make_digest", "smtp"]
