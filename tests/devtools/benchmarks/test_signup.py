from __future__ import annotations

import pytest

from devtools.benchmarks import signup


@pytest.mark.slow
@pytest.mark.promise(30)
def test_one_repeated_address_gets_one_email_and_other_clients_are_served() -> None:
    report = signup.run({"seconds": 3, "answers": 2, "attacks": ["one address"]})
    row = report["rows"]["one address"]
    assert row["tries_per_s"] * report["seconds"] >= 10
    assert row["mails"] == 1
    assert row["honest_signed_up"] == row["honest"] >= 1
    assert set(report["answers"]) == set(signup.STATES)
    assert "one address" in signup.table(report)
    assert "response for erased" in signup.table(report)
