"""The processes of docker-compose.yml, with its own commands, without Docker: from the image's
files, under the two database roles, behind what plays the proxy."""

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

from tests.deploy.conftest import APP, OWNER, PRODUCTION, ROOT, Place, script
from tests.pages import Page
from tests.subscriptions.conftest import Sink, smtp

__all__ = ["smtp"]
DATABASE = "processes_test"
SITE = "https://paperboy.example.org"
READER = "someone.new@example.org"
PATIENCE = 90


def until(true: Callable[[], Any], what: str) -> None:
    give_up = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < give_up, f"waited in vain for {what}"
        time.sleep(0.1)


@dataclass
class House:
    """All processes of an installation, and what they wrote."""

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

    def manage(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=self.image,
            env=self.environment | more,
            capture_output=True,
            text=True,
            check=False,
        )

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """As the proxy passes it on, with the cookies that came so far."""
        headers = {"Host": "paperboy.example.org", "X-Forwarded-Proto": "https"}
        headers |= {"Referer": f"{SITE}/"} | more.pop("headers", {})
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = httpx.request(
            method, f"http://127.0.0.1:{self.port}{path}", headers=headers, timeout=30, **more
        )
        for cookie in answer.headers.get_list("set-cookie"):
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def press(self, path: str, button: str, **fields: str) -> httpx.Response:
        """Open a page and send the form of this button as rendered, with these fields filled in."""
        page = Page(Client(), self.ask("GET", path), path)
        action = page.form(button).get("action") or path
        return self.ask("POST", action, data=page.fields(button) | fields)

    def is_ready(self) -> bool:
        try:
            return self.ask("GET", "/healthz/ready").status_code == 200
        except httpx.HTTPError:
            return False

    def dismiss(self) -> dict[str, int]:
        """SIGTERM to all, as `docker compose stop` sends it; their exit statuses."""
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        return {name: process.wait(60) for name, process in self.running.items()}

    def written(self) -> str:
        return "".join((self.logs / name).read_text() for name in self.running)


@pytest.fixture
def house(server: Place, image: Path, smtp: Sink, tmp_path: Path, settings: Any) -> Iterator[House]:
    server.make(DATABASE)
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
    house = House(image, tmp_path, environment, port)
    yield house
    for process in house.running.values():
        process.kill()
        process.wait()
    Redis.from_url(store).flushdb()
    server.drop(DATABASE)


def link(sink: Sink, subject: str, path: str) -> str:
    """The address of a link in the mail with this in its subject."""
    [mail] = [mail for mail in sink.accepted if subject in str(mail["Subject"])]
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    [found, *_] = re.findall(rf"{SITE}({path}\S+)", text)
    return found


@pytest.mark.slow
@pytest.mark.promise(40)
def test_no_process_logs_the_address_of_a_reader_it_serves(
    house: House, server: Place, smtp: Sink
) -> None:
    owner = {"DATABASE_URL": server.url(DATABASE, OWNER)}
    migrated = house.manage(*house.command("migrate")[2:], **owner)
    assert migrated.returncode == 0, migrated.stderr
    sample = (
        str(ROOT / "devtools" / "sample" / name)
        for name in ("arxiv-2026-04-30.xml", "hf-daily-2026-04-30.json")
    )
    assert house.manage("ingest", *sample).returncode == 0
    assert house.manage("shell", "-c", script("learn_sample")).returncode == 0
    for name in ("web", "urgent", "mail", "build", "ingest", "beat", "watch"):
        house.start(name)
    until(house.is_ready, "the web server")

    house.press("/subscribe/", "Subscribe", email=READER)
    until(lambda: smtp.accepted, "the confirmation")
    confirmed = house.press(link(smtp, "onfirm", "/confirm/"), "Yes, send me papers")
    button = "Save and send today's digest"
    assert house.press(confirmed.headers["location"], button, send="today").status_code == 302
    until(lambda: any(mail["List-Id"] for mail in smtp.accepted), "the digest")
    assert {str(mail["To"]) for mail in smtp.accepted} == {READER}

    for _ in range(10):
        assert house.ask("GET", "/").status_code == 200
    metrics = house.ask("GET", "/metrics", headers={"Authorization": "Bearer shown"}).text
    [seen] = re.findall(r'request_seconds_count\{page="home",status="2xx"\} (\S+)', metrics)
    assert float(seen) == 10, "both processes count together"

    said = json.loads(house.manage("doctor", "--offline", "--json").stdout)
    works = {one["said"].split(":")[0]: one["level"] for one in said if one["area"] == "Workers"}
    assert works == dict.fromkeys(("urgent", "mail", "build", "ingest"), "ok")
    assert {one["level"] for one in said if one["area"] == "PostgreSQL"} == {"ok"}

    assert house.dismiss() == dict.fromkeys(house.running, 0)
    written = house.written()
    assert "someone.new" not in written
    assert "/confirm/***/" in written, "requests are logged, and tokens hidden"
    for line in written.splitlines():
        assert not line.startswith("{") or json.loads(line)["time"]
    assert not re.search(r'"level": "(ERROR|CRITICAL)"', written)
