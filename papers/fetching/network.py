"""Connections to checked addresses, with a deadline.

Each host name is resolved once, all its addresses are checked, and the connection goes to a checked
address, so that neither a redirect nor a second DNS answer leads elsewhere.
"""

import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from papers.fetching.addresses import is_public, resolve
from papers.fetching.results import FetchEnded, describe_error


class Deadline:
    """The time by which a fetch must be complete."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def extend(self, seconds: float) -> None:
        self._end += seconds

    def remaining(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return left


class CheckedNetwork(httpcore.NetworkBackend):
    """httpcore's network, limited to public addresses and to the remaining time."""

    def __init__(self, deadline: Deadline, allow_private: bool) -> None:
        self._deadline = deadline
        self._allow_private = allow_private
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._checked(host, port):
            try:
                stream = self._sockets.connect_tcp(
                    address, port, self._deadline.remaining(), local_address, socket_options
                )
            except httpcore.ConnectError as error:
                failure = error
            else:
                return _TimedStream(stream, self._deadline)
        raise failure

    def _checked(self, host: str, port: int) -> list[str]:
        addresses = resolve(host, port)
        refused = [address for address in addresses if not is_public(address)]
        if refused and not self._allow_private:
            raise FetchEnded("refused_address", f"{host} is {refused[0]}, no public address")
        return addresses


class _TimedStream(httpcore.NetworkStream):
    """A connection on which each operation may take only the remaining time."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.remaining())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.remaining())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.remaining()
        try:
            stream = self._stream.start_tls(ssl_context, server_hostname, left)
        except httpcore.ConnectError as error:
            raise FetchEnded("tls_error", describe_error(error)) from error
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
