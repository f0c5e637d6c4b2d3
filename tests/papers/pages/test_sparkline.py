from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from papers.pages.sparkline import HEIGHT, MARGIN, MAX_DOTS, WIDTH, draw_plot, total_over_time

START = datetime(2026, 4, 30, tzinfo=UTC)


def at(hours: float, kind: str, count: int) -> tuple[datetime, str, int]:
    return START + timedelta(hours=hours), kind, count


def test_a_source_without_a_new_count_keeps_its_last_one() -> None:
    found = total_over_time([at(0, "a", 3), at(2, "a", 9), at(1, "b", 2)])
    assert [number for _, number in found] == [3, 5, 11]


def test_a_single_point_in_time_is_not_drawn() -> None:
    assert draw_plot([]) is None
    assert draw_plot([at(1, "a", 3), at(1, "b", 3)]) is None


def test_the_line_spans_the_drawing() -> None:
    drawn = draw_plot([at(0, "a", 0), at(10, "a", 7)])
    assert drawn
    assert drawn.dots[0] == (MARGIN, HEIGHT - MARGIN)
    assert drawn.dots[-1] == (WIDTH - MARGIN, MARGIN)
    assert (drawn.start, drawn.end, drawn.highest) == (0, 7, 7)


@given(
    st.lists(
        st.builds(at, st.floats(0, 9999), st.sampled_from("abc"), st.integers(0, 10**9)),
        max_size=200,
    )
)
def test_all_dots_are_inside(counts: list[tuple[datetime, str, int]]) -> None:
    if drawn := draw_plot(counts):
        assert len(drawn.dots) <= MAX_DOTS
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in drawn.dots)
