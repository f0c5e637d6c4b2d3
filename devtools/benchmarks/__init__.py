"""Benchmarks for `manage.py bench SUBJECT`, a module for each subject.

Each has `add_arguments(parser)`, `run(options)`, which returns plain values, and `table(report)`,
which returns them as text. Every figure has a baseline of the same run beside it.
"""
