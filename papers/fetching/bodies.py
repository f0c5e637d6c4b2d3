"""Response bodies, decompressed and limited in size."""

import zlib
from typing import Any

import httpcore

from papers.fetching.headers import Headers
from papers.fetching.results import FetchEnded, describe_error


def read_body(response: httpcore.Response, headers: Headers, max_bytes: int) -> bytes:
    """Return the decompressed body; end the fetch if it is too large or cannot be decompressed."""
    encoding = headers["content-encoding"].lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise FetchEnded("undecodable", f"Content-Encoding {encoding[:40]!r} was not asked for")
    length = headers["content-length"]
    if length.isdigit() and int(length) > max_bytes:
        raise FetchEnded("too_large", f"{length} bytes, more than {max_bytes:,}")
    unpack = _Gunzip() if "gzip" in encoding else _Plain()
    body, received = bytearray(), 0
    for chunk in response.iter_stream():
        received += len(chunk)
        body += unpack(chunk, max_bytes + 1 - len(body))
        if max(len(body), received) > max_bytes:
            raise FetchEnded("too_large", f"more than {max_bytes:,} bytes")
    if not unpack.is_complete:
        raise FetchEnded("undecodable", "the compressed document breaks off")
    return bytes(body)


class _Plain:
    is_complete = True

    def __call__(self, chunk: bytes, room: int) -> bytes:
        return chunk


class _Gunzip:
    """Decompress gzip piece by piece, never beyond the limit, so that a zip bomb is harmless."""

    def __init__(self) -> None:
        self._member = self._new()
        self._is_started = False

    def __call__(self, chunk: bytes, room: int) -> bytes:
        unpacked = bytearray()
        while chunk and len(unpacked) < room:
            if self._member.eof:
                self._member = self._new()
            self._is_started = True
            try:
                unpacked += self._member.decompress(chunk, room - len(unpacked))
            except zlib.error as error:
                raise FetchEnded("undecodable", f"broken gzip: {describe_error(error)}") from error
            chunk = self._member.unused_data
        return bytes(unpacked)

    @property
    def is_complete(self) -> bool:
        return self._member.eof or not self._is_started

    @staticmethod
    def _new() -> Any:
        return zlib.decompressobj(zlib.MAX_WBITS | 16)
