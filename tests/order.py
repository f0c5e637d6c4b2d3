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
    walk/test_first_day deploy/test_slow_senders deploy/test_migrations devtools/chaos/test_run
    browser/test_open_to_all browser/test_flows browser/test_search browser/test_admin_pages
    browser/test_whole_way browser/test_desk devtools/test_embedded
    papers/feeds/test_plainxml devtools/benchmarks/test_edition browser/test_reader_pages
    subscriptions/pages/test_mailed_links subscriptions/delivery/test_rates config/test_settings
    subscriptions/feedback/test_webhooks subscriptions/profiles/test_references
    subscriptions/pages/test_link_powers browser/test_strict subscriptions/readers/test_every_zone
    papers/citations/test_round_trip subscriptions/matching/test_never config/test_broker
    subscriptions/feedback/test_settle papers/searching/test_search deploy/test_roles_and_backups
    test_bad_input papers/feeds/test_fuzz papers/feeds/test_shared subscriptions/test_pace
    subscriptions/pages/test_preferences subscriptions/pages/test_profile
    subscriptions/pages/test_sign_in test_languages subscriptions/readers/test_strangers
    papers/test_search_page papers/test_troubled_sources
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
