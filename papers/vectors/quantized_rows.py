"""Dense rows stored in a byte per number. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_CODE = 127

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class QuantizedRows:
    """Dense rows: `codes` (n x width) times `scales` (n)."""

    codes: NDArray[np.int8]
    scales: NDArray[np.float16]

    @classmethod
    def empty(cls) -> QuantizedRows:
        """Return no rows, of no width."""
        return cls(np.empty((0, 0), np.int8), np.empty(0, np.float16))

    @classmethod
    def quantize(cls, rows: Rows, max_code: int = MAX_CODE) -> QuantizedRows:
        """Round rows (n x width) to codes from -max_code to max_code."""
        largest = np.abs(rows).max(axis=1, initial=0.0)
        # A scale rounded down could push the largest code out of range.
        scales = np.nextafter((largest / max_code).astype(np.float16), np.float16(np.inf))
        return cls(np.rint(rows / scales[:, None].astype(np.float32)).astype(np.int8), scales)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def width(self) -> int:
        """The count of numbers in a row."""
        return self.codes.shape[1]

    def take(self, places: NDArray[np.integer]) -> Rows:
        """Return the rows at `places` (places x width)."""
        return self.codes[places] * self.scales[places, None].astype(np.float32)

    def select(self, places: NDArray[Any]) -> QuantizedRows:
        """Return the rows at `places`, or where these flags are true, without rounding again."""
        return QuantizedRows(self.codes[places], self.scales[places])

    def append(self, others: QuantizedRows) -> QuantizedRows:
        """Return these rows, then the others, of the same width."""
        codes = np.concatenate([self.codes, others.codes])
        return QuantizedRows(codes, np.concatenate([self.scales, others.scales]))

    def dequantize(self) -> Rows:
        """Return all rows (n x width)."""
        return self.take(np.arange(len(self)))
