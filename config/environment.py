"""Read settings from environment variables, and collect everything that is wrong with them.

Each reader returns a usable value even when the variable is wrong, so that one start names all
wrong variables together. `stop_if_wrong` ends the process with one line for each.
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
ENVIRONS = 'Environment variable "{}" invalid: '  # how its messages begin
problems: dict[str, str] = {}  # by variable, the first one of each
names: set[str] = set()  # all variables that were asked for

MIN_KEY_LENGTH = 50  # characters, and so many different ones: what Django's own check asks for
MIN_DISTINCT_CHARACTERS = 5
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
# Read by docker-compose.yml and its containers, or by the libraries themselves.
NOT_OURS = (
    *("POSTGRES_PASSWORD", "OWNER_PASSWORD", "APP_PASSWORD", "ACME_EMAIL"),
    *("BACKUP_DIR", "BACKUP_TO", "BACKUP_HOUR", "BACKUPS_KEPT", "DJANGO_SETTINGS_MODULE"),
)


def add_error(name: str, reason: str) -> None:
    """Record what is wrong with a variable; the first reason counts."""
    problems.setdefault(name, reason)


def is_set(name: str) -> bool:
    """Tell whether a variable has a value. Docker Compose passes empty ones: they do not count."""
    names.add(name)
    return bool(os.environ.get(name, "").strip())


def parse(reader: Any, name: str, default: Any = None, **options: Any) -> Any:
    """Read one variable; return the default where it is absent, empty or wrong."""
    if not is_set(name):
        return default
    try:
        return reader(name, **options)
    except (EnvError, ValueError) as error:
        add_error(name, " ".join(str(error).split()).removeprefix(ENVIRONS.format(name)))
        return default


def text(name: str, default: str = "") -> str:
    value: str = parse(env.str, name, default)
    return value


def flag(name: str, default: bool) -> bool:
    value: bool = parse(env.bool, name, default)
    return value


def list_of(name: str, default: Iterable[str] = ()) -> list[str]:
    """Read values with commas between; empty ones do not count."""
    found: list[str] = parse(env.list, name, list(default))
    return [item.strip() for item in found if item.strip()]


def day(name: str) -> date | None:
    value: date | None = parse(env.date, name)
    return value


def integer(name: str, default: int, low: int, high: int) -> int:
    """Read a whole number that must lie between two bounds."""
    value: int = parse(env.int, name, default)
    if not low <= value <= high:
        add_error(name, f"{value} is not between {low} and {high}.")
        return default
    return value


def choice(name: str, default: str, choices: Iterable[str], hint: str = "") -> str:
    value = text(name, default)
    allowed = list(choices)
    if value not in allowed:
        add_error(name, f"{value!r} must be {hint or ' or '.join(allowed)}.")
        return default
    return value


def address(name: str, default: str) -> str:
    """Read an email address, which may have a display name before it."""
    value = text(name, default)
    try:
        if is_set(name):
            validate_email(parseaddr(value)[1])
    except ValidationError:
        add_error(name, f"{value!r} is not an email address.")
    return value


def key(name: str, default: str = "") -> str:
    """Read a key that signs; a short one can be guessed."""
    value = text(name, default)
    if is_set(name) and (len(value) < MIN_KEY_LENGTH or len(set(value)) < MIN_DISTINCT_CHARACTERS):
        add_error(
            name,
            f"must be random and have at least {MIN_KEY_LENGTH} characters; "
            "`openssl rand -hex 32` makes one.",
        )
    return value


def url(name: str, schemes: Iterable[str], hint: str, default: str = "") -> str:
    """Read a URL whose scheme is one of these and that names a host or a path."""
    value = text(name, default)
    if not value:
        return value
    parts = split_url(value)
    if parts is None or parts.scheme not in schemes or not (parts.hostname or parts.path):
        add_error(name, f"must be {hint}.")
    return value


def split_url(value: str) -> SplitResult | None:
    """The parts of a URL; None where its host or port cannot be read."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    return parts


def refuse_bare_characters(name: str) -> None:
    """Refuse a URL that ends early because its password has a character with a meaning in URLs."""
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
    """Read names made of labels, such as `selector1` or `s1.example`."""
    found = list_of(name)
    for value in found:
        if not all(map(LABEL.fullmatch, value.split("."))):
            add_error(name, f"{value!r} is not a name of DNS.")
    return found


def file(name: str, hint: str) -> str:
    value = text(name)
    if value and not Path(value).is_file():
        add_error(name, f"{value!r} is not a file; {hint}")
    return value


def domain_rates(name: str) -> dict[str, float]:
    """Read `gmail.com=20,*=5`: messages a second to a domain; * is any other."""
    found: dict[str, float] = {}
    for entry in list_of(name):
        domain, _, rate = entry.lower().partition("=")
        try:
            found[domain] = float(rate)
        except ValueError:
            found[domain] = 0.0
        if not domain or not 0 < found[domain] < 1e6:
            add_error(name, f"{entry!r} is not DOMAIN=MESSAGES_PER_SECOND.")
    return found


def rate_limits(name: str, rates: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Read `signup=60:1000`: an hour's requests from one network, and from all; 0: no limit."""
    found = dict(rates)
    for entry in list_of(name):
        entrance, _, given = entry.partition("=")
        counts = given.split(":")
        if entrance not in rates or len(counts) != 2 or not all(map(str.isdecimal, counts)):
            add_error(
                name,
                f"{entry!r} is not ENDPOINT=PER_NETWORK:IN_TOTAL with one of the endpoints "
                f"{', '.join(rates)}.",
            )
            continue
        found[entrance] = (int(counts[0]), int(counts[1]))
    return found


def networks(name: str) -> list[str]:
    """Read addresses and networks such as 10.0.0.0/8."""
    found = list_of(name)
    for entry in found:
        try:
            ip_network(entry, strict=False)
        except ValueError as error:
            add_error(name, f"{error}.")
            return []
    return found


def load_secret_files(secrets: Iterable[str]) -> None:
    """Of these variables, read those that are given as NAME_FILE and not by themselves."""
    for name in secrets:
        names.add(f"{name}_FILE")
        if (path := os.environ.get(f"{name}_FILE", "").strip()) and not is_set(name):
            try:
                os.environ[name] = Path(path).read_text().strip()
            except (OSError, UnicodeError) as error:
                add_error(f"{name}_FILE", str(error))


def report_misspelled() -> None:
    """Refuse variables whose names are almost, and not quite, those of settings."""
    known = sorted({*names, *NOT_OURS})
    for name in sorted(set(os.environ) - set(known)):
        if meant := next((other for other in known if is_misspelled(name, other)), None):
            add_error(name, f"is not a setting. Is {meant} meant?")


def is_misspelled(name: str, known: str) -> bool:
    """Tell whether a name is one slip from a known one; two slips where both are long."""
    given = name.upper().replace("-", "_")
    if abs(len(given) - len(known)) > 2:
        return False
    if sorted(given.split("_")) == sorted(known.split("_")):
        return True
    return distance(given, known) <= (2 if len(known) >= 12 else 1)


def distance(one: str, other: str) -> int:
    """Count the letters that are added, missing, wrong or swapped with the next one."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, wanted in enumerate(other, 1):
            steps = [before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted)]
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                steps.append(last[j - 2] + 1)
            row.append(min(steps))
    return row[-1]


def exit_on_errors() -> None:
    """End this process, whichever it is, with a line for each wrong variable."""
    if problems:
        sys.exit("\n".join(f"Wrong setting: {name}: {reason}" for name, reason in problems.items()))


def celery_url(url: str) -> str:
    """A redis-py URL as Celery spells it: `unix://` becomes `redis+socket://`."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.path}?virtual_host={database}"
