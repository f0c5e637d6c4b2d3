"""Email addresses: validation, identity, and the form used in SMTP. Pure."""

from __future__ import annotations

import re

import idna
from email_validator import validate_email

# Until 2009 these providers issued addresses with consecutive dots or a dot before the @, which are
# still in use. RFC 5321 allows them only in quotes.
DOTTED_DOMAINS = frozenset(("docomo.ne.jp", "ezweb.ne.jp"))
_DOTTED = re.compile(r"[A-Za-z0-9][\w-]*(?:\.+[\w-]+)*\.*", re.ASCII)
_QUOTED = re.compile(r'"([\w.+-]+)"', re.ASCII)


def normalize_address(typed: str) -> str:
    """Return an address in its normal form, or raise EmailNotValidError. Makes no DNS query."""
    local, _, domain = typed.strip().rpartition("@")
    local = _QUOTED.sub(r"\1", local) if _is_dotted_domain(domain) else local
    if _is_dotted_domain(domain) and _DOTTED.fullmatch(local) and _needs_quotes(local):
        plain_local = re.sub(r"\.+", ".", local).rstrip(".")
        whole = validate_email(f"{plain_local}@{domain}", check_deliverability=False)
        return f"{local}@{whole.domain}"
    return validate_email(typed, check_deliverability=False).normalized


def email_key(email: str) -> str:
    """Return the identity of an address: only its case is folded.

    Local parts are case-sensitive only in theory. faß.de and fass.de are different domains.

    >>> email_key("Ann@XN--FA-HIA.de"), email_key("ann@FASS.de")
    ('ann@faß.de', 'ann@fass.de')
    """
    local, at, domain = email.strip().lower().rpartition("@")
    return f"{_QUOTED.sub(_unquote, local)}{at}{_domain_in_unicode(domain)}"


def wire_address(address: str) -> str:
    """Return an address with its domain in ASCII. If it is still not ASCII, it needs SMTPUTF8."""
    address = quote_local_part(address)
    if address.isascii():
        return address
    local, _, domain = address.rpartition("@")
    return f"{local}@{idna.encode(domain, uts46=True).decode()}"


def quote_local_part(address: str) -> str:
    """Return an address with its local part in quotes, if its dots need them."""
    local, at, domain = address.rpartition("@")
    return f'"{local}"{at}{domain}' if _needs_quotes(local) else address


def _needs_quotes(local: str) -> bool:
    return '"' not in local and (".." in local or local.startswith(".") or local.endswith("."))


def _unquote(match: re.Match[str]) -> str:
    return match[1] if _needs_quotes(match[1]) else match[0]


def _is_dotted_domain(domain: str) -> bool:
    return domain.lower() in DOTTED_DOMAINS


def _domain_in_unicode(domain: str) -> str:
    """Return a domain as email-validator writes it; domains that IDNA 2008 forbids stay ASCII."""
    if "xn--" not in domain:
        return domain
    try:
        return idna.decode(domain)
    except UnicodeError:
        return domain
