"""Is an address itself at fault, or only this message, this moment, this sender? (pure)

Hard means that the address does not exist or takes no mail any more: suppressed at once. Everything
else is soft and counts only when it comes again. What providers say of it differs, and stands in
one table; plain SMTP says it in an enhanced status code (RFC 3463) and in words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# RFC 3463 subject.detail: the address is at fault, whoever sends.
_HARD_CODES = frozenset(("1.0", "1.1", "1.2", "1.3", "1.4", "1.6", "1.9", "1.10", "2.1"))
_SENDER_CODES = frozenset(("1.7", "1.8"))  # our own address is
# The address may be fine: full for now, this message not wanted, or this sender.
_SOFT_WORDS = re.compile(
    r"full|quota|over.?limit|exceed|too (large|big)|size limit|temporar|try again|timed? ?out"
    r"|spam|unsolicited|black.?list|block.?list|reputation|greylist|rate limit|virus"
    r"|sender|relay|\bhelo\b|reverse|\bptr\b|\bspf\b|\bdkim\b|\bdmarc\b",
    re.IGNORECASE,
)
_HARD_WORDS = re.compile(
    r"(user|mailbox|recipient|address|account|domain|host|alias)[^.;]{0,60}"
    r"(unknown|not found|n[o']t exist|invalid|inactive|disabled|unavailable|closed|deactivated"
    r"|no longer|suspended|not listed|not known)"
    r"|(unknown|no such|invalid|bad|inactive|disabled|non.?existent|illegal|unrouteable|unroutable)"
    r" (local.?part|user|mailbox|recipient|address|account|domain|host|alias|person|destination)"
    r"|does(n't| not) exist|doesn't have a|not a valid|nxdomain|no mailbox here",
    re.IGNORECASE,
)
_SAYS_SO = re.compile(r"\bhard[ -]?bounce", re.IGNORECASE)
_CODE = re.compile(r"\b([45])\.(\d{1,3})\.(\d{1,3})\b")
_REPLY = re.compile(r"(?<![\d.])([45])\d\d(?=[\s-])")


def is_hard(status: str, diagnostic: str) -> bool:
    """By the status code where it says something, else by the words.

    >>> is_hard("5.1.1", ""), is_hard("5.2.2", "552 mailbox full"), is_hard("4.1.1", "")
    (True, False, False)
    >>> is_hard("5.0.0", "550 5.0.0 User unknown"), is_hard("", "554 Message looks like spam")
    (True, False)
    """
    code = _CODE.search(status) or _CODE.search(diagnostic)
    if code and code[1] == "4":
        return False
    detail = f"{int(code[2])}.{int(code[3])}" if code else ""
    if detail in _HARD_CODES or detail in _SENDER_CODES:
        return detail in _HARD_CODES
    if code and code[2] == "2" and code[3] != "0":
        return False
    reply = _REPLY.search(diagnostic)
    if not code and reply and reply[1] == "4":
        return False
    if _SAYS_SO.search(diagnostic):
        return True
    return bool(_HARD_WORDS.search(diagnostic)) and not _SOFT_WORDS.search(diagnostic)


# --- What providers say ---------------------------------------------------------------------------

Path = tuple[str, ...]
# Provider -> where its event says it, and the values that mean hard. "*" is any one key.
PROVIDERS: Mapping[str, tuple[tuple[Path, frozenset[object]], ...]] = {
    "amazon ses": ((("bounce", "bounceType"), frozenset({"Permanent"})),),
    "brevo": ((("event",), frozenset({"hard_bounce", "invalid_email"})),),
    "mailersend": ((("data", "type"), frozenset({"hard_bounced"})),),
    "mailjet": ((("hard_bounce",), frozenset({True, "true", "True"})),),
    "mailtrap": ((("event",), frozenset({"bounce"})),),
    "mandrill": ((("event",), frozenset({"hard_bounce"})),),
    "postmark": (
        (("Type",), frozenset({"HardBounce", "BadEmailAddress"})),
        (("SuppressionReason",), frozenset({"HardBounce"})),
    ),
    "resend": ((("data", "bounce", "type"), frozenset({"Permanent"})),),
    "sendgrid": ((("type",), frozenset({"bounce"})),),
    "sparkpost": ((("msys", "*", "bounce_class"), frozenset({"10", "30"})),),
    "unisender go": (
        (
            ("delivery_info", "delivery_status"),
            frozenset({"err_user_unknown", "err_user_inactive", "err_domain_inactive"}),
        ),
    ),
}
PROVIDERS = {**PROVIDERS, "sendinblue": PROVIDERS["brevo"]}


def provider_says_hard(provider: str, event: object) -> bool | None:
    """What the provider's own event says; None where it says nothing of it.

    `event` is the provider's event as it was parsed from JSON.
    """
    said = [
        (value, hard)
        for path, hard in PROVIDERS.get(provider.lower(), ())
        if (value := _at(event, path)) is not None
    ]
    return any(_is_in(value, hard) for value, hard in said) if said else None


def _is_in(value: object, hard: frozenset[object]) -> bool:
    return isinstance(value, str | bool | int) and value in hard


def _at(event: Any, path: Path) -> object:
    for key in path:
        if not isinstance(event, Mapping) or not event:
            return None
        event = next(iter(event.values())) if key == "*" else event.get(key)
    return event
