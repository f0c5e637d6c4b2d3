"""Fault injection: send an edition while all services fail repeatedly.

`environment` starts a separate PostgreSQL, Redis and mail provider, `provider` is that provider,
and `run` sends an edition, injects failures, and counts the mails that the provider accepted.
"""
