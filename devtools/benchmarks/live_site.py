"""A complete site on the loopback interface, for benchmarks, and a minimal browser."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import altcha
import redis
from django.conf import settings

from config.progress import step
from devtools import embedded
from web import rate_limit

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
CELERY = (sys.executable, "-W", "ignore", "-m", "celery", "-q", "-A", "config")


@dataclass
class Site:
    """A running site: the port of the web server, and the log of the mail server."""

    port: int
    log: Path
    has_challenge: bool
    redis: redis.Redis
    environment: Mapping[str, str]

    def reset_limits(self) -> None:
        """Delete all rate limits, as if hours had passed."""
        for key in self.redis.scan_iter(f"{rate_limit.KEY_PREFIX}:*"):
            self.redis.delete(key)

    def mails(self) -> dict[str, float]:
        """Return the Unix time of each recipient's first accepted mail."""
        times: dict[str, float] = {}
        for line in self.log.read_text().splitlines():
            moment, _, to = line.partition(" ")
            times.setdefault(to, float(moment))
        return times


@contextmanager
def run_site(challenge: str) -> Iterator[Site]:
    """Run a site in a temporary folder; `challenge` is the CHALLENGE setting."""
    with tempfile.TemporaryDirectory(prefix="pb-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL may run as another account
        log = folder / "mails"
        log.touch()
        sink = _start("-m", "devtools.benchmarks.smtp_sink", name, "--log", stdin=subprocess.PIPE)
        assert sink.stdout  # noqa: S101 - it is a pipe
        mail_port = int(sink.stdout.readline())
        port = _free_port()
        removed = ("DATABASE_URL", "REDIS_URL", "ANYMAIL_PROVIDER")
        environment = {key: value for key, value in os.environ.items() if key not in removed} | {
            "DEBUG": "1",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATA_DIR": str(folder / "data"),
            "EMAIL_URL": f"smtp://127.0.0.1:{mail_port}",
            "SITE_URL": f"http://127.0.0.1:{port}",
            "WEB_BIND": f"127.0.0.1:{port}",
            "TRUSTED_PROXIES": "127.0.0.1",
            "CHALLENGE": challenge,
            "LOG_LEVEL": "ERROR",
        }
        processes = [sink]
        try:
            with step("Starting a site"):
                _run_commands(environment)
                web = ("-m", "gunicorn", "-c", "python:config.gunicorn", "config.wsgi")
                processes.append(_start(*web, env=environment))
                worker = (*CELERY[1:], "worker", "-Q", "urgent", "-c", "1", "-l", "error")
                processes.append(_start(*worker, env=environment))
                url = embedded.redis_url(folder / "data")
                site = Site(port, log, bool(challenge), redis.Redis.from_url(url), environment)
                _warm_up(site)
            yield site
        finally:
            for process in processes:
                process.kill()
                process.wait()
            embedded.stop(folder / "data")


def _run_commands(environment: Mapping[str, str]) -> None:
    """Start the services and create the tables."""
    for command in (("manage.py", "services", "start"), ("manage.py", "migrate", "-v0")):
        subprocess.run(  # noqa: S603
            [sys.executable, *command], cwd=settings.BASE_DIR, env=environment, check=True
        )


def _start(*command: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, *command],
        cwd=settings.BASE_DIR,
        text=True,
        stdout=subprocess.PIPE if "stdin" in options else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **options,
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@dataclass
class Browser:
    """A connection with the cookie and token of the form's page."""

    port: int
    cookie: str = ""
    token: str = ""
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def open_form(self) -> None:
        """Load the form for its cookie and token."""
        page, headers = self._request("GET", "/subscribe/", "", {})[1:]
        self.cookie = (headers["Set-Cookie"] or "").partition(";")[0]
        match = TOKEN.search(page)
        self.token = match[1] if match else ""

    def sign_up(self, address: str, forwarded: str, answer: str = "") -> int:
        """Submit the form; return the status of the response, 0 for none."""
        fields = {"csrfmiddlewaretoken": self.token, "email": address, "altcha": answer}
        return self._request(
            "POST", "/subscribe/", urlencode(fields), {"X-Forwarded-For": forwarded}
        )[0]

    def solve(self, forwarded: str) -> str:
        """Solve a challenge as the form's script does; return the solution."""
        challenge = json.loads(
            self._request("GET", "/challenge/", "", {"X-Forwarded-For": forwarded})[1]
        )
        solution = altcha.solve_challenge(altcha.Challenge.from_dict(challenge))
        assert solution  # noqa: S101 - there is always one
        payload = {"challenge": challenge, "solution": solution.to_dict()}
        return base64.b64encode(json.dumps(payload).encode()).decode()

    def _request(
        self, method: str, path: str, body: str, headers: dict[str, str]
    ) -> tuple[int, str, Any]:
        form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": self.cookie}
        try:
            self.connection.request(method, path, body, headers | form)
            response = self.connection.getresponse()
            return response.status, response.read().decode(), response.headers
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return 0, "", {"Set-Cookie": ""}


def _warm_up(site: Site) -> None:
    """Wait until the site responds and the worker sends mail."""
    for number in range(60):
        browser = Browser(site.port)
        browser.open_form()
        if browser.token:
            address = f"warm{number}@example.com"
            forwarded = f"192.0.2.{number}"
            browser.sign_up(
                address, forwarded, browser.solve(forwarded) if site.has_challenge else ""
            )
            if wait_for_mail(site, address, 2.0):
                return
        time.sleep(0.5)
    raise SystemExit("The site did not start.")


def wait_for_mail(site: Site, address: str, timeout: float) -> float:
    """Return the time at which the address got its mail; 0 if it did not in time."""
    deadline = time.time() + timeout
    while not (moment := site.mails().get(address, 0.0)) and time.time() < deadline:
        time.sleep(0.1)
    return moment
