"""`Page` submits a form like a browser does, and all tests use it."""

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
    "config/test_providers.py": "requests of a RequestFactory, without a page",
    "web/test_rate_limit.py": "requests of a RequestFactory, without a page",
    "deploy/test_slow_senders.py": "another program, over the network",
    "browser/test_whole_way.py": "the one-click unsubscribe of an email client, over the network",
}
"""Files that post without `Page.submit` and `forge`, with the reason."""


class Recorder(Client):
    """A client that records requests instead of sending them."""

    sent: tuple[str, str, Any] = ("", "", None)

    def post(self, path: str, data: Any = None, **extra: Any) -> Any:
        self.sent = ("post", path, data)
        return FakeResponse()

    def get(self, path: str, data: Any = None, **extra: Any) -> Any:
        self.sent = ("get", path, data)
        return FakeResponse()


class FakeResponse:
    status_code = 200
    content = FORM.encode()


@pytest.fixture
def client() -> Recorder:
    return Recorder()


def test_all_and_only_rendered_fields_are_sent(client: Recorder) -> None:
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


def test_a_checked_box_can_be_unchecked(client: Recorder) -> None:
    Page.open(client, "/here/").submit("_save", on=False)
    assert "on" not in client.sent[2]


def test_a_form_without_method_and_action_gets_its_own_url(client: Recorder) -> None:
    Page.open(client, "/here/").submit("Search")
    assert client.sent == ("get", "/here/", {})


@pytest.mark.parametrize("field", ["locked", "nothing", "_save"])
def test_an_unknown_or_disabled_field_is_an_error(client: Recorder, field: str) -> None:
    with pytest.raises(KeyError):
        Page.open(client, "/here/").submit("Save now", **{field: "x"})


@pytest.mark.parametrize(("field", "value"), [("day", "tue"), ("size", "xl")])
def test_a_choice_the_form_does_not_offer_is_an_error(
    client: Recorder, field: str, value: str
) -> None:
    with pytest.raises(AssertionError, match="does not offer"):
        Page.open(client, "/here/").submit("Save now", **{field: value})


def test_a_missing_button_is_an_error(client: Recorder) -> None:
    with pytest.raises(AssertionError, match="there are"):
        Page.open(client, "/here/").submit("Other")


def syntax_nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


def test_all_tests_post_with_submit_or_forge() -> None:
    files = {path.relative_to(TESTS).as_posix(): syntax_nodes(path) for path in TESTS.rglob("*.py")}
    posting = {
        name
        for name, nodes in files.items()
        if any(isinstance(node, ast.Attribute) and node.attr == "post" for node in nodes)
    }
    assert posting == set(POSTS), "use Page.submit, or forge for requests that no page can send"
    forging = {
        name
        for name, nodes in files.items()
        if any(isinstance(node, ast.FunctionDef) and node.name == "forge" for node in nodes)
    }
    assert forging == {"pages.py"}, "define forge only once"
