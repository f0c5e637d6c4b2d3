from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a self-signed certificate for feed.test, with its key in the same file."""
    return make_certificate(tmp_path_factory.mktemp("tls") / "feed.test.pem", "DNS:feed.test")


def make_certificate(path: Path, name: str) -> Path:
    """Write a self-signed certificate and its key for a name such as IP:127.0.0.1."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    subject = ("-subj", f"/CN={name.partition(':')[2]}", "-addext", f"subjectAltName={name}")
    files = ("-keyout", str(path), "-out", str(path.with_suffix(".crt")))
    subprocess.run([*command.split(), *subject, *files], check=True, capture_output=True)
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path
