"""Pages as a browser without JavaScript sees them. Forms are submitted as rendered.

A test that posts hand-written fields proves only that the view accepts those fields. It does not
notice a field that the template lacks, such as a formset's management form. So tests post with
`Page.submit`, and requests that no page offers with `forge`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

from django.test import Client
from lxml import html

BUTTON_TYPES = {"submit", "image"}


class Page:
    """A response with its forms: `html`, the HTTP `status` and the `url`."""

    def __init__(
        self, client: Client, response: Any, url: str, headers: dict[str, Any] | None = None
    ) -> None:
        self.client = client
        self.headers = headers or {}
        self.response = response
        self.url = url
        self.status = response.status_code
        streams = getattr(response, "streaming", False)
        self.html = (b"".join(response) if streams else response.content).decode()
        self.tree = html.fromstring(self.html or "<html></html>")

    @classmethod
    def open(cls, client: Client, url: str, status: int = 200, **headers: Any) -> Page:
        """GET a URL, follow redirects, and check the status of the last response.

        The headers (`HTTP_…`, `REMOTE_ADDR`) are also sent with forms of the page.
        """
        response = client.get(url, follow=True, **headers)
        page = cls(client, response, _last_address(response, url), headers)
        assert page.status == status, f"GET {url}: {page.status}\n{page.text[:500]}"
        return page

    @property
    def text(self) -> str:
        """Return the visible text with white space collapsed."""
        words = self.tree.xpath("//text()[not(ancestor::script or ancestor::style)]")
        return " ".join(" ".join(words).split())

    def form(self, button: str) -> Any:
        """Return the form that holds a button with this label, value, name or id."""
        return self._form_of(self._button(button))

    def fields(self, button: str) -> dict[str, Any]:
        """Return the values that the form of this button would send; repeated fields are lists."""
        return _values(self.form(button))

    def submit(self, button: Any, *, follow: bool = True, **fields: Any) -> Page:
        """Fill in fields of the button's form, press the button and follow redirects.

        The button is a label, value, name or id or, if several match, an element of `tree`.
        A value is text, a bool for a checkbox, a list for several choices, or an open file.
        Pass other field names as `**{"form-0-name": "value"}`. A missing or disabled field raises
        KeyError.
        """
        pressed = self._button(button)
        form = self._form_of(pressed)
        data = _values(form)
        for name, value in fields.items():
            _fill_in(form, data, name, value)
        if name := pressed.get("name"):
            data[name] = pressed.get("value", "")
        return self._send(form, pressed, data, follow)

    def _send(self, form: Any, pressed: Any, data: dict[str, Any], follow: bool) -> Page:
        action = pressed.get("formaction") or form.get("action") or ""
        address = urljoin(self.url, action) if action else self.url
        method = (pressed.get("formmethod") or form.get("method") or "get").lower()
        data = {name: value for name, value in data.items() if value is not None}
        headers = self.headers | {"HTTP_REFERER": f"http://testserver{self.url}"}
        parts = urlsplit(address)
        if method == "get":
            response = self.client.get(parts.path, data, follow=follow, **headers)
        else:
            path = parts._replace(scheme="", netloc="", fragment="").geturl()
            response = self.client.post(path, data, follow=follow, **headers)
        return Page(self.client, response, _last_address(response, address), self.headers)

    def _button(self, label: Any) -> Any:
        if not isinstance(label, str):
            return label
        buttons = self.tree.xpath("//button | //input[@type='submit' or @type='image']")
        usable = [b for b in buttons if b.get("type", "submit") in BUTTON_TYPES]
        exact = [b for b in usable if label in _labels(b)]
        if not exact:
            labels = sorted({text for b in usable for text in _labels(b) if text})
            raise AssertionError(f"no button “{label}” on {self.url}; there are {labels}")
        assert exact[0].get("disabled") is None, f"the button “{label}” is disabled"
        return exact[0]

    def _form_of(self, button: Any) -> Any:
        if name := button.get("form"):
            return self.tree.get_element_by_id(name)
        forms = button.xpath("ancestor::form")
        assert forms, f"the button {_labels(button)} stands in no form"
        return forms[-1]


def forge(client: Client, url: str, data: Any = None, **extra: Any) -> Any:
    """Post data that no page offers, and return the response.

    Use it for programs (one-click of RFC 8058), attacks (invalid data, missing fields, missing
    permissions, cross-site requests) and expired pages.
    """
    return client.post(url, data, **extra)


def _labels(button: Any) -> set[str]:
    words = " ".join(button.text_content().split())
    names = (button.get(name, "") for name in ("value", "name", "id", "aria-label"))
    return {words, *names}


def _values(form: Any) -> dict[str, Any]:
    """Return the successful controls of a form, as HTML defines them, without buttons."""
    data: dict[str, Any] = {}
    for control in _controls(form):
        for value in _control_values(control):
            name = control.get("name")
            if name not in data:
                data[name] = value
            elif isinstance(data[name], list):
                data[name].append(value)
            else:
                data[name] = [data[name], value]
    return data


def _controls(form: Any) -> list[Any]:
    """Return the enabled, named controls of a form, including those with `form=ID`."""
    inside = form.xpath(".//input | .//select | .//textarea")
    if form.get("id"):
        root = form.getroottree().getroot()
        inside += root.xpath("//*[@form=$id]", id=form.get("id"))
    return [
        control
        for control in inside
        if control.tag in {"input", "select", "textarea"}
        and control.get("name")
        and control.get("form", form.get("id")) == form.get("id")
        and control.get("disabled") is None
        and not control.xpath("ancestor::fieldset[@disabled] | ancestor::template")
    ]


def _control_values(control: Any) -> list[str]:
    if control.tag == "textarea":
        return [(control.text or "").removeprefix("\n")]
    if control.tag == "select":
        return _chosen_options(control)
    kind = control.get("type", "text").lower()
    if kind in {"submit", "button", "image", "reset", "file"}:
        return []
    if kind in {"checkbox", "radio"}:
        return [] if control.get("checked") is None else [control.get("value", "on")]
    return [control.get("value", "")]


def _chosen_options(select: Any) -> list[str]:
    options = select.xpath(".//option[not(@disabled)]")
    chosen = [option for option in options if option.get("selected") is not None]
    if select.get("multiple") is None:
        chosen = chosen[-1:] or options[:1]
    return [_option_value(option) for option in chosen]


def _option_value(option: Any) -> str:
    value = option.get("value")
    return str(option.text_content().strip() if value is None else value)


def _fill_in(form: Any, data: dict[str, Any], name: str, value: Any) -> None:
    """Set a field as a user could: tick a checkbox, or choose an offered option."""
    controls = [control for control in _controls(form) if control.get("name") == name]
    if not controls:
        names = sorted({control.get("name") for control in _controls(form)})
        raise KeyError(f"the form has no field {name!r}; it has {names}")
    kind = controls[0].get("type", "").lower()
    if kind == "checkbox" and isinstance(value, bool):
        data[name] = controls[0].get("value", "on") if value else None
        return
    if controls[0].tag == "select" or kind in {"radio", "checkbox"}:
        offered = _offered(controls)
        wanted = value if isinstance(value, list | tuple) else [value]
        missing = [choice for choice in map(str, wanted) if choice not in offered]
        assert not missing, f"{name!r} does not offer {missing}; it offers {sorted(offered)[:40]}"
    data[name] = value


def _offered(controls: list[Any]) -> set[str]:
    options = {
        _option_value(option)
        for control in controls
        for option in control.xpath(".//option[not(@disabled)]")
    }
    return options | {control.get("value", "on") for control in controls if control.tag == "input"}


def _last_address(response: Any, address: str) -> str:
    chain = getattr(response, "redirect_chain", None)
    parts = urlsplit(urljoin(address, chain[-1][0]) if chain else address)
    return parts._replace(scheme="", netloc="", fragment="").geturl()
