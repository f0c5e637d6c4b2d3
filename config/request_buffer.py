"""A gunicorn worker that reads complete requests before a thread handles them.

gunicorn's threads read headers and body from the socket and wait for each byte, so that as many
slow clients as there are threads block the site. Here one loop collects the bytes of all
connections and passes a request to a thread once it is complete. Requests that take too long or
are too large are refused. `Arrival` is pure; `BufferedWorker` is gunicorn's worker class. It
supports neither TLS nor HTTP/2, because a slow handshake would block the loop. The proxy does both.
"""

from __future__ import annotations

import re
import selectors
import socket
import struct
import time
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

SECONDS = 60.0  # to receive a request; enough for an import of 20 MB at 2.7 Mbit/s
SECONDS_WHEN_STOPPING = 2.0
MAX_HEAD = 65_536  # bytes; gunicorn refuses longer ones too
MAX_BODY = 21_000_000  # bytes: the largest import and its form encoding
MAX_BUFFERED = 200_000_000  # bytes per process; beyond it the largest request is refused
SEND_BUFFER = 1_000_000  # bytes: a page fits, so that a slow reader holds no thread
SEND_SECONDS = 30
READ_SIZE = 262_144  # bytes

# As gunicorn parses them: an `Arrival` waits exactly when gunicorn would.
END, END_OF_HEAD = b"\r\n", b"\r\n\r\n"
LENGTH = re.compile(rb"\ncontent-length:[ \t]*0*(\d+)[ \t]*\r\n", re.IGNORECASE)
CHUNKED = re.compile(rb"\ntransfer-encoding:[^\n]*chunked", re.IGNORECASE)
EXPECTED = re.compile(rb"\nexpect:[ \t]*100-continue", re.IGNORECASE)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
NO_TLS = (
    "Paperboy's web server speaks plain HTTP/1.1 to the proxy in front of it. "
    "Remove {names} and let the proxy do that (docs/operations.md)."
)
REFUSALS = {
    408: b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    413: b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    503: b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\nConnection: close\r\n"
    b"Content-Length: 0\r\n\r\n",
}


class TooLargeError(Exception):
    """The body exceeds `MAX_BODY`."""


class Arrival:
    """One request while it arrives. Malformed requests count as complete: gunicorn reports them."""

    def __init__(self, now: float) -> None:
        self.started = now
        self.received = bytearray()
        self.expects_continue = False
        self.refused = False  # read and discard the rest, so that the response arrives
        self._searched = 0  # no end of the head before this offset
        self._needed: int | None = None  # bytes of head and body; None if unknown or chunked
        self._chunk: int | None = None  # offset of the next chunk of a chunked body

    def add(self, data: bytes) -> bool:
        """Append bytes; return whether the request is complete. Raises TooLargeError."""
        self.received += data
        if self._needed is None and self._chunk is None and not self._read_head():
            return len(self.received) > MAX_HEAD
        if self._chunk is not None:
            return self._read_chunks()
        return self._needed is not None and len(self.received) >= self._needed

    def _read_head(self) -> bool:
        found = self.received.find(END_OF_HEAD, max(0, self._searched - 3))
        self._searched = len(self.received)
        if found < 0:
            return False
        begin = found + len(END_OF_HEAD)
        head = bytes(self.received[:begin])
        self.expects_continue = bool(EXPECTED.search(head))
        if CHUNKED.search(head):
            self._chunk = begin
            return True
        length = LENGTH.search(head)
        digits = length[1] if length else b"0"
        if len(digits) > 12 or int(digits) > MAX_BODY:
            raise TooLargeError
        self._needed = begin + int(digits)
        return True

    def _read_chunks(self) -> bool:
        """Walk over the chunks received so far; return whether the last one is among them."""
        while self._chunk is not None and self._chunk < len(self.received):
            end = self.received.find(END, self._chunk)
            if end < 0:
                return len(self.received) - self._chunk > MAX_HEAD
            try:
                size = int(bytes(self.received[self._chunk : end]).split(b";")[0], 16)
            except ValueError:
                return True
            begin = end + len(END)
            if size <= 0:
                return self._has_trailers(begin)
            if size + begin > MAX_BODY + MAX_HEAD:
                raise TooLargeError
            self._chunk = begin + size + len(END)
        return False

    def _has_trailers(self, begin: int) -> bool:
        """Return whether the trailers are complete; they end with an empty line."""
        if self.received.startswith(END, begin):
            return True
        complete = self.received.find(END_OF_HEAD, begin) >= 0
        return complete or len(self.received) - begin > MAX_HEAD


class BufferedWorker(ThreadWorker):
    """gunicorn's threaded worker, whose threads get complete requests only."""

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse to start with TLS or HTTP/2 options."""
        names = [f"--{name}" for name in ("certfile", "keyfile") if getattr(cfg, name)]
        if "h2" in cfg.http_protocols:
            names.append("--http-protocols h2")
        if names:
            raise SystemExit(NO_TLS.format(names=" and ".join(names)))
        super().check_config(cfg, log)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.arrivals: dict[TConn, Arrival] = {}  # oldest first
        self.buffered_bytes = 0

    def enqueue_req(self, conn: TConn) -> None:
        """Buffer a new or kept-alive connection instead of passing it to a thread at once."""
        conn.data_ready = True
        if not conn.initialized:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            conn.sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0)
            )
            conn.init()
        conn.sock.setblocking(False)
        if len(self.arrivals) >= self.worker_connections - self.cfg.threads - 1:
            self.refuse(next(iter(self.arrivals)), 503)
        self.arrivals[conn] = Arrival(time.monotonic())
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.receive, conn))
        self.add_data(conn, conn.parser.unreader.take_buffered())

    def receive(self, conn: TConn, _sock: Any) -> None:
        """Read from a connection; gunicorn's loop calls it when there is data."""
        try:
            data = conn.sock.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self.add_data(conn, data)
        else:
            self.drop(conn)

    def add_data(self, conn: TConn, data: bytes) -> None:
        """Add received bytes; pass the request to a thread once it is complete."""
        arrival = self.arrivals[conn]
        if arrival.refused:
            return
        self.buffered_bytes += len(data)
        try:
            complete = arrival.add(data) if data else False
        except TooLargeError:
            arrival.refused = True
            self.send_refusal(conn, 413)
            return
        if complete:
            self.forget(conn)
            conn.parser.unreader.unread(bytes(arrival.received))
            super().enqueue_req(conn)
            return
        if arrival.expects_continue:
            arrival.expects_continue = False
            with suppress(OSError):
                conn.sock.send(CONTINUE)
        if self.buffered_bytes > MAX_BUFFERED:
            self.refuse(max(self.arrivals, key=lambda key: len(self.arrivals[key].received)), 503)

    def murder_pending(self) -> None:
        """Refuse requests that take too long; gunicorn's loop calls it every second."""
        super().murder_pending()
        allowed = SECONDS if self.alive else SECONDS_WHEN_STOPPING
        latest = time.monotonic() - allowed
        for conn in [key for key, arrival in self.arrivals.items() if arrival.started < latest]:
            self.refuse(conn, 408)

    def refuse(self, conn: TConn, status: int) -> None:
        """Answer with an error status if a request has begun, and close the connection."""
        if self.arrivals[conn].received and not self.arrivals[conn].refused:
            self.send_refusal(conn, status)
        self.drop(conn)

    def send_refusal(self, conn: TConn, status: int) -> None:
        """Send a minimal error response and end our side of the connection."""
        with suppress(OSError):
            conn.sock.send(REFUSALS[status])
            conn.sock.shutdown(socket.SHUT_WR)

    def drop(self, conn: TConn) -> None:
        """Close a connection without a response."""
        self.forget(conn)
        self.nr_conns -= 1
        conn.close()

    def forget(self, conn: TConn) -> None:
        """Stop buffering a connection."""
        self.poller.unregister(conn.sock)
        self.buffered_bytes -= len(self.arrivals.pop(conn).received)
