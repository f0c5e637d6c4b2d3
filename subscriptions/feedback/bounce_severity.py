"""Is an address itself at fault, or only this message, this moment, this sender? (pure)

Hard means that the address does not exist or takes no mail any more: suppressed at once. Everything
else is soft and counts only when it comes again. What providers say of it differs, and stands in
one table; plain SMTP says it in an enhanced status code (RFC 3463) and in words. Policy, quota,
rate, content and sender refusals are never hard, whatever code or kind comes with them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

# RFC 3463 subject.detail: the address is at fault, whoever sends.
_HARD_CODES = frozenset(("1.0", "1.1", "1.2", "1.3", "1.6", "1.10", "2.1"))
_SENDER_CODES = frozenset(("1.7", "1.8"))
_FULL_OR_TOO_LARGE_CODES = frozenset(("2.2", "2.3", "2.4"))
_SYSTEM_CONTENT_AND_POLICY = frozenset("367")  # subjects
# Answers that blame something else than the address: they outweigh every code, since many mail
# systems give 5.1.1 or 5.2.1 for whatever they refuse.
_ANOTHER_CAUSE = re.compile(
    # It is full.
    r"\bfull\b(?! (?:details?|list|name|text))|quota|exceed|\blimit|storage|disk space"
    r"|insufficient|too (?:large|big|many|much)|\bsize\b|\bvoll\b|\bpleine?\b|\bllen[oa]\b"
    r"|\bpien[oa]\b|容量"
    # It is busy, or we are too fast.
    r"|temporar|\bcurrently|\blater\b|plus tard|später|timed? ?out|timeout|\brates?\b|frequen"
    r"|throttl|defer|grey.?list|\bbusy\b|\bloop|connection (?:refused|lost|closed|reset)"
    r"|overload|maintenance|unreachable|not reachable|try again in|\b(?:minutes|hours)\b"
    # It does not want this message.
    r"|polic(?:y|ies)|prohibit|\bspam|unsolicited|virus|malware|phish|suspect|suspicio|\bcontent"
    r"|attachments? (?:type|not|is not|are not)|administrative|\babus|\bjunk\b"
    # It does not want us.
    r"|(?:black|block|deny).?list|recipient preferences|\bblocked|reputation|\bbanned"
    r"|(?<!not )\blisted (?:in|at|on|by)\b|\bdynamic\b|authori[sz]|forbidden"
    r"|access denied|relay(?! recipient|=)|sender|emetteur|émetteur|absender|remitente|mittente"
    r"|your (?:ip|(?:e-?mail )?account|host|server|network|domain|provider|system)\b"
    r"|\bip (?:address|name)|\bhelo\b|reverse|\bptr\b|\bspf\b|\bdkim\b|\bdmarc\b|authenti"
    r"|tls\b|encrypt",
    re.IGNORECASE,
)
_HARD_WORDS = re.compile(
    r"(?:user|mailbox|recipient|addressee|address|account|domain|host|alias)[^.;]{0,60}"
    r"(?:unknown|not found|n[o']t exist|invalid|inactive|disabled|closed|deactivated"
    r"|no longer|suspended|not listed|not known|(?:could|can)(?:n't| ?not) be found)"
    r"|(?:user|mailbox|recipient|address|account|alias)[^.;]{0,60}unavailable"
    r"|(?:unknown|no such|invalid|bad|inactive|disabled|non.?existent|illegal|unroute?able)"
    r" (?:local.?part|(?:e?-?mail )?(?:user|mailbox|recipient|address|account|domain|host|alias)"
    r"|person|destination)"
    r"|does(?:n't| not) exist|doesn't have a|not a valid|nxdomain|no mailbox here"
    r"|n'existe pas|destinataire (?:inconnu|invalide)|existiert nicht|unbekannte[rn]? (?:benutzer"
    r"|empf)|empf[^.;]{0,20}unbekannt|no existe|non esiste|(?<!可能)不存在|存在しません",
    re.IGNORECASE,
)
_SAYS_SO = re.compile(r"\bhard[ -]?bounce", re.IGNORECASE)
_BLOCK_LISTS = re.compile(  # which some answers name by a link alone
    r"spamhaus|spamcop|dnsbl|\brbl\b|uribl|surbl|sorbs|barracudacentral|\bbl\?ip=", re.IGNORECASE
)
_LINK_OR_ADDRESS = re.compile(
    r"\bhttps?://\S+|\bwww\.\S+|<[^<>\s]*@[^<>\s]*>|\S+@\S+", re.IGNORECASE
)
_CODE = re.compile(r"(?<![\d.])([245])\.([0-7])\.(\d{1,3})(?!\.?\d)")
_REPLY = re.compile(r"(?<![\d.])([45])\d\d(?=[\s-])")


def enhanced_code(text: str) -> str:
    """The first enhanced status code (RFC 3463) in a text, or "".

    >>> enhanced_code("550-5.1.1 from 84.5.7.1, Exim 4.94.2"), enhanced_code("from 84.5.7.1")
    ('5.1.1', '')
    """
    found = _CODE.search(text)
    return found.group() if found else ""


def is_hard(status: str, diagnostic: str) -> bool:
    """Whether an answer says that the address does not exist or takes no mail any more.

    >>> is_hard("5.1.1", ""), is_hard("5.2.2", "552 mailbox full"), is_hard("4.1.1", "")
    (True, False, False)
    >>> is_hard("5.0.0", "550 5.0.0 User unknown"), is_hard("", "554 Message looks like spam")
    (True, False)
    """
    if names_another_cause(status, diagnostic):
        return False
    words = _words(diagnostic)
    by_code = _detail(status, words) in _HARD_CODES
    return by_code or is_called_hard(words) or bool(_HARD_WORDS.search(words))


def is_called_hard(description: str) -> bool:
    """Whether a provider describes an event as a hard bounce, in so many words."""
    return bool(_SAYS_SO.search(description))


def names_another_cause(status: str, diagnostic: str) -> bool:
    """Whether an answer blames something else than the address: that it is full for now, the
    moment, the message, or the sender.

    >>> names_another_cause("5.1.1", "552 5.1.1 over quota"), names_another_cause("5.1.1", "")
    (True, False)
    """
    words = _words(diagnostic)
    codes = [code for code in (enhanced_code(words), enhanced_code(status)) if code]
    reply = _REPLY.search(words)
    if any(code.startswith("4") for code in codes) or (not codes and reply and reply[1] == "4"):
        return True
    if _ANOTHER_CAUSE.search(words) or _BLOCK_LISTS.search(diagnostic):
        return True
    details = {code.partition(".")[2] for code in codes}
    if details & (_SENDER_CODES | _FULL_OR_TOO_LARGE_CODES):
        return True
    blamed = {detail[0] for detail in details} & _SYSTEM_CONTENT_AND_POLICY
    return bool(blamed) and not _HARD_WORDS.search(words)


def _words(diagnostic: str) -> str:
    """What is said, without the words in links and addresses."""
    return _LINK_OR_ADDRESS.sub(" ", diagnostic).replace("’", "'")


def _detail(status: str, words: str) -> str:
    """Subject and detail of the first code that says more than "other": the answer's own, else
    the one that the reporting system made of it."""
    codes = (enhanced_code(words), enhanced_code(status))
    details = (code.partition(".")[2] for code in codes)
    return next((detail for detail in details if detail and detail != "0.0"), "")


# --- What providers say ---------------------------------------------------------------------------


class Verdict(StrEnum):
    """What a provider's own word for an event means."""

    HARD = "hard"
    SOFT = "soft"
    COMPLAINT = "complaint"
    UNSUBSCRIBED = "unsubscribed"
    NOTHING = "nothing"  # a report that no person made


HARD, SOFT, COMPLAINT, UNSUBSCRIBED, NOTHING = Verdict
Path = tuple[str, ...]
ANY = "*"  # as a key of a path or of a table: whatever there is
# Reports that machines make (RFC 6591), and the opposite of a complaint (RFC 6430).
_NO_COMPLAINT: Mapping[object, Verdict] = {"auth-failure": NOTHING, "not-spam": NOTHING}
# Provider -> where its event says it, and what the values mean. The first place that says anything
# decides. "Suppressed" and the like are addresses that the provider has sent nothing to since they
# bounced or complained; what is not named here is left to anymail's reading and to the words.
PROVIDERS: Mapping[str, tuple[tuple[Path, Mapping[object, Verdict]], ...]] = {
    "amazon ses": (
        (("bounce", "bounceType"), {"Permanent": HARD, ANY: SOFT}),
        (("complaint", "complaintFeedbackType"), _NO_COMPLAINT),
    ),
    "brevo": ((("event",), {"hard_bounce": HARD, "invalid_email": HARD, "soft_bounce": SOFT}),),
    "mailersend": ((("data", "type"), {"hard_bounced": HARD, "soft_bounced": SOFT}),),
    "mailgun": (
        (
            ("event-data", "reason"),
            {
                "suppress-bounce": HARD,
                "suppress-complaint": COMPLAINT,
                "suppress-unsubscribe": UNSUBSCRIBED,
            },
        ),
        (("event-data", "delivery-status", "bounce-type"), {"soft": SOFT}),
        # As it was until 2018: 605 and 607 are its own, for earlier bounces and complaints.
        (("code",), {"605": HARD, "607": COMPLAINT}),
    ),
    "mailjet": (
        (
            ("error",),
            {
                "user unknown": HARD,
                "invalid domain": HARD,
                "no mail host": HARD,
                "spam reporter": COMPLAINT,
                "quota exceeded": SOFT,
                "relay/access denied": SOFT,
                "greylisted": SOFT,
                "sender blocked": SOFT,
                "content blocked": SOFT,
                "policy issue": SOFT,
            },
        ),
        (("hard_bounce",), {True: HARD, "true": HARD, "True": HARD, ANY: SOFT}),
    ),
    "mailtrap": ((("event",), {"bounce": HARD}),),
    "mandrill": ((("event",), {"hard_bounce": HARD, "soft_bounce": SOFT}),),
    "postmark": (
        (("RecordType",), {"SpamComplaint": COMPLAINT}),
        (
            ("Type",),  # SpamNotification is a filter's, not a person's
            {"HardBounce": HARD, "BadEmailAddress": HARD, "SpamComplaint": COMPLAINT, ANY: SOFT},
        ),
        (("SuppressionReason",), {"HardBounce": HARD}),
    ),
    "resend": ((("data", "bounce", "type"), {"Permanent": HARD, ANY: SOFT}),),
    "sendgrid": (
        (
            ("bounce_classification",),
            {
                "Content": SOFT,
                "Frequency/Volume": SOFT,
                "Frequency or Volume Too High": SOFT,
                "Reputation": SOFT,
                "Technical": SOFT,
                "Technical Failure": SOFT,
            },
        ),
        (
            ("reason",),
            {
                "Bounced Address": HARD,
                "Invalid": HARD,
                "Spam Reporting Address": COMPLAINT,
                "Unsubscribed Address": UNSUBSCRIBED,
            },
        ),
        (("type",), {"bounce": HARD, ANY: SOFT}),
    ),
    "sparkpost": (
        (("msys", ANY, "bounce_class"), {"10": HARD, "30": HARD, "90": UNSUBSCRIBED, ANY: SOFT}),
        (("msys", ANY, "fb_type"), _NO_COMPLAINT),
    ),
    "unisender go": (
        (("status",), {"spam": COMPLAINT}),
        (
            ("delivery_info", "delivery_status"),
            {
                "err_user_unknown": HARD,
                "err_user_inactive": HARD,
                "err_domain_inactive": HARD,
                "err_unsubscribed": UNSUBSCRIBED,
                ANY: SOFT,
            },
        ),
    ),
}
PROVIDERS = {**PROVIDERS, "sendinblue": PROVIDERS["brevo"]}


def provider_verdict(provider: str, event: object) -> Verdict | None:
    """What the provider's own event says; None where it says nothing that is known here.

    `event` is the provider's event as it was parsed from JSON.
    """
    for path, meanings in PROVIDERS.get(provider.lower(), ()):
        value = _at(event, path)
        if isinstance(value, str | bool | int) and (
            verdict := meanings.get(value) or meanings.get(ANY)
        ):
            return verdict
    return None


def _at(event: Any, path: Path) -> object:
    for key in path:
        if not isinstance(event, Mapping) or not event:
            return None
        event = next(iter(event.values())) if key == ANY else event.get(key)
    return event
