"""Broken on purpose: an edition sent while everything it rests on fails again and again.

`place` is a PostgreSQL, a Redis and a mail provider of its own, `provider` that provider, and
`run` sends an edition there, breaks things, and counts at the provider what came of it.
"""
