"""Errors to Sentry, where SENTRY_DSN is set; scrubbed as log lines are."""

from __future__ import annotations

from typing import Any

from config.logs import redact

# A frame's variables, a request's body, headers and cookies may hold whatever a reader typed.
LEFT_OUT = ("cookies", "data", "env", "headers", "query_string")


def refuse(dsn: str) -> str:
    """Say what is wrong with a DSN; "" for one that is usable, or none."""
    if not dsn:
        return ""
    from sentry_sdk.utils import BadDsn, Dsn  # see `start`

    try:
        Dsn(dsn)
    except (BadDsn, ValueError) as error:
        return f"is not a DSN such as https://key@host/1: {error}."
    return ""


def start(dsn: str, environment: str) -> None:
    """Idle without a DSN. No traces, no bodies, no local variables, no addresses."""
    if not dsn:
        return
    # Imported here: every process starts half a second sooner where nobody asked for it.
    import sentry_sdk
    from sentry_sdk.integrations.celery import CeleryIntegration
    from sentry_sdk.integrations.django import DjangoIntegration

    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        integrations=[DjangoIntegration(), CeleryIntegration()],
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=20,
        before_send=scrubbed,
        before_breadcrumb=scrubbed,
    )


def scrubbed(event: Any, _hint: Any) -> Any:
    """An event, or one of what came before it, without what says who a reader is."""
    for name in LEFT_OUT:
        event.get("request", {}).pop(name, None)
    event.pop("user", None)
    return _clean(event)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {name: _clean(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(part) for part in value]
    return value
