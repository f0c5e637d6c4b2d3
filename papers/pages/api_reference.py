"""The API reference: the OpenAPI document as an HTML page without scripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from papers.pages.api import api

Spec = Mapping[str, Any]
BOUNDS = {"minimum": "from {}", "maximum": "to {}", "maxLength": "up to {} characters"}
MAX_SHOWN_BOUND = 10**6  # larger bounds only reflect the database's number types


@require_safe
def api_page(request: HttpRequest) -> HttpResponse:
    """Show every endpoint and schema."""
    document = api.get_openapi_schema()
    paths = document["paths"].items()
    context = {
        "about": document["info"]["description"],
        "server": document["servers"][0]["url"],
        "operations": [_describe_operation(path, methods["get"]) for path, methods in paths],
        "schemas": [
            {
                "name": name,
                "about": schema.get("description", ""),
                "fields": _describe_fields(schema),
            }
            for name, schema in document["components"]["schemas"].items()
        ],
    }
    return render(request, "papers/api.html", context)


def _describe_operation(path: str, operation: Spec) -> dict[str, Any]:
    responses = operation["responses"]
    return {
        "path": path,
        "summary": operation["summary"],
        "about": operation.get("description", ""),
        "returns": _type_name(responses[200]["content"]["application/json"]["schema"]),
        "errors": sorted(str(status) for status in responses if status != 200),
        "parameters": [_describe_parameter(each) for each in operation.get("parameters", [])],
    }


def _describe_parameter(parameter: Spec) -> dict[str, Any]:
    # The document says "or null" for optional parameters, but a query string cannot hold null.
    options = parameter["schema"].get("anyOf", [parameter["schema"]])
    schema = next(option for option in options if option.get("type") != "null")
    bounds = {words: schema[name] for name, words in BOUNDS.items() if name in schema}
    limits = " ".join(
        words.format(bound) for words, bound in bounds.items() if bound <= MAX_SHOWN_BOUND
    )
    summary = ", ".join(filter(None, [_type_name(schema), limits]))
    if parameter["required"]:
        summary += "; required"
    elif (default := parameter["schema"].get("default")) is not None:
        summary += f"; default {default}"
    return {
        "name": parameter["name"],
        "summary": summary,
        "about": parameter.get("description") or schema.get("description", ""),
    }


def _describe_fields(schema: Spec) -> list[dict[str, str]]:
    return [
        {"name": name, "type": _type_name(field), "about": field.get("description", "")}
        for name, field in schema.get("properties", {}).items()
    ]


def _type_name(schema: Spec) -> str:
    """Return a type in words, such as "list of Paper" or "string or null"."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type_name(option) for option in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type_name(schema['items'])}"
    return str(schema.get("format") or schema.get("type", "anything"))
