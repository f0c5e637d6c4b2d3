"""The starter lexicon: what a new installation knows about terms before it has papers. Pure.

A starter is a file of numbers: hashes of terms, in how many papers each term occurs, and small
embeddings. It holds no text. `Lexicon.learn` blends it with the papers of the installation.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from papers.vectors.quantized_rows import QuantizedRows
from papers.vectors.sparse_rows import find_sorted
from papers.vectors.terms import TermIds

PRIOR_PAPERS = 20.0  # a frequency counts as if seen in so many papers of the installation
MIN_COVERAGE = 0.77  # of the starter's own; below, an installation is about other fields
MAX_CODE, CODE_OFFSET = 7, 8  # codes have 4 bits; 8 bits rank no better

Counts = NDArray[np.int64]
Frequencies = NDArray[np.float64]


class StarterError(ValueError):
    """Bytes are not a starter lexicon; str() is one line with the reason."""


@dataclass(frozen=True, slots=True)
class Starter:
    """Frequencies and embeddings of terms, learnt from the papers of others.

    * `ids` (terms), ascending, and `frequency` (terms): of `paper_count` papers, how many have
      each term.
    * `mean_length`: the mean number of terms in a paper.
    * `coverage`: the share of the papers' terms, each counted once a paper, that is in `ids`.
    * `embedded_columns` (embedded terms), ascending: columns of terms with an embedding.
    * `embeddings` (embedded terms x width): these embeddings, with codes up to MAX_CODE.
    * `newest`: the day of the newest paper, as an ISO date. `learnt_from`: the name of the papers.
    * `tag`: a hash of all of this.
    """

    ids: TermIds
    frequency: NDArray[np.uint32]
    mean_length: float
    paper_count: int
    coverage: float
    embedded_columns: NDArray[np.int32]
    embeddings: QuantizedRows
    newest: str = ""
    learnt_from: str = ""
    tag: str = ""

    def total(self, papers: int) -> int:
        """Return how many papers the frequencies of `blend` are out of."""
        return max(papers, self.paper_count)

    def is_outgrown(self, papers: int) -> bool:
        """Return whether an installation of so many papers no longer needs the starter."""
        return papers >= self.paper_count

    def blend(self, ids: TermIds, frequency: Counts, papers: int) -> tuple[TermIds, Frequencies]:
        """Return the terms of both collections, ascending, and their frequencies.

        `frequency` (ids) counts the installation's papers with each term, of `papers`. It is taken
        as a Poisson count whose rate has a gamma prior with the mean of the starter. So a term
        keeps the starter's frequency until the installation's own papers disagree. A term that the
        starter lacks counts as absent from the starter's papers.
        """
        all_ids = np.union1d(self.ids, ids)
        counts = np.zeros(len(all_ids))
        counts[np.searchsorted(all_ids, ids)] = frequency
        shares = counts / (papers + self.paper_count)
        places = np.searchsorted(all_ids, self.ids)
        prior_papers = PRIOR_PAPERS * self.paper_count / self.frequency
        shares[places] = (counts[places] + PRIOR_PAPERS) / (papers + prior_papers)
        return all_ids, shares * self.total(papers)

    def blend_length(self, mean_length: float, papers: int) -> float:
        """Return the mean number of terms in a paper, from both collections."""
        return float(np.average([mean_length, self.mean_length], weights=[papers, PRIOR_PAPERS]))

    def covers(self, ids: TermIds, frequency: Counts) -> bool:
        """Return whether the starter knows the terms of a collection, so is about its fields.

        `frequency` (ids) counts the papers with each term. Elsewhere, the embeddings would rank
        papers by the few terms that they know.
        """
        present, _places = find_sorted(self.ids, ids)
        known = frequency[present].sum()
        return bool(known >= MIN_COVERAGE * self.coverage * frequency.sum())

    def dumps(self) -> bytes:
        """Return the starter as bytes for `loads`; the same numbers give the same bytes."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            ids=_to_planes(self.ids),
            frequency=self.frequency.astype(np.uint32),
            mean_length=np.float64(self.mean_length),
            papers=np.int64(self.paper_count),
            coverage=np.float64(self.coverage),
            columns=self.embedded_columns.astype(np.int32),
            codes=_pack(self.embeddings.codes),
            scales=self.embeddings.scales,
            newest=np.array(self.newest),
            learnt_from=np.array(self.learnt_from),
        )
        return buffer.getvalue()

    @classmethod
    def loads(cls, data: bytes) -> Starter:
        """Return the starter that `dumps` wrote; raise `StarterError` for other bytes."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                return cls(
                    _from_planes(stored["ids"]),
                    stored["frequency"],
                    float(stored["mean_length"]),
                    int(stored["papers"]),
                    float(stored["coverage"]),
                    stored["columns"],
                    QuantizedRows(_unpack(stored["codes"]), stored["scales"]),
                    str(stored["newest"]),
                    str(stored["learnt_from"]),
                    hashlib.blake2b(data, digest_size=4).hexdigest(),
                )
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise StarterError("not a starter lexicon") from error


def _pack(codes: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Return two codes of 4 bits in each byte (n x width / 2); the width is even."""
    positive = (codes + CODE_OFFSET).astype(np.uint8)
    return np.asarray((positive[:, ::2] << 4) | positive[:, 1::2], dtype=np.uint8)


def _unpack(packed: NDArray[np.uint8]) -> NDArray[np.int8]:
    codes = np.stack([packed >> 4, packed & 15], axis=2).astype(np.int8) - np.int8(CODE_OFFSET)
    return codes.reshape(len(packed), 2 * packed.shape[1])


def _to_planes(ids: TermIds) -> NDArray[np.uint8]:
    """Return the bytes of IDs (8 x terms), of which the high ones compress well."""
    return np.ascontiguousarray(ids.astype("<u8").view(np.uint8).reshape(-1, 8).T)


def _from_planes(planes: NDArray[np.uint8]) -> TermIds:
    return np.ascontiguousarray(planes.T).view("<u8").ravel().astype(np.uint64)
