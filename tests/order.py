"""Order of the tests: the slowest files first, random within a file.

`--dist loadfile` assigns whole files in this order, so that the workers finish at about the same
time. pytest-randomly shuffles the files and the tests in each file; the header of a test run shows
its seed.
"""

from __future__ import annotations

import pytest

# Sorted by duration, the slowest first. Measure with `pytest --durations=0`.
SLOWEST_FILES = [
    f"tests/{name}.py"
    for name in """
    walk/test_first_day deploy/test_slow_senders browser/test_open_to_all
    devtools/benchmarks/test_edition devtools/chaos/test_run devtools/benchmarks/test_signup
    papers/feeds/test_plainxml test_bad_input subscriptions/feedback/test_webhooks
    deploy/test_migrations config/test_settings test_left_over
    subscriptions/pages/test_link_powers browser/test_desk browser/test_flows
    browser/test_search browser/test_topics subscriptions/pages/test_mailed_links
    papers/citations/test_round_trip deploy/test_roles_and_backups config/test_broker
    papers/searching/test_search test_admin subscriptions/readers/test_strangers
    browser/test_admin_pages browser/test_whole_way
    subscriptions/editions/test_one_digest_per_day devtools/test_embedded
    subscriptions/test_workers subscriptions/test_pace subscriptions/profiles/test_references
    devtools/benchmarks/pages/test_library subscriptions/pages/test_preferences
    browser/test_library subscriptions/pages/test_profile browser/test_keeping
    subscriptions/delivery/test_rates browser/test_reader_pages
    subscriptions/matching/test_reasons subscriptions/feedback/test_bounce_parser
    """.split()
]


def sort_tests(items: list[pytest.Item]) -> None:
    """Sort tests in place by file, the slowest first; keep the order of tests marked `in_order`."""
    files = list(dict.fromkeys(item.path for item in items))
    positions = {path: position for position, path in enumerate(files)}

    def sort_key(item: pytest.Item) -> tuple[int, int, int]:
        file = item.nodeid.partition("::")[0]
        rank = SLOWEST_FILES.index(file) if file in SLOWEST_FILES else len(SLOWEST_FILES)
        line = item.location[1] or 0
        return rank, positions[item.path], line if item.get_closest_marker("in_order") else 0

    items.sort(key=sort_key)
