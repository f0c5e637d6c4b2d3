"""Checks of the mail domain, with records from a real name server on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from operations import maildomain
from operations.findings import Finding, Level
from operations.maildomain import check_dkim, check_dmarc, check_spf

RECORDS = {
    "news.example.org.": ['"some-other-record"', '"v=spf1 include:_spf.example.net ~all"'],
    "pm._domainkey.news.example.org.": ['"k=rsa; p=MIGfMA0GCSq" "GSIb3DQEB"'],
    "_dmarc.example.org.": ['"v=DMARC1; p=reject; rua=mailto:x@example.org"'],
}


@pytest.fixture
def resolver() -> Iterator[dns.resolver.Resolver]:
    """Run a name server with RECORDS."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                packet, client = server.recvfrom(4096)
            except OSError:
                return
            question = dns.message.from_wire(packet)
            name = question.question[0].name
            answer = dns.message.make_response(question)
            if texts := RECORDS.get(str(name)):
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *texts))
            else:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            server.sendto(answer.to_wire(), client)

    threading.Thread(target=serve, daemon=True).start()
    found = dns.resolver.Resolver(configure=False)
    found.nameservers, found.port = ["127.0.0.1"], server.getsockname()[1]
    yield found
    server.close()


def found(domain: str, selectors: list[str], resolver: dns.resolver.Resolver) -> list[Finding]:
    return list(maildomain.check_mail_domain(domain, selectors, maildomain.txt_lookup(resolver)))


def test_a_domain_with_spf_dkim_and_dmarc_is_ok(resolver: dns.resolver.Resolver) -> None:
    findings = found("news.example.org", ["pm"], resolver)
    assert [finding.level for finding in findings] == [Level.OK] * 3
    assert "_dmarc.example.org: p=reject" in findings[2].message


def test_a_domain_without_records_has_three_errors(resolver: dns.resolver.Resolver) -> None:
    findings = found("example.com", ["pm"], resolver)
    assert [finding.level for finding in findings] == [Level.ERROR] * 3
    assert all(finding.advice for finding in findings)


def test_unreachable_name_servers_give_one_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maildomain, "TIMEOUT", 0.2)
    nobody = dns.resolver.Resolver(configure=False)
    nobody.nameservers, nobody.port = ["127.0.0.1"], 1
    [finding] = found("example.org", ["pm"], nobody)
    assert finding.level == Level.NOTE
    assert "no name server answers" in finding.message


@pytest.mark.parametrize(
    ("records", "level", "said"),
    [
        (["v=spf1 mx -all"], Level.OK, "SPF record of e.org"),
        (["v=spf1 redirect=_spf.e.net"], Level.OK, "SPF record of e.org"),
        (["v=spf10 -all"], Level.ERROR, "no SPF"),
        (["v=spf1 -all", "v=spf1 mx -all"], Level.ERROR, "2 SPF records"),
        (["v=spf1 +all"], Level.ERROR, "allows all senders"),
        (["v=spf1 mx ?all"], Level.WARNING, "no rule for other senders"),
        (["v=spf1 " + "include:x.org " * 11 + "-all"], Level.ERROR, "11 lookups"),
    ],
)
def test_spf_records_are_judged(records: list[str], level: Level, said: str) -> None:
    finding = check_spf("e.org", records)
    assert finding.level == level
    assert said in finding.message


def test_dkim_records_are_judged() -> None:
    assert check_dkim("n", ["v=DKIM1; k=rsa; p=MIGf"]).level == Level.OK
    assert check_dkim("n", ["v=DKIM1; p="]).level == Level.ERROR
    assert check_dkim("n", ["v=spf1 -all"]).level == Level.ERROR


def test_dmarc_records_are_judged() -> None:
    assert check_dmarc("e.org", "n", ["v=DMARC1; p=quarantine"]).level == Level.OK
    assert check_dmarc("e.org", "n", ["v=DMARC1; p=none"]).level == Level.WARNING
    assert check_dmarc("e.org", "n", ["v=DMARC1; sp=none"]).level == Level.ERROR
    assert check_dmarc("e.org", "n", ["v=DMARC1; p=none"] * 2).level == Level.ERROR
