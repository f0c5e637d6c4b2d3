from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for feed.test, with its key in the same file, signed by itself."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    path = tmp_path_factory.mktemp("tls") / "feed.test.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    name = ("-subj", "/CN=feed.test", "-addext", "subjectAltName=DNS:feed.test")
    files = ("-keyout", str(path), "-out", str(path.with_suffix(".crt")))
    subprocess.run(
        [*command.split(), *name, *files],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path
