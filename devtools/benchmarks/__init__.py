"""What `manage.py bench SUBJECT` measures: a module for each subject.

Each has `add_arguments(parser)`, `run(options)`, which returns plain values ready for JSON, and
`table(report)`, the same for people. Every figure stands next to a baseline of the same run.
"""
