"""Sources of returned mail: an IMAP mailbox, a Maildir, an mbox, files, a pipe.

Mail about our messages is removed once it is recorded; other mail stays, marked as read, for a
person to look at. An interrupted run continues next time.
"""

from __future__ import annotations

import imaplib
import mailbox
import ssl
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from subscriptions.feedback.mail_parts import MAX_BYTES
from subscriptions.feedback.returned_mail import IGNORED

Handler = Callable[[bytes], str]
"""Process one mail and return its kind."""

MAX_MAILS_PER_RUN = 2000
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
TIMEOUT = 30.0  # seconds


class MailboxError(Exception):
    """The mailbox cannot be read; the message says why."""


def process_path(path: str, handle: Handler) -> Counter[str]:
    """Process every mail at a path and count the kinds.

    The path is a Maildir (its new mails), a directory of files, an mbox, one mail, or "-" for
    standard input. Only a Maildir is changed.
    """
    if path == "-":
        return Counter([handle(sys.stdin.buffer.read(MAX_BYTES))])
    place = Path(path)
    try:
        if (place / "new").is_dir() and (place / "cur").is_dir():
            return _process_maildir(place, handle)
        return Counter(handle(raw) for raw in _read_mails(place))
    except (OSError, mailbox.Error) as error:
        raise MailboxError(f"{path}: {error}") from error


def _read_mails(place: Path) -> Iterator[bytes]:
    if place.is_dir():
        for file in sorted(path for path in place.iterdir() if path.is_file()):
            yield from _read_mails(file)
        return
    with place.open("rb") as stream:
        if not stream.read(5).startswith(b"From "):
            stream.seek(0)
            yield stream.read(MAX_BYTES)
            return
    box = mailbox.mbox(place, create=False)
    try:
        yield from (box.get_bytes(key) for key in box.keys())  # noqa: SIM118 - no mapping
    finally:
        box.close()


def _process_maildir(place: Path, handle: Handler) -> Counter[str]:
    """Move mails from new/ to cur/, marked as seen; remove those about our messages."""
    tally: Counter[str] = Counter()
    for file in sorted((place / "new").iterdir())[:MAX_MAILS_PER_RUN]:
        kind = handle(file.read_bytes()[:MAX_BYTES])
        if kind == IGNORED:
            file.rename(place / "cur" / f"{file.name}:2,S")
        else:
            file.unlink()
        tally[kind] += 1
    return tally


def process_imap(url: str, handle: Handler) -> Counter[str]:
    """Process the unread mails of imaps://user:password@host:port/FOLDER and count the kinds.

    imap:// requires STARTTLS, except for a server on this machine.
    """
    with _opened(url) as connection:
        return _process_unread(connection, handle)


def check_imap(url: str) -> None:
    """Log in and open the folder; raise MailboxError if that fails."""
    with _opened(url):
        pass


@contextmanager
def _opened(url: str) -> Iterator[imaplib.IMAP4]:
    try:
        connection = _connect(url)
        try:
            yield connection
        finally:
            connection.logout()
    except (OSError, imaplib.IMAP4.error) as error:
        host = urlsplit(url).hostname
        raise MailboxError(f"The mailbox at {host} cannot be read: {error}") from error


def _connect(url: str) -> imaplib.IMAP4:
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection: imaplib.IMAP4
    if parts.scheme == "imaps":
        tls = ssl.create_default_context()
        connection = imaplib.IMAP4_SSL(host, parts.port or 993, ssl_context=tls, timeout=TIMEOUT)
    else:
        connection = imaplib.IMAP4(host, parts.port or 143, timeout=TIMEOUT)
        if host not in LOCAL_HOSTS or "STARTTLS" in connection.capabilities:
            connection.starttls(ssl.create_default_context())
    connection.login(unquote(parts.username or ""), unquote(parts.password or ""))
    folder = unquote(parts.path.strip("/")) or "INBOX"
    status, answer = connection.select(f'"{folder}"')
    if status != "OK":
        raise imaplib.IMAP4.error(f"no folder {folder}: {answer!r}")
    return connection


def _process_unread(connection: imaplib.IMAP4, handle: Handler) -> Counter[str]:
    tally: Counter[str] = Counter()
    _, uids = connection.uid("SEARCH", "UNSEEN")
    for uid in (uids[0] or b"").split()[:MAX_MAILS_PER_RUN]:
        name = uid.decode()
        _, answer = connection.uid("FETCH", name, f"(BODY.PEEK[]<0.{MAX_BYTES}>)")
        raw = next((part[1] for part in answer if isinstance(part, tuple)), None)
        if raw is None:
            continue  # deleted meanwhile
        kind = handle(raw)
        flags = r"(\Seen)" if kind == IGNORED else r"(\Seen \Deleted)"
        connection.uid("STORE", name, "+FLAGS.SILENT", flags)
        tally[kind] += 1
    connection.expunge()
    return tally
