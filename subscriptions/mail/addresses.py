"""Email addresses: what is one, when two are the same, and how one is written on the wire. Pure."""

from __future__ import annotations

import re

import idna
from email_validator import validate_email

# These gave out addresses with several dots in a row, or one before the @, until 2009. They are
# no addresses by RFC 5321 unless quoted, and their owners have them still.
DOTTED_DOMAINS = frozenset(("docomo.ne.jp", "ezweb.ne.jp"))
_DOTTED = re.compile(r"[A-Za-z0-9][\w-]*(?:\.+[\w-]+)*\.*", re.ASCII)
_QUOTED = re.compile(r'"([\w.+-]+)"', re.ASCII)


def normalize_address(typed: str) -> str:
    """An address in its normal form; raises EmailNotValidError. No look-up is made."""
    local, _, domain = typed.strip().rpartition("@")
    local = _QUOTED.sub(r"\1", local) if _is_dotted_domain(domain) else local
    if _is_dotted_domain(domain) and _DOTTED.fullmatch(local) and _needs_quotes(local):
        plain = re.sub(r"\.+", ".", local).rstrip(".")
        whole = validate_email(f"{plain}@{domain}", check_deliverability=False)
        return f"{local}@{whole.domain}"
    return validate_email(typed, check_deliverability=False).normalized


def email_key(email: str) -> str:
    """The identity of an address. Local parts are case-sensitive in theory only.

    Capitals are folded and nothing else: faß.de and fass.de are two domains.

    >>> email_key("Ann@XN--FA-HIA.de"), email_key("ann@FASS.de")
    ('ann@faß.de', 'ann@fass.de')
    """
    local, at, domain = email.strip().lower().rpartition("@")
    return f"{_QUOTED.sub(_bare, local)}{at}{_in_unicode(domain)}"


def wire_address(address: str) -> str:
    """An address with its domain in ASCII; what then still is not, needs SMTPUTF8."""
    address = quote_local_part(address)
    if address.isascii():
        return address
    local, _, domain = address.rpartition("@")
    return f"{local}@{idna.encode(domain, uts46=True).decode()}"


def quote_local_part(address: str) -> str:
    """An address whose dots need quotes, in quotes; others as they are."""
    local, at, domain = address.rpartition("@")
    return f'"{local}"{at}{domain}' if _needs_quotes(local) else address


def _needs_quotes(local: str) -> bool:
    return '"' not in local and (".." in local or local.startswith(".") or local.endswith("."))


def _bare(found: re.Match[str]) -> str:
    return found[1] if _needs_quotes(found[1]) else found[0]


def _is_dotted_domain(domain: str) -> bool:
    return domain.lower() in DOTTED_DOMAINS


def _in_unicode(domain: str) -> str:
    """A domain as email-validator writes it; older ones than the standard allows stay in ASCII."""
    if "xn--" not in domain:
        return domain
    try:
        return idna.decode(domain)
    except UnicodeError:
        return domain
