"""Error reports to Sentry if SENTRY_DSN is set, redacted like log lines."""

from __future__ import annotations

from typing import Any

from config.logs import redact

# These may contain text that a reader typed.
REMOVED_FIELDS = ("cookies", "data", "env", "headers", "query_string")


def validate_dsn(dsn: str) -> str:
    """Return what is wrong with a DSN, or "" if it is empty or valid."""
    if not dsn:
        return ""
    from sentry_sdk.utils import BadDsn, Dsn  # see `start`

    try:
        Dsn(dsn)
    except (BadDsn, ValueError) as error:
        return f"is not a DSN such as https://key@host/1: {error}."
    return ""


def start(dsn: str, environment: str) -> None:
    """Start reporting if there is a DSN: no traces, bodies, local variables or addresses."""
    if not dsn:
        return
    # Imported here, because it costs half a second at the start of every process.
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
        before_send=scrub,
        before_breadcrumb=scrub,
    )


def scrub(event: Any, _hint: Any) -> Any:
    """Remove personal data from an event or breadcrumb."""
    for name in REMOVED_FIELDS:
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
