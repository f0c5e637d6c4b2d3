"""Clients that send one byte at a time, or read nothing, delay no other request."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from django.conf import settings

from tests.deploy.conftest import APP, OWNER, PRODUCTION, ROOT, DatabaseServer

DATABASE = "slow_senders"
TIMEOUT = 90  # seconds
CONNECTIONS = 200
MAX_RESPONSE_TIME = 1.0  # seconds for a normal request
HEAD = "POST /subscribe/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n"
REQUEST_STARTS = {
    "body": HEAD + "Content-Length: 9000\r\n\r\nemail=",
    "large body": HEAD
    + "Content-Length: 19000000\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n",
    "chunked body": HEAD + "Transfer-Encoding: chunked\r\n\r\n2000\r\nemail=",
    "chunk size": HEAD + "Transfer-Encoding: chunked\r\n\r\n",
    "head": HEAD + "X-Long: ",
    "nothing": "",
    "second request": f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n{HEAD}X-Long: ",
}


def wait_until(condition: Callable[[], Any], description: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, f"timed out waiting for {description}"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def web_port(
    server: DatabaseServer, image: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """Start gunicorn as docker-compose.yml does, without the redirect to HTTPS."""
    server.create(DATABASE)
    server.manage("migrate", "-v0", database=DATABASE, user=OWNER)
    port, folder = free_port(), tmp_path_factory.mktemp("web")
    environment = PRODUCTION | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DATA_DIR": str(folder),
        "DATABASE_URL": server.url(DATABASE, APP),
        "REDIS_URL": settings.REDIS_URL.replace("db=0", "db=3"),
        "SECURE_SSL_REDIRECT": "0",
        "WEB_BIND": f"127.0.0.1:{port}",
    }
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen(
            services["web"]["command"], cwd=image, env=environment, stdout=log, stderr=log
        )
    wait_until(lambda: answers(port), "web to be ready")
    yield port
    process.terminate()
    process.wait(60)
    server.drop(DATABASE)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def caddy(upstream: int, folder: Path) -> Iterator[int]:
    """Run Caddy with the production Caddyfile, for another upstream and without TLS."""
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
        wait_until(lambda: answers(port), "the proxy")
        yield port
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(params=["gunicorn alone", "behind the shipped proxy"])
def port(request: pytest.FixtureRequest, web_port: int, tmp_path: Path) -> Iterator[int]:
    if request.param == "gunicorn alone":
        yield web_port
        return
    if not shutil.which("caddy"):
        assert not os.environ.get("REQUIRE_CADDY"), "caddy is not installed"
        pytest.skip("caddy is not installed")
    with caddy(web_port, tmp_path) as port:
        yield port


def get_page(port: int) -> httpx.Response:
    headers = {"Host": "127.0.0.1", "X-Forwarded-Proto": "https"}
    return httpx.get(f"http://127.0.0.1:{port}/privacy/", headers=headers, timeout=20)


def answers(port: int) -> bool:
    try:
        return get_page(port).status_code == 200
    except httpx.HTTPError:
        return False


def response_time(port: int) -> float:
    """Return the seconds for a page, the minimum of five requests.

    Load on the machine may delay single requests. Waiting for slow clients would delay all five.
    """
    durations = []
    for _ in range(5):
        start = time.monotonic()
        assert get_page(port).status_code == 200
        durations.append(time.monotonic() - start)
    return min(durations)


@contextmanager
def hold_connections(
    port: int, data: str, act: Callable[[socket.socket], object]
) -> Iterator[None]:
    """Open `CONNECTIONS` connections, send `data` on each, and call `act` on each repeatedly."""
    stop = threading.Event()
    with ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            for _ in range(CONNECTIONS)
        ]
        for connection in connections:
            connection.sendall(data.encode())

        def act_repeatedly() -> None:
            while not stop.wait(0.5):
                for connection in connections:
                    try:
                        act(connection)
                    except OSError:  # the server closes slow connections eventually
                        continue

        thread = threading.Thread(target=act_repeatedly, daemon=True)
        thread.start()
        try:
            time.sleep(1)
            yield
        finally:
            stop.set()
            thread.join()


@pytest.mark.slow
@pytest.mark.promise(45)
def test_slow_clients_delay_no_other_request(port: int) -> None:
    get_page(port)
    for name, data in REQUEST_STARTS.items():
        with hold_connections(port, data, lambda connection: connection.sendall(b"1")):
            assert response_time(port) < MAX_RESPONSE_TIME, name
    page = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n\r\n"
    with hold_connections(port, page, lambda connection: None):  # never read the response
        wait_until(lambda: response_time(port) < MAX_RESPONSE_TIME, "a response")
    assert upload(port, 20_000_000) == 403  # the largest import arrives, but has no CSRF token
    assert upload(port, 22_000_000) in (413, 502)  # Caddy 2.6 responds with 502


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
