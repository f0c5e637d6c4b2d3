"""Transports: one connection that sends mails one at a time and returns each outcome.

Django's EMAIL_BACKEND selects the transport. SMTP gets prepared bytes; anymail's backends, the
local outbox and any other backend get message objects.
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

from subscriptions.delivery.outcomes import (
    Kind,
    Outcome,
    Stage,
    outcome_of_disconnect,
    outcome_of_error,
    outcome_of_reply,
)
from subscriptions.mail.addresses import quote_local_part, wire_address
from subscriptions.mail.mime import OutgoingMail

Envelope = tuple[str, str]  # sender, recipient


class Transport(Protocol):
    """A connection. `send` returns errors of a server or provider as an outcome."""

    def send(self, outgoing: OutgoingMail) -> Outcome: ...

    def close(self) -> None: ...


def open_transport() -> Transport:
    """Return a transport for the configured backend. It connects with the first message."""
    backend = get_connection()
    return Smtp(backend) if isinstance(backend, SmtpBackend) else Backend(backend)


class Backend:
    """Any Django backend, such as anymail's."""

    def __init__(self, backend: BaseEmailBackend) -> None:
        self.backend = backend

    def send(self, outgoing: OutgoingMail) -> Outcome:
        message = django_message(outgoing)
        try:
            self.backend.open()
            sent = self.backend.send_messages([message])
        except Exception as error:  # each backend has its own exceptions
            self.close()
            return outcome_of_error(error)
        return _of_status(message, sent)

    def close(self) -> None:
        self.backend.close()


def django_message(outgoing: OutgoingMail) -> EmailMultiAlternatives:
    """Return the mail as a Django message, with anymail's metadata and tag."""
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
    """Return the outcome if the backend raised nothing; anymail sets `anymail_status`."""
    if not sent:
        return Outcome(Kind.REFUSED, "The mail backend sent nothing.")
    status = getattr(message, "anymail_status", None)
    if status is None:
        return Outcome(Kind.SENT)
    name = status.message_id if isinstance(status.message_id, str) else ""
    if status.status and status.status <= {"failed", "invalid", "rejected"}:
        return Outcome(Kind.REFUSED, f"Provider status: {', '.join(status.status)}", None, name)
    return Outcome(Kind.SENT, provider_id=name)


class Smtp:
    """SMTP over one reused connection, opened as Django's backend does (TLS, login, timeouts).

    MAIL, RCPT and DATA are sent in one packet if the server offers PIPELINING (RFC 2920).
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
        except ValueError as error:  # an address or header that cannot be encoded
            return Outcome(Kind.REFUSED, f"{type(error).__name__}: {error}")
        reused = bool(self.backend.connection)
        outcome = self._attempt(envelope, content)
        if reused and not self.backend.connection and self.stage <= Stage.MAIL:
            outcome = self._attempt(envelope, content)  # the server had closed the idle connection
        return outcome

    def close(self) -> None:
        """Close the connection with QUIT, or drop it."""
        try:
            self.backend.close()
        except (OSError, smtplib.SMTPException):
            self._hang_up()

    def _attempt(self, envelope: Envelope, content: bytes) -> Outcome:
        """Run one mail transaction; after a failure the connection is reset or closed."""
        self.stage = Stage.CONNECT
        try:
            smtp = self._connection()
            refused = self._envelope(smtp, envelope, len(content))
            outcome = refused or self._content(smtp, content)
            if outcome.kind is not Kind.SENT and not _reset(smtp):
                self._hang_up()
        except (OSError, smtplib.SMTPException) as error:
            outcome = outcome_of_disconnect(self.stage, error)
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
        """Send MAIL, RCPT and DATA; return None if the server now expects the content."""
        sender, to = envelope
        options = f" SIZE={size}" if smtp.has_extn("size") else ""
        if not to.isascii():
            if not smtp.has_extn("smtputf8"):
                return Outcome(
                    Kind.REFUSED, "The mail server does not support this address (SMTPUTF8)."
                )
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
                refused = refused or outcome_of_reply(self.stage, code, _decoded(text))
                if not together:
                    break
        if refused and code == 354:  # it expects content that must not be sent
            self._hang_up()
        return refused

    def _content(self, smtp: smtplib.SMTP, content: bytes) -> Outcome:
        self.stage = Stage.CONTENT
        smtp.send(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        code, text = smtp.getreply()
        if code // 100 == 2:
            return Outcome(Kind.SENT)
        return outcome_of_reply(self.stage, code, _decoded(text))

    def _hang_up(self) -> None:
        """Close the socket without QUIT; the next message opens a new connection."""
        if self.backend.connection:
            self.backend.connection.close()
        self.backend = SmtpBackend()


def _reset(smtp: smtplib.SMTP) -> bool:
    """Reset an open connection for the next transaction; return whether that worked."""
    return bool(smtp.sock) and smtp.docmd("RSET")[0] == 250


def _decoded(reply: bytes) -> str:
    return reply.decode("utf-8", "replace")
