"""Base class of the embedded servers: paths, lock, launch and error messages."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from devtools.embedded import permissions

MAX_SOCKET_PATH_LENGTH = 103  # bytes; the kernel's limit: 103 on macOS, 107 on Linux
ERROR_LINES = 6  # last lines of the log that an error message quotes


class ServerError(RuntimeError):
    """A server cannot be started or stopped; the message names the server, cause and remedy."""


@dataclass(frozen=True)
class Server(ABC):
    """An embedded server with its files under `data`, an absolute directory."""

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
        """Return the directory of the server's files."""
        return self.data / self.name.lower()

    @property
    def log(self) -> Path:
        return self.home.with_suffix(".log")

    @property
    def socket_dir(self) -> Path:
        """Return the home, or a short directory if the home's path does not fit in a socket URL."""
        path = str(self.home / self.socket_name)
        # PostgreSQL's client splits hosts at commas; a plain path needs no escapes.
        if len(path) <= MAX_SOCKET_PATH_LENGTH and quote(path) == path:
            return self.home
        key = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        # Not tempfile.gettempdir(): it depends on TMPDIR, but all processes need the same path.
        # `permissions.make_private` protects the directory.
        return Path("/tmp") / f"paperboy-{key}"  # noqa: S108

    @property
    def socket(self) -> Path:
        return self.socket_dir / self.socket_name

    @property
    def pid_file(self) -> Path:
        return self.home / self.pid_name

    @cached_property
    def account(self) -> pwd.struct_passwd | None:
        """The account that runs the server; None for our own."""
        return permissions.server_account(self.home)

    @property
    @abstractmethod
    def url(self) -> str:
        """Return the URL for clients."""

    @abstractmethod
    def answers(self) -> bool:
        """Return True if the server accepts commands; takes a few milliseconds."""

    @abstractmethod
    def prepare(self, lock: int) -> list[str]:
        """Prepare the home directory and return the command that runs the server."""

    def error(self, reason: str) -> ServerError:
        return ServerError(
            f"Embedded {self.name} failed: {reason}\n"
            f"Files: {self.home} (move them away to start from scratch); log: {self.log}\n"
            f"To use your own server, set {self.setting}."
        )

    @contextmanager
    def lock(self) -> Iterator[int | None]:
        """Yield the locked file's descriptor, or None if the server or a starter holds the lock."""
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
            # Close without unlocking, which would release the server's lock as well.
            os.close(descriptor)

    def find_program(self, path: str) -> Path:
        """Return a program of the wheel, readable for the account that runs the server."""
        spec = find_spec(self.packages[0])
        if spec is None or not spec.submodule_search_locations:
            raise self.error(f"the package {self.wheel} is not installed (use pip to install it).")
        package = Path(spec.submodule_search_locations[0])
        if self.account:
            permissions.allow_traversal(package, self.account.pw_uid)
            for folder in (package.parent / name for name in self.packages):
                permissions.allow_reading(folder)
        return package / path

    def launch(self, lock: int) -> None:
        """Start the server as a detached process that inherits `lock`."""
        self.data.mkdir(parents=True, exist_ok=True)
        if self.account:
            permissions.allow_traversal(self.home, self.account.pw_uid)
        command = self.prepare(lock)
        permissions.make_private(self.socket_dir, self.account)
        socket_lock = self.socket.with_name(f"{self.socket_name}.lock")
        for stale in (self.pid_file, self.socket, socket_lock):
            stale.unlink(missing_ok=True)
        # The shell exits at once, so init adopts the server and reaps it.
        self.run(["/bin/sh", "-c", '"$@" &', "sh", *command], lock)

    def run(self, command: list[str], lock: int, stdin: str = "") -> None:
        """Run a command as the server's account, in its own session, with output to the log."""
        account = self.account
        with self.log.open("ab") as log:
            start = log.tell()
            result = subprocess.run(  # noqa: S603  fixed command
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
        if result.returncode:
            raise self.start_error(start)

    def log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def start_error(self, offset: int) -> ServerError:
        """Return an error with the last lines of the log after byte `offset`."""
        with self.log.open("rb") as log:
            log.seek(offset)
            lines = log.read().decode(errors="replace").strip().splitlines()
        return self.error("\n  ".join(["it did not start. End of its log:", *lines[-ERROR_LINES:]]))
