"""Accessibility checks of the open page with axe-core."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from tests.browser.conftest import Browser

RUN = """
const [done] = [...arguments].slice(-1);
axe.run({exclude: [...arguments[0]]}, {resultTypes: ["violations"]}).then(({violations}) => done(
  violations.flatMap(({id, nodes}) =>
    nodes.map(({failureSummary, html}) => `${id}: ${failureSummary} ${html}`))
));
"""


@cache
def _library() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text()


def violations(browser: Browser, *, but: Sequence[str] = ()) -> list[str]:
    """Return a line for each element that breaks a rule, except elements matching `but`.

    JavaScript must be enabled.
    """
    browser.chrome.execute_script(_library())
    found: list[str] = browser.chrome.execute_async_script(RUN, list(but))
    return found
