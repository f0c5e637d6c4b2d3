"""Log lines contain no email addresses and no valid tokens."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from django.core.signing import Signer

from config import logs
from config.logs import redact

TOKEN = Signer(key="any", salt="paperboy.preferences").sign("4711:1xWe6k")  # with a fixed time


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("550 <ada.l+x@mail.example.org>: no such user", "550 <***@mail.example.org>: no such"),
        ("{'ada@example.org': (550, b'gone')}", "{'***@example.org': (550"),
        ('to "Ada L."@example.org now', "to ***@example.org now"),
        ("jürgen.öl@bücher.example, next", "***@bücher.example, next"),
        ("?email=ada%40example.org&x=1", "?email=***%40example.org&x=1"),
        ("smtp://user:s3cret@smtp.example.org:587", "***@smtp.example.org:587"),
        ("for ada@[192.0.2.1]", "for ***@[192.0.2.1]"),
        ("bounces+d12-abcdefghijklmnop@example.org", "***@example.org"),
        (f"Bad Request: /profile/{TOKEN}/", "Bad Request: /profile/***/"),
        (f"/profile/{TOKEN[:-3]}/", "/profile/***/"),
        (f"/react/more/7/{TOKEN.replace(':', '%3A')}/", "/react/more/7/***/"),
        ("urgent@host: Connected to redis://redis:6379/0", "urgent@host: Connected to redis://re"),
        ("12:30:45 at 2026-04-30 08:00:30", "12:30:45 at 2026-04-30 08:00:30"),
    ],
)
def test_addresses_and_tokens_are_masked(text: str, hidden: str) -> None:
    assert hidden in redact(text)


def test_a_long_line_without_an_address_is_fast() -> None:
    assert redact("a" * 200_000 + "@") == "a" * 200_000 + "@"


def record_with_traceback() -> logging.LogRecord:
    try:
        raise ValueError("refused: ada@example.org")
    except ValueError:
        return logging.LogRecord(
            "x", logging.ERROR, __file__, 1, "for %s\nand on", ("bo@example.org",), sys.exc_info()
        )


@pytest.mark.parametrize("form", logs.FORMATTERS)
def test_tracebacks_and_arguments_are_masked(form: str) -> None:
    line = logs.FORMATTERS[form]().format(record_with_traceback())
    assert "ValueError: refused: ***@example.org" in line
    assert "for ***@example.org" in line
    assert "ada@" not in line
    assert "bo@" not in line


def test_json_logs_have_one_object_per_line() -> None:
    line = logs.Json().format(record_with_traceback())
    assert "\n" not in line
    entry = json.loads(line)
    assert entry["level"] == "ERROR"
    assert entry["logger"] == "x"
    assert entry["message"] == "for ***@example.org\nand on"
    assert entry["time"].endswith("+00:00")


def test_no_logger_has_a_handler_that_bypasses_the_formatter() -> None:
    named = [logging.getLogger(name) for name in ("django", "django.server", "django.request")]
    assert [logger.handlers for logger in named] == [[], [], []]
