"""Wait for whole requests before a thread takes them, so that slow senders occupy no thread.

gunicorn's threads read a request's headers and body from the socket, and wait for each byte: as
many slow senders as there are threads stop the site. Here one loop collects what arrives on every
connection and hands a request to a thread once it is whole. What takes too long, is too large or
too much is refused. `Arrival` is pure; `BufferedWorker` is gunicorn's worker class. It speaks no
TLS and no HTTP/2, since a slow client's handshake would stop the loop for all. The proxy does both.
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

SECONDS = 60.0  # for a request to arrive; an import of 20 MB takes as long at 2.7 Mbit/s
SECONDS_WHEN_STOPPING = 2.0
LARGEST_HEAD = 65_536  # bytes; gunicorn refuses a longer one anyway
LARGEST_BODY = 21_000_000  # bytes: the largest import, and what a form wraps around it
ROOM = 200_000_000  # bytes of unfinished requests in one process; the largest goes beyond that
SEND_BUFFER = 1_000_000  # bytes: a page leaves at once, however slowly it is read
SEND_SECONDS = 30
ONCE = 262_144  # bytes read at once

# As gunicorn reads them: where it waits for more, so does an `Arrival`.
END, END_OF_HEAD = b"\r\n", b"\r\n\r\n"
LENGTH = re.compile(rb"\ncontent-length:[ \t]*0*(\d+)[ \t]*\r\n", re.IGNORECASE)
CHUNKED = re.compile(rb"\ntransfer-encoding:[^\n]*chunked", re.IGNORECASE)
EXPECTED = re.compile(rb"\nexpect:[ \t]*100-continue", re.IGNORECASE)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
NO_TLS = (
    "Paperboy's web server speaks HTTP/1.1 without TLS to the proxy before it. "
    "Take {names} out, and let the proxy do that (docs/operations.md)."
)
REFUSALS = {
    408: b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    413: b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    503: b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\nConnection: close\r\n"
    b"Content-Length: 0\r\n\r\n",
}


class TooLargeError(Exception):
    """The body is larger than any this site takes."""


class Arrival:
    """One request as it arrives. Malformed ones count as whole: gunicorn says what is wrong."""

    def __init__(self, now: float) -> None:
        self.begun = now
        self.received = bytearray()
        self.expects_continue = False
        self.refused = False  # then the rest is read and thrown away, so that the answer arrives
        self._searched = 0  # up to here there is no end of the head
        self._needed: int | None = None  # bytes of head and body; None while unknown or chunked
        self._chunk: int | None = None  # where the next chunk of a chunked body begins

    def add(self, data: bytes) -> bool:
        """Take what came; tell whether the request is whole. Raises TooLargeError."""
        self.received += data
        if self._needed is None and self._chunk is None and not self._read_head():
            return len(self.received) > LARGEST_HEAD
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
        if len(digits) > 12 or int(digits) > LARGEST_BODY:
            raise TooLargeError
        self._needed = begin + int(digits)
        return True

    def _read_chunks(self) -> bool:
        """Follow the sizes of chunks as far as they are here."""
        while self._chunk is not None and self._chunk < len(self.received):
            end = self.received.find(END, self._chunk)
            if end < 0:
                return len(self.received) - self._chunk > LARGEST_HEAD
            try:
                size = int(bytes(self.received[self._chunk : end]).split(b";")[0], 16)
            except ValueError:
                return True
            begin = end + len(END)
            if size <= 0:
                return self._has_trailers(begin)
            if size + begin > LARGEST_BODY + LARGEST_HEAD:
                raise TooLargeError
            self._chunk = begin + size + len(END)
        return False

    def _has_trailers(self, begin: int) -> bool:
        """They end with an empty line; mostly that is all there is."""
        if self.received.startswith(END, begin):
            return True
        whole = self.received.find(END_OF_HEAD, begin) >= 0
        return whole or len(self.received) - begin > LARGEST_HEAD


class BufferedWorker(ThreadWorker):
    """gunicorn's threads, each with whole requests only."""

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse to start with options that no loop of ours can serve."""
        names = [f"--{name}" for name in ("certfile", "keyfile") if getattr(cfg, name)]
        if "h2" in cfg.http_protocols:
            names.append("--http-protocols h2")
        if names:
            raise SystemExit(NO_TLS.format(names=" and ".join(names)))
        super().check_config(cfg, log)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.arrivals: dict[TConn, Arrival] = {}  # the one that waits longest is first
        self.room_taken = 0

    def enqueue_req(self, conn: TConn) -> None:
        """In place of handing a connection to a thread at once: new, or kept alive."""
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
        self.take_in(conn, conn.parser.unreader.take_buffered())

    def receive(self, conn: TConn, _sock: Any) -> None:
        """Called by the loop when a connection has something to read."""
        try:
            data = conn.sock.recv(ONCE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self.take_in(conn, data)
        else:
            self.drop(conn)

    def take_in(self, conn: TConn, data: bytes) -> None:
        arrival = self.arrivals[conn]
        if arrival.refused:
            return
        self.room_taken += len(data)
        try:
            whole = arrival.add(data) if data else False
        except TooLargeError:
            arrival.refused = True
            self.answer(conn, 413)
            return
        if whole:
            self.forget(conn)
            conn.parser.unreader.unread(bytes(arrival.received))
            super().enqueue_req(conn)
            return
        if arrival.expects_continue:
            arrival.expects_continue = False
            with suppress(OSError):
                conn.sock.send(CONTINUE)
        if self.room_taken > ROOM:
            self.refuse(max(self.arrivals, key=lambda one: len(self.arrivals[one].received)), 503)

    def murder_pending(self) -> None:
        """Called by gunicorn's loop at least once a second."""
        super().murder_pending()
        allowed = SECONDS if self.alive else SECONDS_WHEN_STOPPING
        latest = time.monotonic() - allowed
        for conn in [one for one, arrival in self.arrivals.items() if arrival.begun < latest]:
            self.refuse(conn, 408)

    def refuse(self, conn: TConn, status: int) -> None:
        if self.arrivals[conn].received and not self.arrivals[conn].refused:
            self.answer(conn, status)
        self.drop(conn)

    def answer(self, conn: TConn, status: int) -> None:
        with suppress(OSError):
            conn.sock.send(REFUSALS[status])
            conn.sock.shutdown(socket.SHUT_WR)

    def drop(self, conn: TConn) -> None:
        self.forget(conn)
        self.nr_conns -= 1
        conn.close()

    def forget(self, conn: TConn) -> None:
        self.poller.unregister(conn.sock)
        self.room_taken -= len(self.arrivals.pop(conn).received)
