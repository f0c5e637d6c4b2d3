"""The page of the doctor, as an operator sees it."""

from __future__ import annotations

from django.contrib.auth.models import Group, User
from selenium.webdriver.common.by import By

from subscriptions.staff import roles
from tests.browser.axe import violations
from tests.browser.conftest import Browser


def test_an_operator_sees_findings_and_advice(browser: Browser) -> None:
    user = User.objects.create_user("mary", "mary@paper.example", "quite-secret", is_staff=True)
    user.groups.add(Group.objects.get(name=roles.OPERATOR))
    browser.open("/admin/login/?next=/admin/doctor/")
    browser.fill("Username:", "mary")
    browser.fill("Password:", "quite-secret")
    browser.chrome.find_element(By.CSS_SELECTOR, "[type=submit]").click()
    browser.sees("Checked just now")
    for area in ("PostgreSQL", "Migrations", "Redis", "Workers", "Beat"):
        browser.find(f"//table//td[@class='area'][.='{area}']", area)
    browser.sees("All applied.")
    wrong = browser.chrome.find_elements(By.CSS_SELECTOR, "tr.error, tr.warning")
    told = [row.text for row in wrong if row.find_elements(By.CSS_SELECTOR, ".advice")]
    # Checks of Django and of its apps say what to do in the sentence itself.
    assert all(" Settings " in row.text for row in wrong if row.text not in told)
    assert any("No worker for queue" in text for text in told)
    assert violations(browser) == []
