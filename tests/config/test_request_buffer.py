"""Requests are buffered until they are complete, up to a maximum size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from config.request_buffer import MAX_BODY, MAX_HEAD, Arrival, TooLargeError

GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nabcde"
CHUNKED = (
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\nA;name=value\r\n0\r\n\r\n01234\r\n0\r\n\r\n"
)
TRAILED = CHUNKED[:-2] + b"Checksum: 1\r\nMore: 2\r\n\r\n"


@pytest.mark.parametrize("request_", [GET, POST, CHUNKED, TRAILED])
@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_a_request_is_complete_with_its_last_byte(request_: bytes, step: int) -> None:
    arrival = Arrival(0)
    completions = [
        arrival.add(request_[start : start + step]) for start in range(0, len(request_), step)
    ]
    assert completions == [False] * (len(completions) - 1) + [True]
    assert bytes(arrival.received) == request_


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.1\r\nContent-Length: five\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n\r\n",
        b"a" * (MAX_HEAD + 1),
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * (MAX_HEAD + 1),
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"a" * (MAX_HEAD + 1),
    ],
)
def test_a_malformed_request_is_passed_to_gunicorn(request_: bytes) -> None:
    assert Arrival(0).add(request_)


@pytest.mark.parametrize(
    "rest",
    [
        b"content-length:0005\r\n\r\nabcd",
        b"Content-Length: 5 \r\n\r\nabcd",
        b"Host: a.example\n\n",  # gunicorn waits for CR LF, in a thread
        b"Transfer-Encoding: chunked\r\n\r\n5\nabcde",
        b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nabcd",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n0\r\n\r\n",
    ],
)
def test_an_incomplete_request_is_not_passed_to_gunicorn(rest: bytes) -> None:
    assert not Arrival(0).add(b"POST / HTTP/1.1\r\n" + rest)


@pytest.mark.parametrize(
    "rest",
    [
        f"Content-Length: {MAX_BODY + 1}\r\n\r\n",
        f"Content-Length: {'9' * 5000}\r\n\r\n",
        f"Transfer-Encoding: chunked\r\n\r\n{MAX_BODY * 2:x}\r\n",
    ],
)
def test_a_body_larger_than_any_import_is_rejected(rest: str) -> None:
    with pytest.raises(TooLargeError):
        Arrival(0).add(f"POST / HTTP/1.1\r\n{rest}".encode())


def test_bytes_after_a_request_are_kept_for_the_next() -> None:
    arrival = Arrival(0)
    assert arrival.add(GET + POST)
    assert bytes(arrival.received) == GET + POST


def test_expect_100_continue_is_recognised() -> None:
    arrival = Arrival(0)
    assert not arrival.add(POST[:-5].replace(b"Host", b"Expect: 100-continue\r\nHost"))
    assert arrival.expects_continue


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--certfile", "{pem}"), "--certfile"),
        (("--certfile", "{pem}", "--keyfile", "{pem}"), "--certfile and --keyfile"),
    ],
)
def test_tls_options_are_rejected_with_one_line(
    tmp_path: Path, options: tuple[str, ...], names: str
) -> None:
    """TLS handshakes of slow clients would block all others."""
    certificate = tmp_path / "site.pem"
    certificate.touch()
    app = "config.request_buffer:BufferedWorker"  # never called
    server = ("-m", "gunicorn", "-k", "config.request_buffer.BufferedWorker", "-b", "127.0.0.1:0")
    command = [
        sys.executable,
        *server,
        *(option.format(pem=certificate) for option in options),
        app,
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    [line] = [line for line in result.stderr.splitlines() if not line.startswith("[")]
    assert f"Remove {names} and" in line
