"""The processes of docker-compose.yml, run without Docker from the files of the image."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from django.test import Client
from redis import Redis

from tests.deploy.conftest import APP, OWNER, PRODUCTION, ROOT, DatabaseServer, script
from tests.pages import Page
from tests.subscriptions.conftest import Sink, smtp

__all__ = ["smtp"]
DATABASE = "processes_test"
SITE = "https://paperboy.example.org"
READER = "someone.new@example.org"
TIMEOUT = 90  # seconds


def wait_until(condition: Callable[[], Any], description: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, f"timed out waiting for {description}"
        time.sleep(0.1)


@dataclass
class Installation:
    """The processes of an installation and their logs."""

    image: Path
    logs: Path
    environment: dict[str, str]
    port: int
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)

    def start(self, name: str) -> None:
        with (self.logs / name).open("wb") as log:
            self.running[name] = subprocess.Popen(
                self.command(name), cwd=self.image, env=self.environment, stdout=log, stderr=log
            )

    def command(self, name: str) -> list[str]:
        service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"][name]
        return [part.replace("/data/", f"{self.logs}/") for part in service["command"]]

    def manage(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=self.image,
            env=self.environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request as the proxy would, with the cookies received so far."""
        headers = {"Host": "paperboy.example.org", "X-Forwarded-Proto": "https"}
        headers |= {"Referer": f"{SITE}/"} | options.pop("headers", {})
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        response = httpx.request(
            method, f"http://127.0.0.1:{self.port}{path}", headers=headers, timeout=30, **options
        )
        for cookie in response.headers.get_list("set-cookie"):
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        return response

    def press(self, path: str, button: str, **fields: str) -> httpx.Response:
        """Open a page, fill in fields of the button's form and press the button."""
        page = Page(Client(), self.request("GET", path), path)
        action = page.form(button).get("action") or path
        return self.request("POST", action, data=page.fields(button) | fields)

    def is_ready(self) -> bool:
        try:
            return self.request("GET", "/healthz/ready").status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self) -> dict[str, int]:
        """Send SIGTERM to all processes, like `docker compose stop`, and return exit statuses."""
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        return {name: process.wait(60) for name, process in self.running.items()}

    def all_logs(self) -> str:
        return "".join((self.logs / name).read_text() for name in self.running)


@pytest.fixture
def installation(
    server: DatabaseServer, image: Path, smtp: Sink, tmp_path: Path, settings: Any
) -> Iterator[Installation]:
    server.create(DATABASE)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    store = settings.REDIS_URL.replace("db=0", "db=3")
    Redis.from_url(store).flushdb()
    environment = PRODUCTION | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": server.url(DATABASE, APP),
        "REDIS_URL": store,
        "EMAIL_URL": f"smtp://127.0.0.1:{settings.EMAIL_PORT}",
        "LOG_FORMAT": "json",
        "METRICS_TOKEN": "shown",
        "WEB_BIND": f"127.0.0.1:{port}",
    }
    installation = Installation(image, tmp_path, environment, port)
    yield installation
    for process in installation.running.values():
        process.kill()
        process.wait()
    Redis.from_url(store).flushdb()
    server.drop(DATABASE)


def find_link(sink: Sink, subject: str, path: str) -> str:
    """Return the path of the link that starts with `path`, in the email with this subject."""
    [mail] = [mail for mail in sink.accepted if subject in str(mail["Subject"])]
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    [link, *_] = re.findall(rf"{SITE}({path}\S+)", text)
    return link


@pytest.mark.slow
@pytest.mark.promise(40)
def test_no_process_logs_the_address_of_a_reader(
    installation: Installation, server: DatabaseServer, smtp: Sink
) -> None:
    owner = {"DATABASE_URL": server.url(DATABASE, OWNER)}
    migrated = installation.manage(*installation.command("migrate")[2:], **owner)
    assert migrated.returncode == 0, migrated.stderr
    sample = (
        str(ROOT / "devtools" / "sample" / name)
        for name in ("arxiv-2026-04-30.xml", "hf-daily-2026-04-30.json")
    )
    assert installation.manage("ingest", *sample).returncode == 0
    assert installation.manage("shell", "-c", script("learn_sample")).returncode == 0
    for name in ("web", "urgent", "mail", "build", "ingest", "beat", "watch"):
        installation.start(name)
    wait_until(installation.is_ready, "the web server")

    installation.press("/subscribe/", "Subscribe", email=READER)
    wait_until(lambda: smtp.accepted, "the confirmation")
    confirmed = installation.press(find_link(smtp, "onfirm", "/confirm/"), "Yes, send me papers")
    button = "Save and send today's digest"
    assert (
        installation.press(confirmed.headers["location"], button, send="today").status_code == 302
    )
    wait_until(lambda: any(mail["List-Id"] for mail in smtp.accepted), "the digest")
    assert {str(mail["To"]) for mail in smtp.accepted} == {READER}

    for _ in range(10):
        assert installation.request("GET", "/").status_code == 200
    metrics = installation.request(
        "GET", "/metrics", headers={"Authorization": "Bearer shown"}
    ).text
    [count] = re.findall(r'request_seconds_count\{page="home",status="2xx"\} (\S+)', metrics)
    assert float(count) == 10, "the web processes share their counts"

    said = json.loads(installation.manage("doctor", "--offline", "--json").stdout)
    works = {one["message"].split(":")[0]: one["level"] for one in said if one["area"] == "Workers"}
    assert works == dict.fromkeys(("urgent", "mail", "build", "ingest"), "ok")
    assert {one["level"] for one in said if one["area"] == "PostgreSQL"} == {"ok"}

    assert installation.stop() == dict.fromkeys(installation.running, 0)
    logs = installation.all_logs()
    assert "someone.new" not in logs
    assert "/confirm/***/" in logs, "requests are logged with masked tokens"
    for line in logs.splitlines():
        assert not line.startswith("{") or json.loads(line)["time"]
    assert not re.search(r'"level": "(ERROR|CRITICAL)"', logs)
