"""Mails that come back, made by hand."""

from __future__ import annotations

MESSAGE_ID = "<some-id@localhost.localdomain>"
TO = "bounces@example.net"


def _report(kind: str, part: str, message_id: str, to: str) -> bytes:
    text = f"""\
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Date: Thu, 30 Apr 2026 08:00:00 +0000
Message-ID: <report@mx.example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type={kind}; boundary="b"

--b
Content-Type: text/plain

This mail came back.

--b
{part}
--b
Content-Type: text/rfc822-headers

From: Paperboy <paperboy@localhost.localdomain>
To: reader@example.org
Subject: Digest
Message-ID: {message_id}

--b--
"""
    return text.replace("\n", "\r\n").encode("utf-8", "surrogatepass")


def dsn(
    message_id: str = MESSAGE_ID,
    to: str = TO,
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 user unknown",
) -> bytes:
    """A delivery status notification as RFC 3464 has it; hard, unless it is told otherwise."""
    part = f"""\
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; Reader@example.org
Action: {action}
Status: {status}
Diagnostic-Code: {diagnostic}
"""
    return _report("delivery-status", part, message_id, to)


def delayed(message_id: str = MESSAGE_ID, to: str = TO) -> bytes:
    return dsn(message_id, to, action="delayed", status="4.4.1", diagnostic="smtp; 421 busy")


def complaint(message_id: str = MESSAGE_ID, to: str = TO, kind: str = "abuse") -> bytes:
    """A feedback report as RFC 5965 has it."""
    part = f"""\
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Rcpt-To: <reader@example.org>
"""
    return _report("feedback-report", part, message_id, to)


def absence(subject: str = "Out of office", to: str = TO, in_reply_to: str = MESSAGE_ID) -> bytes:
    return f"""\
From: Reader <reader@example.org>
To: {to}
Subject: {subject}
Auto-Submitted: auto-replied
In-Reply-To: {in_reply_to}

I am away until Monday.
""".encode()


def prose(subject: str, text: str, to: str = TO) -> bytes:
    """A report in words alone."""
    return f"""\
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: {to}
Subject: {subject}
Auto-Submitted: auto-replied
Content-Type: text/plain; charset=utf-8

{text}
""".encode()


def letter(subject: str, body: str = "") -> bytes:
    """A mail that somebody writes."""
    return f"From: somebody@example.org\nTo: {TO}\nSubject: {subject}\n\n{body}\n".encode()
