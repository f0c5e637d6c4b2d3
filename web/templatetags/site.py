"""Template tags for the site's name, postal address and imprint.

They are built in, so templates need no `load`:

    {% site_name %}, {% site_name as site_name %}
"""

from __future__ import annotations

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def site_name() -> str:
    return settings.SITE_NAME


@register.simple_tag
def postal_address() -> str:
    return settings.POSTAL_ADDRESS


@register.simple_tag
def imprint_url() -> str:
    return settings.IMPRINT_URL
