"""A killed test run does not break the next one in the same checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

# A test that leaves keys in Redis and an open database session, and waits until it is killed.
KILLED_TEST = """
    import os, subprocess, sys, time
    from pathlib import Path

    import pytest
    from django.conf import settings
    from django.db import connection
    from redis import Redis

    HOLD = '''
    import os, time, django
    django.setup()
    from django.db import connection
    connection.settings_dict["NAME"] = os.environ["TEST_NAME"]
    connection.ensure_connection()
    print("connected", flush=True)
    time.sleep(300)
    '''

    @pytest.mark.django_db(transaction=True)
    def test_that_is_killed():
        name = connection.settings_dict["NAME"]
        Redis.from_url(settings.REDIS_URL).set("cool-down", "1")
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD.replace("\\n    ", "\\n")],
            env=os.environ | {"TEST_NAME": name, "DJANGO_SETTINGS_MODULE": "tests.settings"},
            stdout=subprocess.PIPE, start_new_session=True,
        )
        assert holder.stdout.readline()
        print(f"holder {holder.pid}", flush=True)
        time.sleep(300)
"""
NEXT_TEST = """
    import pytest
    from django.conf import settings
    from redis import Redis

    @pytest.mark.django_db
    def test_of_the_next_run(make_reader):
        make_reader()
        assert not Redis.from_url(settings.REDIS_URL).keys()
"""


@contextmanager
def run_pytest(path: Path, code: str, data: Path) -> Iterator[subprocess.Popen[str]]:
    """Run pytest on a file with this code, the project's fixtures and servers under `data`."""
    path.write_text("from tests.conftest import *\n" + textwrap.dedent(code))
    excluded = ("PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST", "PYTEST_ADDOPTS")
    environment = {key: value for key, value in os.environ.items() if key not in excluded}
    command = (sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider")
    options = ("--rootdir", str(settings.BASE_DIR), "-c", str(settings.BASE_DIR / "pyproject.toml"))
    process = subprocess.Popen(
        [*command, *options, str(path)],
        cwd=settings.BASE_DIR,
        env=environment | {"DATA_DIR": str(data)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_the_next_run_passes_and_kills_leftover_programs(tmp_path: Path) -> None:
    data = settings.DATA_DIR.parent / f"{settings.DATA_DIR.name}-killed"
    try:
        with run_pytest(tmp_path / "test_killed.py", KILLED_TEST, data) as killed:
            assert killed.stdout
            output = ""
            for line in killed.stdout:
                output += line
                if line.startswith("holder "):
                    break
            else:
                pytest.fail(output)
        holder = int(line.split()[1])
        assert Path(f"/proc/{holder}").exists()
        with run_pytest(tmp_path / "test_next.py", NEXT_TEST, data) as following:
            output, _ = following.communicate(timeout=120)
            assert following.returncode == 0, output
        assert not Path(f"/proc/{holder}/exe").exists()
    finally:
        stop = [sys.executable, "manage.py", "services", "stop"]
        environment = os.environ | {"DATA_DIR": str(data)}
        subprocess.run(stop, cwd=settings.BASE_DIR, env=environment, check=True)
