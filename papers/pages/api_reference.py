"""The API for people: its OpenAPI document as a page, without any script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from papers.pages.api import api

Spec = Mapping[str, Any]
BOUNDS = {"minimum": "from", "maximum": "to", "maxLength": "characters at most:"}
TELLING = 10**6  # greater bounds are those of the database


@require_safe
def api_page(request: HttpRequest) -> HttpResponse:
    """What can be asked, and what is answered."""
    document = api.get_openapi_schema()
    paths = document["paths"].items()
    context = {
        "about": document["info"]["description"],
        "server": document["servers"][0]["url"],
        "operations": [_operation(path, told["get"]) for path, told in paths],
        "shapes": [
            {"name": name, "about": shape.get("description", ""), "fields": _fields(shape)}
            for name, shape in document["components"]["schemas"].items()
        ],
    }
    return render(request, "papers/api.html", context)


def _operation(path: str, told: Spec) -> dict[str, Any]:
    parameters = told.get("parameters", [])
    answer = told["responses"][200]["content"]["application/json"]["schema"]
    return {
        "path": path,
        "summary": told["summary"],
        "about": told.get("description", ""),
        "answer": _shape(answer),
        "problems": sorted(str(status) for status in told["responses"] if status != 200),
        "parameters": [_parameter(one) for one in parameters],
    }


def _parameter(told: Spec) -> dict[str, Any]:
    # One that may be left out is "or null" in the document; nobody can send that.
    either = told["schema"].get("anyOf", [told["schema"]])
    schema = next(one for one in either if one.get("type") != "null")
    bounds = {said: schema[name] for name, said in BOUNDS.items() if name in schema}
    return {
        "name": told["name"],
        "kind": _shape(schema),
        "required": told["required"],
        "about": told.get("description", ""),
        "bounds": " ".join(f"{said} {one}" for said, one in bounds.items() if one <= TELLING),
        "default": told["schema"].get("default"),
    }


def _fields(shape: Spec) -> list[dict[str, str]]:
    return [
        {"name": name, "kind": _shape(told), "about": told.get("description", "")}
        for name, told in shape.get("properties", {}).items()
    ]


def _shape(schema: Spec) -> str:
    """A type in words: "list of PaperOut", "string or null"."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_shape(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_shape(schema['items'])}"
    return str(schema.get("format") or schema.get("type", "anything"))
