"""Public and private addresses."""

from __future__ import annotations

import json

import pytest

from papers.fetching.addresses import is_public
from tests.papers.fetching.requests import get
from tests.shared_data import SHARED, needs_shared_data

ADDRESSES = SHARED / "bad" / "ssrf" / "addresses.json"


PRIVATE = """
    0.0.0.0 10.0.0.1 100.64.0.0 100.100.100.200 127.0.0.1 127.1.2.3 168.63.129.16 169.254.169.254
    172.16.0.1 192.168.2.1 198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255 192.0.2.1
    :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::192.168.2.1
    64:ff9b::7f00:1 2002:C0A8:FFFF:: 2002:7f00:1:: fe80::1 fe80::1%eth0 FEC0:CCCC:: fc00::1
    fd00:ec2::254 ff02::1 2001:db8::1 2001::1
""".split()
PUBLIC = """
    1.2.3.4 8.8.8.8 132.0.5.1 152.254.90.1 178.254.90.1 200.1.1.1 172.32.0.1 100.128.0.1
    2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::
""".split()


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_internet_addresses_are_public(address: str) -> None:
    assert is_public(address)


@needs_shared_data
def test_recorded_addresses_are_classified_correctly() -> None:
    for entry in json.loads(ADDRESSES.read_text()):
        if "/" not in entry:
            assert is_public(entry) == (entry in PUBLIC), entry
        elif "127.0.0.1:" in entry or "localhost" in entry:
            assert get(entry, allow_private=False).outcome == "refused_address", entry
