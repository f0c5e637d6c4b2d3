"""Rows of a byte per number."""

from __future__ import annotations

import numpy as np

from papers.vectors.quantized_rows import QuantizedRows


def test_rows_are_rounded_to_a_share_of_their_largest_number() -> None:
    rows = np.random.default_rng(0).standard_normal((50, 8), dtype=np.float32)
    rows *= np.logspace(-3, 3, 50, dtype=np.float32)[:, None]
    rows[7] = 0.0
    for max_code in (7, 127):
        small = QuantizedRows.quantize(rows, max_code)
        largest = np.abs(rows).max(axis=1, keepdims=True)
        assert np.abs(small.codes).max() == max_code
        assert (np.abs(small.dequantize() - rows) <= 0.52 * largest / max_code + 1e-6).all()


def test_chosen_and_appended_rows_are_not_rounded_again() -> None:
    first = QuantizedRows.quantize(np.array([[1.0, 0.3], [0.1, 0.2]], np.float32), 7)
    both = first.append(QuantizedRows.quantize(np.array([[5.0, 4.9]], np.float32)))
    assert np.array_equal(both.take(np.array([1, 0])), first.dequantize()[::-1])
    assert np.array_equal(both.select(np.array([False, True, True])).codes, both.codes[1:])
    assert (len(both), both.width, len(QuantizedRows.empty())) == (3, 2, 0)
