"""Where returned mail is read from: an IMAP mailbox, a Maildir, an mbox, files, a pipe.

What was ours is taken out once it is recorded; what was not stays, marked as read, for a person to
look at. A run that breaks off takes the rest next time.
"""

from __future__ import annotations

import imaplib
import mailbox
import ssl
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from subscriptions.feedback import bounce_parser
from subscriptions.feedback.returned_mail import LEFT_ALONE

Take = Callable[[bytes], str]  # one mail in, what it was out

MOST_A_RUN = 2000
HERE = ("localhost", "127.0.0.1", "::1")
SECONDS = 30.0


class MailboxError(Exception):
    """It cannot be read; the message says why."""


# --- Files ----------------------------------------------------------------------------------------


def read_path(path: str, take: Take) -> Counter[str]:
    """Take every mail at a path: a Maildir's new ones, any other directory's files, an mbox, one
    mail, or "-" for what is piped in. Only a Maildir is changed."""
    if path == "-":
        return Counter([take(sys.stdin.buffer.read(bounce_parser.LARGEST))])
    place = Path(path)
    try:
        if (place / "new").is_dir() and (place / "cur").is_dir():
            return _take_maildir(place, take)
        return Counter(take(raw) for raw in _mails(place))
    except (OSError, mailbox.Error) as error:
        raise MailboxError(f"{path}: {error}") from error


def _mails(place: Path) -> Iterator[bytes]:
    if place.is_dir():
        for file in sorted(one for one in place.iterdir() if one.is_file()):
            yield from _mails(file)
        return
    with place.open("rb") as opened:
        if not opened.read(5).startswith(b"From "):
            opened.seek(0)
            yield opened.read(bounce_parser.LARGEST)
            return
    box = mailbox.mbox(place, create=False)
    try:
        yield from (box.get_bytes(key) for key in box.keys())  # noqa: SIM118 - no mapping
    finally:
        box.close()


def _take_maildir(place: Path, take: Take) -> Counter[str]:
    """As a mail program does: from new/ to cur/, marked as seen; what was ours is removed."""
    tally: Counter[str] = Counter()
    for file in sorted((place / "new").iterdir())[:MOST_A_RUN]:
        what = take(file.read_bytes()[: bounce_parser.LARGEST])
        if what == LEFT_ALONE:
            file.rename(place / "cur" / f"{file.name}:2,S")
        else:
            file.unlink()
        tally[what] += 1
    return tally


# --- IMAP -----------------------------------------------------------------------------------------


def read_imap(url: str, take: Take) -> Counter[str]:
    """Take the unread mails of imaps://user:password@host:port/FOLDER; imap:// is with STARTTLS,
    which only a server on this very machine may lack."""
    try:
        connection = _connected(url)
        try:
            return _take_unread(connection, take)
        finally:
            connection.logout()
    except (OSError, imaplib.IMAP4.error) as error:
        host = urlsplit(url).hostname
        raise MailboxError(f"The mailbox at {host} cannot be read: {error}") from error


def _connected(url: str) -> imaplib.IMAP4:
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection: imaplib.IMAP4
    if parts.scheme == "imaps":
        tls = ssl.create_default_context()
        connection = imaplib.IMAP4_SSL(host, parts.port or 993, ssl_context=tls, timeout=SECONDS)
    else:
        connection = imaplib.IMAP4(host, parts.port or 143, timeout=SECONDS)
        if host not in HERE or "STARTTLS" in connection.capabilities:
            connection.starttls(ssl.create_default_context())
    connection.login(unquote(parts.username or ""), unquote(parts.password or ""))
    folder = unquote(parts.path.strip("/")) or "INBOX"
    status, answer = connection.select(f'"{folder}"')
    if status != "OK":
        raise imaplib.IMAP4.error(f"no folder {folder}: {answer!r}")
    return connection


def _take_unread(connection: imaplib.IMAP4, take: Take) -> Counter[str]:
    tally: Counter[str] = Counter()
    _, found = connection.uid("SEARCH", "UNSEEN")
    for uid in (found[0] or b"").split()[:MOST_A_RUN]:
        name = uid.decode()
        _, answer = connection.uid("FETCH", name, f"(BODY.PEEK[]<0.{bounce_parser.LARGEST}>)")
        raw = next((part[1] for part in answer if isinstance(part, tuple)), None)
        if raw is None:
            continue  # gone meanwhile
        what = take(raw)
        flags = r"(\Seen)" if what == LEFT_ALONE else r"(\Seen \Deleted)"
        connection.uid("STORE", name, "+FLAGS.SILENT", flags)
        tally[what] += 1
    connection.expunge()
    return tally
