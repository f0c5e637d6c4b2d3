"""Promise 45: clients that send one byte at a time, or read none, keep nobody else waiting."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.deploy.conftest import OWNER, ROOT, Place
from tests.deploy.test_processes import DATABASE, House, house, smtp, until

__all__ = ["house", "smtp"]
SENDERS = 200
PATIENCE = 1.0  # seconds in which an honest request is answered
HEAD = "POST /subscribe/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n"
SLOW = {
    "body": HEAD + "Content-Length: 9000\r\n\r\nemail=",
    "large body": HEAD
    + "Content-Length: 19000000\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n",
    "chunked body": HEAD + "Transfer-Encoding: chunked\r\n\r\n2000\r\nemail=",
    "chunk size": HEAD + "Transfer-Encoding: chunked\r\n\r\n",
    "head": HEAD + "X-Long: ",
    "nothing": "",
    "second request": f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n{HEAD}X-Long: ",
}


@pytest.fixture
def web(house: House, server: Place) -> House:
    """gunicorn as docker-compose.yml starts it, without a redirect to TLS."""
    owner = house.manage("migrate", "-v0", DATABASE_URL=server.url(DATABASE, OWNER))
    assert owner.returncode == 0, owner.stderr
    house.environment["SECURE_SSL_REDIRECT"] = "0"
    house.start("web")
    until(house.is_ready, "web to be ready")
    return house


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def caddy(upstream: int, folder: Path) -> Iterator[int]:
    """The shipped proxy, in front of another address and without TLS."""
    port = free_port()
    text = (ROOT / "deploy/Caddyfile").read_text().replace("web:8000", f"127.0.0.1:{upstream}")
    file = folder / "Caddyfile"
    file.write_text(text.replace("{\n\temail", "{\n\tadmin off\n\temail", 1))
    process = subprocess.Popen(
        ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "SITE_URL": f"http://127.0.0.1:{port}",
            "ACME_EMAIL": "operator@example.org",
        },
        stderr=(folder / "caddy.log").open("wb"),
    )
    try:
        until(lambda: answers(port), "the proxy")
        yield port
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(params=["gunicorn alone", "behind the shipped proxy"])
def port(request: pytest.FixtureRequest, web: House, tmp_path: Path) -> Iterator[int]:
    if request.param == "gunicorn alone":
        yield web.port
        return
    if not shutil.which("caddy"):
        assert not os.environ.get("REQUIRE_CADDY"), "caddy is not installed"
        pytest.skip("caddy is not installed")
    with caddy(web.port, tmp_path) as port:
        yield port


def ask(port: int) -> httpx.Response:
    headers = {"Host": "127.0.0.1", "X-Forwarded-Proto": "https"}
    return httpx.get(f"http://127.0.0.1:{port}/privacy/", headers=headers, timeout=20)


def answers(port: int) -> bool:
    try:
        return ask(port).status_code == 200
    except httpx.HTTPError:
        return False


def time_to_answer(port: int) -> float:
    """Return the seconds until a reader's page is there; the best of five.

    Other work on this machine may slow one down; a server that waits for slow clients slows all.
    """
    took = []
    for _ in range(5):
        begun = time.monotonic()
        assert ask(port).status_code == 200
        took.append(time.monotonic() - begun)
    return min(took)


@contextmanager
def held_open(port: int, begin: str, act: Callable[[socket.socket], object]) -> Iterator[None]:
    """`SENDERS` connections that began like this and act again and again."""
    stop = threading.Event()
    with ExitStack() as stack:
        opened = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            for _ in range(SENDERS)
        ]
        for one in opened:
            one.sendall(begin.encode())

        def go_on() -> None:
            while not stop.wait(0.5):
                for one in opened:
                    try:
                        act(one)
                    except OSError:  # refused in the end, as it should be
                        continue

        acting = threading.Thread(target=go_on, daemon=True)
        acting.start()
        try:
            time.sleep(1)
            yield
        finally:
            stop.set()
            acting.join()


@pytest.mark.slow
@pytest.mark.promise(45)
def test_slow_clients_delay_no_other_request(port: int) -> None:
    ask(port)
    for what, begin in SLOW.items():
        with held_open(port, begin, lambda one: one.sendall(b"1")):
            assert time_to_answer(port) < PATIENCE, what
    page = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n\r\n"
    with held_open(port, page, lambda one: None):  # they never read an answer
        until(lambda: time_to_answer(port) < PATIENCE, "an answer beside those who read none")
    assert upload(port, 20_000_000) == 403  # the largest import arrives; it has no CSRF token
    assert upload(port, 22_000_000) in (413, 502)  # Caddy 2.6 says 502 of what it cuts off


def upload(port: int, size: int) -> int:
    answer = httpx.post(
        f"http://127.0.0.1:{port}/admin/login/",
        headers={"Host": "127.0.0.1", "X-Forwarded-Proto": "https"},
        files={"file": ("readers.csv", b"a" * size)},
        timeout=60,
    )
    return answer.status_code


def test_the_largest_import_fits_through_the_proxy() -> None:
    from config.request_buffer import MAX_BODY
    from subscriptions.readers.importing import MAX_BYTES

    text = (ROOT / "deploy/Caddyfile").read_text()
    assert f"max_size {MAX_BODY // 1_000_000}MB" in text
    assert MAX_BYTES + 100_000 < MAX_BODY
