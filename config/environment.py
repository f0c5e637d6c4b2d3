"""Parse settings from environment variables and collect all errors.

Each parser returns a usable value even if the variable is wrong, so that one start reports all
errors together. `exit_on_errors` ends the process with one line per error.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from datetime import date
from email.utils import parseaddr
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from environs import Env, EnvError

env = Env()
ENVIRONS = 'Environment variable "{}" invalid: '  # prefix of environs' messages
problems: dict[str, str] = {}  # variable -> its first error
names: set[str] = set()  # all variables that were read

MIN_KEY_LENGTH = 50  # characters; Django's own check asks for the same
MIN_DISTINCT_CHARACTERS = 5
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
HOST = re.compile(r"\*|\.?[a-z0-9_.-]+|\[[0-9a-f:.]+\]", re.IGNORECASE)  # as Django matches it
# Read by docker-compose.yml and its containers, or by the libraries themselves.
NOT_OURS = (
    *("POSTGRES_PASSWORD", "OWNER_PASSWORD", "APP_PASSWORD", "ACME_EMAIL"),
    *("BACKUP_DIR", "BACKUP_TO", "BACKUP_HOUR", "BACKUPS_KEPT", "DJANGO_SETTINGS_MODULE"),
)


def add_error(name: str, reason: str) -> None:
    """Record an error of a variable; the first one is reported."""
    problems.setdefault(name, reason)


def is_set(name: str) -> bool:
    """Return whether a variable has a value. Docker Compose passes unset variables as empty."""
    names.add(name)
    return bool(os.environ.get(name, "").strip())


def parse(reader: Any, name: str, default: Any = None, **options: Any) -> Any:
    """Parse one variable; return the default if it is absent, empty or wrong."""
    if not is_set(name):
        return default
    try:
        return reader(name, **options)
    except (EnvError, ValueError) as error:
        add_error(name, " ".join(str(error).split()).removeprefix(ENVIRONS.format(name)))
        return default


def text(name: str, default: str = "") -> str:
    """Read a string."""
    value: str = parse(env.str, name, default)
    return value


def flag(name: str, default: bool) -> bool:
    """Read a boolean such as 1, 0, true or off."""
    value: bool = parse(env.bool, name, default)
    return value


def list_of(name: str, default: Iterable[str] = ()) -> list[str]:
    """Read comma-separated values; skip empty ones."""
    values: list[str] = parse(env.list, name, list(default))
    return [item.strip() for item in values if item.strip()]


def day(name: str) -> date | None:
    """Read a date in ISO format."""
    value: date | None = parse(env.date, name)
    return value


def integer(name: str, default: int, low: int, high: int) -> int:
    """Read a whole number between two bounds, both included."""
    value: int = parse(env.int, name, default)
    if not low <= value <= high:
        add_error(name, f"{value} is not between {low} and {high}.")
        return default
    return value


def choice(name: str, default: str, choices: Iterable[str], hint: str = "") -> str:
    """Read one of some allowed values."""
    value = text(name, default)
    allowed = list(choices)
    if value not in allowed:
        add_error(name, f"{value!r} must be {hint or ' or '.join(allowed)}.")
        return default
    return value


def address(name: str, default: str) -> str:
    """Read an email address, with or without a display name."""
    value = text(name, default)
    try:
        if is_set(name):
            validate_email(parseaddr(value)[1])
    except ValidationError:
        add_error(name, f"{value!r} is not an email address.")
    return value


def key(name: str, default: str = "") -> str:
    """Read a signing key; reject one that is short enough to guess."""
    value = text(name, default)
    if is_set(name) and (len(value) < MIN_KEY_LENGTH or len(set(value)) < MIN_DISTINCT_CHARACTERS):
        add_error(
            name,
            f"must be random and have at least {MIN_KEY_LENGTH} characters; "
            "`openssl rand -hex 32` makes one.",
        )
    return value


def url(name: str, schemes: Iterable[str], hint: str, default: str = "") -> str:
    """Read a URL with one of these schemes and a host or path."""
    value = text(name, default)
    if not value:
        return value
    parts = split_url(value)
    if parts is None or parts.scheme not in schemes or not (parts.hostname or parts.path):
        add_error(name, f"must be {hint}.")
    return value


def split_url(value: str) -> SplitResult | None:
    """Return the parts of a URL, or None if its host or port is invalid."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    return parts


def refuse_bare_characters(name: str) -> None:
    """Report a URL that is cut short by an unescaped special character in its password."""
    if not is_set(name):
        return
    parts = split_url(os.environ[name].strip())
    if parts is None or parts.fragment or (not parts.username and "@" in parts.path + parts.query):
        add_error(
            name,
            "its host and port cannot be read; special characters in user and password must be "
            "%-encoded, such as %23 for #, %2F for /, %3F for ?, %40 for @, %25 for %.",
        )


def host_names(name: str) -> list[str]:
    """Read DNS names such as `selector1` or `s1.example`."""
    values = list_of(name)
    for value in values:
        if not all(map(LABEL.fullmatch, value.split("."))):
            add_error(name, f"{value!r} is not a DNS name.")
    return values


def file(name: str, hint: str, default: str = "") -> str:
    """Read the path of an existing file."""
    value = text(name, default)
    if value and not Path(value).is_file():
        add_error(name, f"{value!r} is not a file; {hint}")
    return value


def allowed_hosts(name: str, default: Iterable[str]) -> list[str]:
    """Read host names as Django compares them: without a scheme, a port and a path."""
    values = list_of(name, default)
    for value in values:
        if not HOST.fullmatch(value):
            add_error(name, f"{value!r} must be a host name, without https://, port and path.")
    return values


def bind_address(name: str, default: str) -> str:
    """Read an address to listen on, such as 0.0.0.0:8000 or unix:/run/paperboy.sock."""
    value = text(name, default)
    host, _, port = value.rpartition(":")
    if not value.startswith("unix:/") and not (host and port.isdecimal() and int(port) < 65_536):
        add_error(name, f"{value!r} must be an address such as 0.0.0.0:8000, or unix:/path.")
    return value


def domain_rates(name: str) -> dict[str, float]:
    """Read `gmail.com=20,*=5`: messages per second to a domain; `*` is any other domain."""
    rates: dict[str, float] = {}
    for entry in list_of(name):
        domain, _, rate = entry.lower().partition("=")
        try:
            rates[domain] = float(rate)
        except ValueError:
            rates[domain] = 0.0
        if not domain or not 0 < rates[domain] < 1e6:
            add_error(name, f"{entry!r} is not DOMAIN=MESSAGES_PER_SECOND.")
    return rates


def rate_limits(name: str, defaults: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Read `signup=60:1000`: requests per hour from one network and in total; 0 is no limit."""
    limits = dict(defaults)
    for entry in list_of(name):
        endpoint, _, value = entry.partition("=")
        counts = value.split(":")
        if endpoint not in defaults or len(counts) != 2 or not all(map(str.isdecimal, counts)):
            add_error(
                name,
                f"{entry!r} is not ENDPOINT=PER_NETWORK:IN_TOTAL with one of the endpoints "
                f"{', '.join(defaults)}.",
            )
            continue
        limits[endpoint] = (int(counts[0]), int(counts[1]))
    return limits


def networks(name: str) -> list[str]:
    """Read IP addresses and networks such as 10.0.0.0/8."""
    entries = list_of(name)
    for entry in entries:
        try:
            ip_network(entry, strict=False)
        except ValueError as error:
            add_error(name, f"{error}.")
            return []
    return entries


def load_secret_files(secrets: Iterable[str]) -> None:
    """Load each secret that is given as a file, by NAME_FILE, and not as a value."""
    for name in secrets:
        names.add(f"{name}_FILE")
        if (path := os.environ.get(f"{name}_FILE", "").strip()) and not is_set(name):
            try:
                os.environ[name] = Path(path).read_text().strip()
            except (OSError, UnicodeError) as error:
                add_error(f"{name}_FILE", str(error))


def report_misspelled() -> None:
    """Report variables whose names are almost those of settings."""
    known = sorted({*names, *NOT_OURS})
    for name in sorted(set(os.environ) - set(known)):
        if meant := next((other for other in known if is_misspelled(name, other)), None):
            add_error(name, f"is not a setting. Did you mean {meant}?")


def is_misspelled(name: str, known: str) -> bool:
    """Return whether a name is one typo away from a known one; two typos if it is long."""
    typed = name.upper().replace("-", "_")
    if abs(len(typed) - len(known)) > 2:
        return False
    if sorted(typed.split("_")) == sorted(known.split("_")):
        return True
    return edit_distance(typed, known) <= (2 if len(known) >= 12 else 1)


def edit_distance(left: str, right: str) -> int:
    """Return the number of letters added, missing, wrong or swapped with the next one."""
    above: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        above, two_above, row = row, above, [i]
        for j, expected in enumerate(right, 1):
            steps = [above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != expected)]
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == expected:
                steps.append(two_above[j - 2] + 1)
            row.append(min(steps))
    return row[-1]


def exit_on_errors() -> None:
    """End the process with one line per wrong variable, if there are any."""
    if problems:
        sys.exit("\n".join(f"Wrong setting: {name}: {reason}" for name, reason in problems.items()))


def celery_url(redis_url: str) -> str:
    """Return a redis-py URL in Celery's spelling: `unix://` becomes `redis+socket://`."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.path}?virtual_host={database}"
