"""The order of the tests: the longest files first, and within a file by chance.

`--dist loadfile` hands out whole files in this order, so that two processes end at about the same
time. pytest-randomly shuffles the files and the tests in each; its seed is in the header of a run.
"""

from __future__ import annotations

import pytest

# By the seconds they take, the longest first; `pytest --durations=0` says where one belongs.
LONGEST = [
    f"tests/{name}.py"
    for name in """
    walk/test_first_day deploy/test_slow_senders deploy/test_migrations devtools/chaos/test_run
    browser/test_open_to_all browser/test_flows browser/test_search browser/test_admin_pages
    browser/test_whole_way browser/test_desk devtools/test_embedded deploy/test_processes
    papers/feeds/test_plainxml config/test_settings devtools/benchmarks/test_edition
    browser/test_reader_pages browser/test_strict subscriptions/readers/test_every_zone
    subscriptions/pages/test_link_powers subscriptions/matching/test_never
    subscriptions/feedback/test_events papers/searching/test_search config/test_broker
    deploy/test_roles_and_backups test_bad_input papers/feeds/test_fuzz papers/feeds/test_shared
    subscriptions/test_pace test_languages subscriptions/readers/test_strangers
    papers/test_search_page papers/test_troubled_sources
    """.split()
]


def arrange(items: list[pytest.Item]) -> None:
    """Keep each file together, the longest first; steps marked `in_order` stay as written."""
    files = list(dict.fromkeys(item.path for item in items))
    shuffled = {path: place for place, path in enumerate(files)}

    def place(item: pytest.Item) -> tuple[int, int, int]:
        file = item.nodeid.partition("::")[0]
        rank = LONGEST.index(file) if file in LONGEST else len(LONGEST)
        line = item.location[1] or 0
        return rank, shuffled[item.path], line if item.get_closest_marker("in_order") else 0

    items.sort(key=place)
