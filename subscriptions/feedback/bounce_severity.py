"""Bounce severity by enhanced status code (RFC 3463) and wording. Pure.

A hard bounce means that the address does not exist or no longer takes mail; the reader is
suppressed at once. Every other bounce is soft and counts only if repeated. Refusals because of
policy, quota, rate, content or sender are never hard, even with a code that says so. Providers'
own words are in `config.providers`.
"""

from __future__ import annotations

import re

# RFC 3463 subject.detail: the address is at fault, for any sender.
_HARD_CODES = frozenset(("1.0", "1.1", "1.2", "1.3", "1.6", "1.10", "2.1"))
_SENDER_CODES = frozenset(("1.7", "1.8"))
_FULL_OR_TOO_LARGE_CODES = frozenset(("2.2", "2.3", "2.4"))
_SYSTEM_CONTENT_AND_POLICY = frozenset("367")  # subjects
# Responses that blame something other than the address. They outweigh every code, since many mail
# systems use 5.1.1 or 5.2.1 for any refusal.
_ANOTHER_CAUSE = re.compile(
    # The mailbox is full.
    r"\bfull\b(?! (?:details?|list|name|text))|quota|exceed|\blimit|storage|disk space"
    r"|insufficient|too (?:large|big|many|much)|\bsize\b|\bvoll\b|\bpleine?\b|\bllen[oa]\b"
    r"|\bpien[oa]\b|容量"
    # The server is busy, or we are too fast.
    r"|temporar|\bcurrently|\blater\b|plus tard|später|timed? ?out|timeout|\brates?\b|frequen"
    r"|throttl|defer|grey.?list|\bbusy\b|\bloop|connection (?:refused|lost|closed|reset)"
    r"|overload|maintenance|unreachable|not reachable|try again in|\b(?:minutes|hours)\b"
    # The content is refused.
    r"|polic(?:y|ies)|prohibit|\bspam|unsolicited|virus|malware|phish|suspect|suspicio|\bcontent"
    r"|attachments? (?:type|not|is not|are not)|administrative|\babus|\bjunk\b"
    # The sender is refused.
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
_HARD_BOUNCE = re.compile(r"\bhard[ -]?bounce", re.IGNORECASE)
_BLOCK_LISTS = re.compile(  # some responses name them only in a link
    r"spamhaus|spamcop|dnsbl|\brbl\b|uribl|surbl|sorbs|barracudacentral|\bbl\?ip=", re.IGNORECASE
)
_LINK_OR_ADDRESS = re.compile(
    r"\bhttps?://\S+|\bwww\.\S+|<[^<>\s]*@[^<>\s]*>|\S+@\S+", re.IGNORECASE
)
_CODE = re.compile(r"(?<![\d.])([245])\.([0-7])\.(\d{1,3})(?!\.?\d)")
_REPLY = re.compile(r"(?<![\d.])([45])\d\d(?=[\s-])")


def enhanced_code(text: str) -> str:
    """Return the first enhanced status code (RFC 3463) in a text, or an empty string.

    >>> enhanced_code("550-5.1.1 from 84.5.7.1, Exim 4.94.2"), enhanced_code("from 84.5.7.1")
    ('5.1.1', '')
    """
    match = _CODE.search(text)
    return match.group() if match else ""


def is_hard(status: str, diagnostic: str) -> bool:
    """Return whether a response means that the address does not exist or no longer takes mail.

    >>> is_hard("5.1.1", ""), is_hard("5.2.2", "552 mailbox full"), is_hard("4.1.1", "")
    (True, False, False)
    >>> is_hard("5.0.0", "550 5.0.0 User unknown"), is_hard("", "554 Message looks like spam")
    (True, False)
    """
    if names_another_cause(status, diagnostic):
        return False
    words = _words(diagnostic)
    by_code = _detail(status, words) in _HARD_CODES
    return by_code or has_hard_bounce_wording(words) or bool(_HARD_WORDS.search(words))


def has_hard_bounce_wording(description: str) -> bool:
    """Return whether a description contains the words "hard bounce"."""
    return bool(_HARD_BOUNCE.search(description))


def names_another_cause(status: str, diagnostic: str) -> bool:
    """Return whether a response blames a full mailbox, the moment, the content or the sender.

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
    """Return the text without links and addresses, whose words mean nothing."""
    return _LINK_OR_ADDRESS.sub(" ", diagnostic).replace("’", "'")


def _detail(status: str, words: str) -> str:
    """Return subject and detail of the first code that is more specific than "other".

    The code in the response comes before the one of the reporting system.
    """
    codes = (enhanced_code(words), enhanced_code(status))
    details = (code.partition(".")[2] for code in codes)
    return next((detail for detail in details if detail and detail != "0.0"), "")
