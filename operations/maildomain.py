"""What DNS says of the domain that mail comes from: SPF, DKIM and DMARC, as published.

Judging is apart from asking: judges take the texts found under a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import dns.exception
import dns.resolver

from operations.findings import Finding, Level

Ask = Callable[[str], list[str]]  # the TXT records of a name, [] where there are none

SECONDS = 3.0
SPF_LOOKUPS = 10  # RFC 7208, 4.6.4; those of what is included count too and are not followed here
COSTLY = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
FORGED = "Mail from here goes to spam, or is refused, at the large mailbox providers."


class UnreachableError(Exception):
    """No name server answered; nothing is known of the domain."""


def asking(resolver: dns.resolver.Resolver | None = None) -> Ask:
    """Asks the machine's own name servers, or a given resolver's."""

    def ask(name: str) -> list[str]:
        try:
            using = resolver or dns.resolver.Resolver()
            answer = using.resolve(name, "TXT", lifetime=SECONDS)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise UnreachableError(type(error).__name__) from error
        return [b"".join(record.strings).decode(errors="replace") for record in answer]

    return ask


def check_mail_domain(domain: str, selectors: Sequence[str], ask: Ask) -> Iterator[Finding]:
    """Each record of a domain; one note and no more where there is no name server."""
    try:
        yield spf(domain, ask(domain))
        yield from _dkim(domain, selectors, ask)
        yield dmarc(domain, *_policy(domain, ask))
    except UnreachableError as error:
        yield Finding(
            "Mail domain",
            Level.NOTE,
            f"The records of {domain} could not be looked up: no name server answers ({error}).",
            "Run the doctor where there is a network.",
        )


def spf(domain: str, texts: Sequence[str]) -> Finding:
    found = [text for text in texts if text.lower().split(" ")[0] == "v=spf1"]
    if not found:
        return _bad(f"{domain} has no SPF record.", f"Publish your provider's SPF. {FORGED}")
    if len(found) > 1:
        return _bad(f"{domain} has {len(found)} SPF records: none counts.", "Make one of them.")
    terms = found[0].lower().split()[1:]
    lookups = sum(re.split("[:/=]", term.lstrip("+-~?"))[0] in COSTLY for term in terms)
    if "+all" in terms or "all" in terms:
        return _bad(f"{domain}'s SPF lets anybody send ({found[0]}).", "End it with -all or ~all.")
    if lookups > SPF_LOOKUPS:
        return _bad(f"{domain}'s SPF takes {lookups} look-ups; from the 11th on it fails.", "Cut.")
    if not any(term in ("-all", "~all") or term.startswith("redirect=") for term in terms):
        return _soso(f"{domain}'s SPF does not say what of all others.", "End it with ~all.")
    return _good(f"SPF of {domain}: {found[0]}")


def _dkim(domain: str, selectors: Sequence[str], ask: Ask) -> Iterator[Finding]:
    for selector in selectors:
        yield dkim(f"{selector}._domainkey.{domain}", ask(f"{selector}._domainkey.{domain}"))
    if not selectors:
        yield Finding(
            "Mail domain",
            Level.NOTE,
            "The DKIM key was not looked up: its name is not known.",
            "Set DKIM_SELECTORS to your provider's selector, such as pm or k1.",
        )


def dkim(name: str, texts: Sequence[str]) -> Finding:
    keys = [tags for text in texts if "p" in (tags := _tags(text))]
    if not keys:
        return _bad(f"There is no DKIM key at {name}.", f"Publish your provider's. {FORGED}")
    if not any(tags["p"] for tags in keys):
        return _bad(f"The DKIM key at {name} is revoked (p= is empty).", "Publish the new key.")
    return _good(f"DKIM key at {name}")


def dmarc(domain: str, name: str, texts: Sequence[str]) -> Finding:
    if not texts:
        return _bad(
            f"{domain} has no DMARC record.", f"Publish v=DMARC1; p=none at least. {FORGED}"
        )
    if len(texts) > 1:
        return _bad(f"{name} has {len(texts)} DMARC records: none counts.", "Keep one.")
    policy = _tags(texts[0]).get("p", "").lower()
    if policy not in ("none", "quarantine", "reject"):
        return _bad(f"{name} has no valid p= ({texts[0]}).", "Set p=none, quarantine or reject.")
    if policy == "none":
        return _soso(f"{name} only watches (p=none).", "Once reports look right: p=quarantine.")
    return _good(f"DMARC at {name}: p={policy}")


def _policy(domain: str, ask: Ask) -> tuple[str, list[str]]:
    """The DMARC records that count for a domain: its own, or those of one above it."""
    labels = domain.split(".")
    for start in range(max(1, len(labels) - 1)):
        name = f"_dmarc.{'.'.join(labels[start:])}"
        if texts := [text for text in ask(name) if text.lower().startswith("v=dmarc1")]:
            return name, texts
    return f"_dmarc.{domain}", []


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _bad(said: str, advice: str) -> Finding:
    return Finding("Mail domain", Level.ERROR, said, advice)


def _soso(said: str, advice: str) -> Finding:
    return Finding("Mail domain", Level.WARNING, said, advice)


def _good(said: str) -> Finding:
    return Finding("Mail domain", Level.OK, said)
