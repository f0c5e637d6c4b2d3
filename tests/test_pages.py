"""The test utility itself: a form is sent as a browser would send it, and tests use it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.pages import Page

FORM = """<!doctype html><form id="a" method="post" action="/there/?x=1">
<input type="hidden" name="form-TOTAL_FORMS" value="1"><input name="title" value="old">
<input type="checkbox" name="on" checked><input type="checkbox" name="off" value="1">
<input type="radio" name="size" value="s"><input type="radio" name="size" value="l" checked>
<select name="day"><option value="">-</option><option selected>mon</option></select>
<select name="many" multiple><option selected>1</option><option selected>2</option></select>
<textarea name="note">
two
lines</textarea><input name="locked" value="1" disabled>
<button name="_save" value="yes">Save <b>now</b></button><button type="button">Other</button>
</form><input name="aside" form="a" value="too"><form><button>Search</button></form>"""

TESTS = Path(__file__).parent
POSTS = {
    "pages.py": "what `Page.submit` and `forge` do",
    "web/test_rate_limit.py": "requests without a site: RequestFactory",
    "deploy/test_slow_senders.py": "another program, over the network",
    "browser/test_whole_way.py": "the one click of a mail program, over the network",
}
"""The files that post by themselves, and why; all others use `Page.submit` or `forge`."""


class Recorder(Client):
    """A client that keeps what it would send."""

    sent: tuple[str, str, Any] = ("", "", None)

    def post(self, path: str, data: Any = None, **extra: Any) -> Any:
        self.sent = ("post", path, data)
        return Answer()

    def get(self, path: str, data: Any = None, **extra: Any) -> Any:
        self.sent = ("get", path, data)
        return Answer()


class Answer:
    status_code = 200
    content = FORM.encode()


@pytest.fixture
def client() -> Recorder:
    return Recorder()


def test_every_rendered_field_is_sent_and_no_other(client: Recorder) -> None:
    page = Page.open(client, "/here/")
    page.submit("Save now", title="new", off=True, size="s")
    assert client.sent == (
        "post",
        "/there/?x=1",
        {
            "form-TOTAL_FORMS": "1",
            "title": "new",
            "on": "on",
            "off": "1",
            "size": "s",
            "day": "mon",
            "many": ["1", "2"],
            "note": "two\nlines",
            "aside": "too",
            "_save": "yes",
        },
    )


def test_a_ticked_box_is_unticked(client: Recorder) -> None:
    Page.open(client, "/here/").submit("_save", on=False)
    assert "on" not in client.sent[2]


def test_a_form_without_a_method_asks_its_own_address(client: Recorder) -> None:
    Page.open(client, "/here/").submit("Search")
    assert client.sent == ("get", "/here/", {})


@pytest.mark.parametrize("field", ["locked", "nothing", "_save"])
def test_a_field_that_the_form_does_not_have_is_an_error(client: Recorder, field: str) -> None:
    with pytest.raises(KeyError):
        Page.open(client, "/here/").submit("Save now", **{field: "x"})


@pytest.mark.parametrize(("field", "value"), [("day", "tue"), ("size", "xl")])
def test_a_choice_that_is_not_offered_is_an_error(client: Recorder, field: str, value: str) -> None:
    with pytest.raises(AssertionError, match="does not offer"):
        Page.open(client, "/here/").submit("Save now", **{field: value})


def test_a_button_that_is_not_there_is_an_error(client: Recorder) -> None:
    with pytest.raises(AssertionError, match="there are"):
        Page.open(client, "/here/").submit("Other")


def parsed(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


def test_tests_submit_what_a_page_shows_or_say_that_they_forge() -> None:
    files = {path.relative_to(TESTS).as_posix(): parsed(path) for path in TESTS.rglob("*.py")}
    posting = {
        name
        for name, nodes in files.items()
        if any(isinstance(node, ast.Attribute) and node.attr == "post" for node in nodes)
    }
    assert posting == set(POSTS), "use Page.submit, or forge for what no page offers"
    forging = {
        name
        for name, nodes in files.items()
        if any(isinstance(node, ast.FunctionDef) and node.name == "forge" for node in nodes)
    }
    assert forging == {"pages.py"}, "one forge for all tests"
