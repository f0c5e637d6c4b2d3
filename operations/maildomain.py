"""Check the SPF, DKIM and DMARC records of the sender domain.

The checks are pure: they take the TXT records of a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import dns.exception
import dns.resolver

from operations.findings import Finding, Level

Lookup = Callable[[str], list[str]]  # returns the TXT records of a name

TIMEOUT = 3.0  # seconds
MAX_SPF_LOOKUPS = 10  # RFC 7208, 4.6.4; lookups of included records are not counted here
LOOKUP_MECHANISMS = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
CONSEQUENCE = "Without it, large mailbox providers reject the mail or treat it as spam."


class UnreachableError(Exception):
    """No name server answered."""


def txt_lookup(resolver: dns.resolver.Resolver | None = None) -> Lookup:
    """Return a function that looks up TXT records, with the system's resolver by default."""

    def look_up(name: str) -> list[str]:
        try:
            active_resolver = resolver or dns.resolver.Resolver()
            answer = active_resolver.resolve(name, "TXT", lifetime=TIMEOUT)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise UnreachableError(type(error).__name__) from error
        return [b"".join(record.strings).decode(errors="replace") for record in answer]

    return look_up


def check_mail_domain(domain: str, selectors: Sequence[str], look_up: Lookup) -> Iterator[Finding]:
    """Yield a finding per record, or a single note if no name server answers."""
    try:
        yield check_spf(domain, look_up(domain))
        yield from _check_dkim_keys(domain, selectors, look_up)
        yield check_dmarc(domain, *_find_policy(domain, look_up))
    except UnreachableError as error:
        yield Finding(
            "Mail domain",
            Level.NOTE,
            f"The records of {domain} could not be checked: no name server answers ({error}).",
            "Run the doctor on a machine with network access.",
        )


def check_spf(domain: str, texts: Sequence[str]) -> Finding:
    records = [text for text in texts if text.lower().split(" ")[0] == "v=spf1"]
    if not records:
        return _error(
            f"{domain} has no SPF record.", f"Publish your provider's SPF record. {CONSEQUENCE}"
        )
    if len(records) > 1:
        message = f"{domain} has {len(records)} SPF records, so all are ignored."
        return _error(message, "Merge them into one.")
    terms = records[0].lower().split()[1:]
    lookups = sum(re.split("[:/=]", term.lstrip("+-~?"))[0] in LOOKUP_MECHANISMS for term in terms)
    if "+all" in terms or "all" in terms:
        return _error(
            f"The SPF record of {domain} allows all senders ({records[0]}).",
            "End it with -all or ~all.",
        )
    if lookups > MAX_SPF_LOOKUPS:
        return _error(
            f"The SPF record of {domain} needs {lookups} lookups; the limit is {MAX_SPF_LOOKUPS}.",
            "Remove entries.",
        )
    if not any(term in ("-all", "~all") or term.startswith("redirect=") for term in terms):
        return _warning(
            f"The SPF record of {domain} has no rule for other senders.", "End it with ~all."
        )
    return _ok(f"SPF record of {domain}: {records[0]}")


def _check_dkim_keys(domain: str, selectors: Sequence[str], look_up: Lookup) -> Iterator[Finding]:
    for selector in selectors:
        name = f"{selector}._domainkey.{domain}"
        yield check_dkim(name, look_up(name))
    if not selectors:
        yield Finding(
            "Mail domain",
            Level.NOTE,
            "The DKIM key was not checked, because its name is unknown.",
            "Set DKIM_SELECTORS to your provider's selector, such as pm or k1.",
        )


def check_dkim(name: str, texts: Sequence[str]) -> Finding:
    keys = [tags for text in texts if "p" in (tags := _tags(text))]
    if not keys:
        return _error(
            f"There is no DKIM key at {name}.", f"Publish your provider's key. {CONSEQUENCE}"
        )
    if not any(tags["p"] for tags in keys):
        return _error(f"The DKIM key at {name} is revoked (p= is empty).", "Publish the new key.")
    return _ok(f"DKIM key at {name}")


def check_dmarc(domain: str, name: str, texts: Sequence[str]) -> Finding:
    if not texts:
        return _error(
            f"{domain} has no DMARC record.",
            f"Publish at least v=DMARC1; p=none. {CONSEQUENCE}",
        )
    if len(texts) > 1:
        return _error(
            f"{name} has {len(texts)} DMARC records, so all are ignored.", "Keep only one."
        )
    policy = _tags(texts[0]).get("p", "").lower()
    if policy not in ("none", "quarantine", "reject"):
        return _error(f"{name} has no valid p= ({texts[0]}).", "Set p=none, quarantine or reject.")
    if policy == "none":
        return _warning(
            f"{name} is in monitoring mode (p=none).",
            "Once the reports look right, set p=quarantine.",
        )
    return _ok(f"DMARC record at {name}: p={policy}")


def _find_policy(domain: str, look_up: Lookup) -> tuple[str, list[str]]:
    """Return the DMARC records of a domain, or those of its nearest parent."""
    labels = domain.split(".")
    for start in range(max(1, len(labels) - 1)):
        name = f"_dmarc.{'.'.join(labels[start:])}"
        if texts := [text for text in look_up(name) if text.lower().startswith("v=dmarc1")]:
            return name, texts
    return f"_dmarc.{domain}", []


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _error(message: str, advice: str) -> Finding:
    return Finding("Mail domain", Level.ERROR, message, advice)


def _warning(message: str, advice: str) -> Finding:
    return Finding("Mail domain", Level.WARNING, message, advice)


def _ok(message: str) -> Finding:
    return Finding("Mail domain", Level.OK, message)
