"""Run programs in processes with given environments, forked from one that has imported Celery.

Settings are read when a process starts. Starting each process from scratch would import Django and
Celery each time. This process imports them once, without reading any settings. Each line of its
input is a program and its environment as JSON, each line of its output the result.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import IO, NoReturn

import django.core.checks
import django.core.validators  # noqa: F401
import environs  # noqa: F401

import config  # noqa: F401


def main() -> None:
    assert "config.settings" not in sys.modules
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(run(request["program"], request["environment"])), flush=True)


def run(program: str, environment: dict[str, str]) -> dict[str, int | str]:
    """Run the program in a child process and return its exit code and output."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        pid = os.fork()
        if not pid:
            os.dup2(output.fileno(), 1)
            os.dup2(errors.fileno(), 2)
            os.environ.clear()
            os.environ.update(environment)
            exit_with(lambda: exec(program, {"__name__": "__main__"}))
        _, status = os.waitpid(pid, 0)
        return {
            "returncode": os.waitstatus_to_exitcode(status),
            "stdout": read(output),
            "stderr": read(errors),
        }


def exit_with(work: Callable[[], None]) -> NoReturn:
    """Do the work and end this process as Python would."""
    code = 0
    try:
        work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def read(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


if __name__ == "__main__":
    main()
