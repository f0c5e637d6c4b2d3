"""The way out: one connection that takes mails one at a time and says what became of each.

Django's EMAIL_BACKEND is the one switch. SMTP gets ready bytes; anymail's backends, the local
outbox and any other of Django's backends get message objects.
"""

from __future__ import annotations

import smtplib
from email.utils import parseaddr
from typing import Protocol

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend
from django.core.mail.message import sanitize_address
from django.utils import timezone

from subscriptions.delivery.outcomes import Kind, Outcome, Stage, of_break, of_error, of_reply
from subscriptions.mail.addresses import quote_local_part, wire_address
from subscriptions.mail.mime import OutgoingMail

Envelope = tuple[str, str]  # from whom, to whom


class Transport(Protocol):
    """`send` never raises for what a server or a provider does; it says so in the outcome."""

    def send(self, outgoing: OutgoingMail) -> Outcome: ...

    def close(self) -> None: ...


def open_transport() -> Transport:
    """A transport of the backend in the settings. It connects with the first message."""
    backend = get_connection()
    return Smtp(backend) if isinstance(backend, SmtpBackend) else Backend(backend)


class Backend:
    """Any Django backend, anymail's among them."""

    def __init__(self, backend: BaseEmailBackend) -> None:
        self.backend = backend

    def send(self, outgoing: OutgoingMail) -> Outcome:
        message = django_message(outgoing)
        try:
            self.backend.open()
            sent = self.backend.send_messages([message])
        except Exception as error:  # each backend has exceptions of its own; tables sort them
            self.close()
            return of_error(error)
        return _of_status(message, sent)

    def close(self) -> None:
        self.backend.close()


def django_message(outgoing: OutgoingMail) -> EmailMultiAlternatives:
    """The mail as Django's own object, with anymail's metadata and tag."""
    message = EmailMultiAlternatives(
        subject=outgoing.subject,
        body=str(outgoing.text),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[quote_local_part(outgoing.to)],
        headers=dict(outgoing.headers),
    )
    message.attach_alternative(str(outgoing.html), "text/html")
    if outgoing.public_id:
        message.metadata = {outgoing.kind: outgoing.public_id}  # type: ignore[attr-defined]
        message.tags = [outgoing.tag]  # type: ignore[attr-defined]
    return message


def _of_status(message: EmailMultiAlternatives, sent: int | None) -> Outcome:
    """What a backend that raised nothing says; `anymail_status` is there for anymail's."""
    if not sent:
        return Outcome(Kind.REFUSED, "The mail backend sent nothing.")
    status = getattr(message, "anymail_status", None)
    if status is None:
        return Outcome(Kind.SENT)
    name = status.message_id if isinstance(status.message_id, str) else ""
    if status.status and status.status <= {"failed", "invalid", "rejected"}:
        return Outcome(Kind.REFUSED, f"The provider says: {', '.join(status.status)}", None, name)
    return Outcome(Kind.SENT, provider_id=name)


class Smtp:
    """SMTP over one reused connection, opened as Django's backend does (TLS, login, time-outs).

    MAIL, RCPT and DATA leave in one packet where the server offers PIPELINING (RFC 2920).
    """

    def __init__(self, backend: SmtpBackend) -> None:
        self.backend = backend
        self.sender = sanitize_address(settings.DEFAULT_FROM_EMAIL, "utf-8")
        self.sender_address = parseaddr(self.sender)[1]
        self.stage = Stage.CONNECT

    def send(self, outgoing: OutgoingMail) -> Outcome:
        try:
            content = outgoing.as_bytes(self.sender, timezone.now())
            envelope = (outgoing.return_path or self.sender_address, wire_address(outgoing.to))
        except ValueError as error:  # an address or a header that cannot be written
            return Outcome(Kind.REFUSED, f"{type(error).__name__}: {error}")
        reused = bool(self.backend.connection)
        outcome = self._attempt(envelope, content)
        if reused and not self.backend.connection and self.stage <= Stage.MAIL:
            outcome = self._attempt(envelope, content)  # the server had closed it, as it may
        return outcome

    def close(self) -> None:
        """Say good-bye, or at least hang up."""
        try:
            self.backend.close()
        except (OSError, smtplib.SMTPException):
            self._hang_up()

    def _attempt(self, envelope: Envelope, content: bytes) -> Outcome:
        """One mail transaction; after anything but success the connection is fit again or gone."""
        self.stage = Stage.CONNECT
        try:
            smtp = self._connection()
            refused = self._envelope(smtp, envelope, len(content))
            outcome = refused or self._content(smtp, content)
            if outcome.kind is not Kind.SENT and not _reset(smtp):
                self._hang_up()
        except (OSError, smtplib.SMTPException) as error:
            outcome = of_break(self.stage, error)
            self._hang_up()
        return outcome

    def _connection(self) -> smtplib.SMTP:
        self.backend.open()
        smtp = self.backend.connection
        if smtp is None:
            raise smtplib.SMTPServerDisconnected("There is no connection.")
        smtp.ehlo_or_helo_if_needed()
        return smtp

    def _envelope(self, smtp: smtplib.SMTP, envelope: Envelope, size: int) -> Outcome | None:
        """MAIL, RCPT and DATA; None if the server now waits for the content."""
        sender, to = envelope
        options = f" SIZE={size}" if smtp.has_extn("size") else ""
        if not to.isascii():
            if not smtp.has_extn("smtputf8"):
                return Outcome(Kind.REFUSED, "The mail server takes no such address (SMTPUTF8).")
            options += " SMTPUTF8"
        commands = {
            Stage.MAIL: f"MAIL FROM:<{sender}>{options}\r\n",
            Stage.RCPT: f"RCPT TO:<{to}>\r\n",
            Stage.DATA: "DATA\r\n",
        }
        together = smtp.has_extn("pipelining")
        if together:
            smtp.send("".join(commands.values()).encode())
        refused, code = None, 0
        for self.stage, command in commands.items():
            if not together:
                smtp.send(command.encode())
            code, text = smtp.getreply()
            if code // 100 != (3 if self.stage == Stage.DATA else 2):
                refused = refused or of_reply(self.stage, code, _decoded(text))
                if not together:
                    break
        if refused and code == 354:  # it waits for a content that nobody shall get
            self._hang_up()
        return refused

    def _content(self, smtp: smtplib.SMTP, content: bytes) -> Outcome:
        self.stage = Stage.CONTENT
        smtp.send(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        code, text = smtp.getreply()
        if code // 100 == 2:
            return Outcome(Kind.SENT)
        return of_reply(self.stage, code, _decoded(text))

    def _hang_up(self) -> None:
        """Close the socket without a word; the next message gets a connection of its own."""
        if self.backend.connection:
            self.backend.connection.close()
        self.backend = SmtpBackend()


def _reset(smtp: smtplib.SMTP) -> bool:
    """Make an open connection fit for the next transaction; False if it is not."""
    return bool(smtp.sock) and smtp.docmd("RSET")[0] == 250


def _decoded(reply: bytes) -> str:
    return reply.decode("utf-8", "replace")
